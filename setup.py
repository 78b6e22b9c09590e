"""Where the packages lie: `longtail` and, beside it in the checkout, what is imported below it."""

from setuptools import find_packages, setup

BESIDE = ("index", "retrieval", "serving", "evaluation", "training", "configs")

setup(
    package_dir={"longtail": "longtail", **{f"longtail.{name}": name for name in BESIDE}},
    packages=[
        *find_packages(include=["longtail", "longtail.*"]),
        *(
            f"longtail.{name}"
            for name in find_packages(include=[p for n in BESIDE for p in (n, f"{n}.*")])
        ),
    ],
)
