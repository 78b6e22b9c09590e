"""What is installed: one package, whole, and deaf to a user's own modules of our folders' names."""

from __future__ import annotations

import re
import shutil
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from checkout import PACKAGES, ROOT
from processes import Done, output_of_python, run_program, run_python

BESIDE = ("tests", "benchmarks", "examples")
LOADS = """
import sys
from longtail import Retriever
import longtail.evaluation.protocol, longtail.serving.server, longtail.training.train
names = [name for name in sys.modules if name.startswith("longtail.")]
print(*sorted({sys.modules[name].__file__ for name in names}), sep="\\n")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as a release makes it: of a source archive, which is made of a checkout."""
    folder = tmp_path_factory.mktemp("release")
    checkout = folder / "checkout"
    for name in (*PACKAGES, *BESIDE):
        shutil.copytree(
            ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__", "results")
        )
    for path in ROOT.iterdir():
        if path.is_file() and not path.name.startswith("."):
            shutil.copy(path, checkout)
    archive = built("sdist", checkout, folder)
    with tarfile.open(archive) as file:
        file.extractall(folder / "unpacked", filter="data")
    [unpacked] = (folder / "unpacked").iterdir()
    return built("wheel", unpacked, folder)


def built(kind: str, source: Path, out: Path) -> Path:
    script = f"import sys, setuptools.build_meta as b; print(b.build_{kind}(sys.argv[1]))"
    return out / output_of_python("-c", script, out, place=source).splitlines()[-1]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel installed, which wins over the checkout once it is on the path."""
    target = tmp_path_factory.mktemp("installed")
    output_of_python(
        *("-m", "pip", "install", "--no-deps", "--no-index", "--no-compile", "--no-cache-dir"),
        *("--disable-pip-version-check", "--target", target, wheel),
    )
    return target


@pytest.fixture(scope="module", params=["editable", "plain"])
def install(request: pytest.FixtureRequest) -> Path | None:
    """Where the package is installed; None for the checkout that tests run in."""
    if request.param == "editable":
        return None
    found: Path = request.getfixturevalue("installed")
    return found


@pytest.fixture
def shadows(tmp_path: Path) -> Path:
    """A user's folder whose modules have our folders' names; none may be imported."""
    for name in set(PACKAGES) - {"longtail"}:
        (tmp_path / f"{name}.py").write_text("raise ImportError(f'{__name__} is the user\\'s own')")
    return tmp_path


def run_there(place: Path, install: Path | None, *words: object) -> Done:
    return run_python(*words, place=place, environment={"PYTHONPATH": install or ""})


def test_the_wheel_holds_all_of_one_package_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if not name.endswith("/")}
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"longtail", f"{'-'.join(wheel.name.split('-')[:2])}.dist-info"}
    expected = {
        ("" if folder == "longtail" else "longtail/") + path.relative_to(ROOT).as_posix()
        for folder in PACKAGES
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in names if name.startswith("longtail/")} == expected


def test_a_user_s_modules_of_our_folders_names_do_no_harm(
    install: Path | None, shadows: Path
) -> None:
    done = run_there(shadows, install, "-c", LOADS)
    assert done.code == 0, done.err
    paths = [Path(line) for line in done.out.splitlines()]
    assert len(paths) > 100
    assert all(path.is_relative_to(install or ROOT) for path in paths)


def test_the_command_runs_beside_them(install: Path | None, shadows: Path) -> None:
    script = (install / "bin" if install else Path(sys.executable).parent) / "longtail"
    done = run_program(script, "-h", place=shadows, environment={"PYTHONPATH": install or ""})
    assert done.out.startswith("Usage: longtail"), done.err


@pytest.mark.parametrize(
    "launcher", [(), ("-m", "torch.distributed.run", "--standalone")], ids=["python", "torchrun"]
)
def test_the_module_runs_beside_them(
    install: Path | None, shadows: Path, launcher: tuple[str, ...]
) -> None:
    done = run_there(shadows, install, *launcher, "-m", "longtail", "train", "-h")
    assert done.out.startswith("Usage: longtail train"), done.err


def test_the_image_is_built_from_all_that_a_build_needs() -> None:
    lines = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = {name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1]}
    assert copied >= {*PACKAGES, "pyproject.toml", "setup.py", "constraints.txt", "README.md"}
    assert "deploy/requirements.txt" in copied


def test_what_the_image_installs_is_pinned_with_sums_as_everywhere() -> None:
    """`make lock` rewrites deploy/requirements.txt."""
    text = (ROOT / "deploy" / "requirements.txt").read_text(encoding="utf-8")
    entries = [entry.split() for entry in text.replace("\\\n", " ").splitlines() if entry]
    pins = {words[0] for words in entries}
    constraints = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert pins <= set(constraints.lower().replace("_", "-").split())
    assert all(any(word.startswith("--hash=sha256:") for word in words) for words in entries)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    asked = [*project["dependencies"], *extras["cpu"], *extras["serve"]]
    names = {pin.partition("==")[0] for pin in pins}
    assert {re.split(r"[<>=\[]", each)[0] for each in asked} - names == {"torch"}
