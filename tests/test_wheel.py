"""The wheel in a bare environment, without a checkout: it trains, queries and evaluates a shop."""

from __future__ import annotations

import json
import sys
import venv
from pathlib import Path

import pytest
from checkout import ROOT
from processes import Done, output_of_python, run_program

# Runs a command, and then says where everything came from.
COMMAND = """
import atexit, sys
from longtail.cli import main
def files():
    ours = [module for name, module in list(sys.modules.items()) if name.startswith("longtail")]
    places = {str(module.__file__) for module in ours if getattr(module, "__file__", None)}
    open("modules.txt", "a").writelines(f"{place}\\n" for place in places)
atexit.register(files)
sys.argv[0] = "longtail"
main()
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that has the wheel and its dependencies, and has never seen the checkout."""
    folder = tmp_path_factory.mktemp("bare")
    # Out of a copy: a build leaves files in its source.
    script = (
        "import shutil, sys; shutil.copytree(sys.argv[1], sys.argv[2], ignore="
        "shutil.ignore_patterns('.*', 'build', '*.egg-info', '__pycache__', 'demo', 'site'))"
    )
    output_of_python("-c", script, ROOT, folder / "source")
    output_of_python(
        *("-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-q"),
        *("--disable-pip-version-check", "-w", folder / "wheels", folder / "source"),
    )
    [wheel] = (folder / "wheels").glob("*.whl")
    environment = folder / "environment"
    venv.create(environment, with_pip=False, symlinks=True)
    [packages] = environment.glob("lib/python*/site-packages")
    output_of_python(
        *("-m", "pip", "install", "--no-deps", "--no-index", "--no-compile", "-q"),
        *("--disable-pip-version-check", "--target", packages, wheel),
    )
    # Folders alone: the links to a checkout, which stand in files within them, aren't followed.
    found = [place for place in sys.path if Path(place).name == "site-packages"]
    (packages / "dependencies.pth").write_text("".join(f"{place}\n" for place in found))
    return environment


def longtail_in(environment: Path, place: Path, *words: object) -> Done:
    python = environment / "bin" / "python"
    done = run_program(
        *(python, "-W", "ignore", "-c", COMMAND, *words),
        place=place,
        environment={"PYTHONPATH": "", "HF_HUB_OFFLINE": "1"},
    )
    assert done.code == 0, done.err
    return done


@pytest.mark.slow
def test_the_wheel_trains_queries_and_evaluates_a_shop(bare: Path, tmp_path: Path) -> None:
    longtail_in(bare, tmp_path, "data", "synth", "shop", "--items", 120, "--users", 150)
    quick = ("co_taken.epochs=0", "encoder.epochs=0", "sequence.epochs=0", "relevance.rounds=10")
    sets = [word for each in quick for word in ("--set", each)]
    longtail_in(bare, tmp_path, "train", "shop", "--config", "demo", *sets, "--out", "run")
    answer = longtail_in(bare, tmp_path, "query", "run", "--text", "bread", "--format", "json")
    assert json.loads(answer.out)
    longtail_in(bare, tmp_path, "evaluate", "run", "--baselines", "none", "-k", "5,10")
    assert json.loads((tmp_path / "run" / "metrics.json").read_text(encoding="utf-8"))
    assert "<html" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8").lower()
    modules = [Path(line) for line in (tmp_path / "modules.txt").read_text().splitlines()]
    assert len(modules) > 100
    packages = bare / "lib"
    assert [place for place in modules if not place.is_relative_to(packages)] == []


@pytest.mark.slow
def test_the_wheel_brings_what_the_service_shows(bare: Path, tmp_path: Path) -> None:
    script = (
        "from pathlib import Path; import longtail.serving.explorer as e, longtail.configs as c; "
        "print(len(list((Path(e.__file__).parent / 'static').rglob('*.*'))), "
        "*sorted(p.name for p in Path(c.__file__).parent.glob('*.yaml')))"
    )
    python = bare / "bin" / "python"
    done = run_program(python, "-c", script, place=tmp_path, environment={"PYTHONPATH": ""})
    count, *configs = done.out.split()
    explorer = ROOT / "serving" / "explorer" / "static"
    assert int(count) == len(list(explorer.rglob("*.*"))) > 0
    assert configs == sorted(path.name for path in (ROOT / "configs").glob("*.yaml"))
