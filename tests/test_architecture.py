"""The ladder of packages: each imports only what stands below it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {
    "index": set(),
    "retrieval": {"index"},
    "evaluation": {"index", "retrieval"},
    "training": {"index", "retrieval", "evaluation"},
    "longtail": {"index", "retrieval", "evaluation", "training"},
}
INDEX_MAY_USE = {"numpy", "faiss"}
SHAPELESS = {"utils", "util", "helpers", "helper", "common", "misc"}
MODULES = sorted(path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py"))


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and top-level name of every import of a file, those in functions included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            yield (
                node.lineno,
                path.relative_to(ROOT).parts[0]
                if node.level
                else (node.module or "").partition(".")[0],
            )


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_the_package_is_there(package: str) -> None:
    assert (ROOT / package / "__init__.py").is_file()


@pytest.mark.parametrize("path", MODULES, ids=named)
class TestEveryModule:
    def test_imports_only_from_below(self, path: Path) -> None:
        package = path.relative_to(ROOT).parts[0]
        above = MAY_IMPORT.keys() - MAY_IMPORT[package] - {package}
        wrong = [f"line {line}: {name}" for line, name in imports_of(path) if name in above]
        assert not wrong, f"{named(path)} reaches up the ladder"

    def test_pickles_nothing(self, path: Path) -> None:
        names = {name for _, name in imports_of(path)}
        assert not names & {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve"}

    def test_has_a_name_that_says_something(self, path: Path) -> None:
        assert not set(path.relative_to(ROOT).with_suffix("").parts) & SHAPELESS


@pytest.mark.parametrize(
    "path", [p for p in MODULES if p.is_relative_to(ROOT / "index")], ids=named
)
def test_the_index_needs_numpy_and_faiss_alone(path: Path) -> None:
    known = INDEX_MAY_USE | {"index"} | set(sys.stdlib_module_names)
    assert not [f"line {line}: {name}" for line, name in imports_of(path) if name not in known]


def loaded_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=120,
    )
    return set(done.stdout.split())


def test_serving_loads_no_training() -> None:
    loaded = loaded_after("import retrieval, retrieval.retriever")
    assert "retrieval.retriever" in loaded
    assert not {"training", "evaluation", "longtail", "accelerate"} & loaded


def test_the_facade_loads_nothing_heavy_before_it_is_used() -> None:
    loaded = loaded_after("import longtail, index.store, retrieval.catalog")
    assert not {"torch", "transformers", "sentence_transformers", "training"} & loaded
