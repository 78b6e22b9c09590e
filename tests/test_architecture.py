"""The ladder of packages: each imports only what stands below it; one test a rule."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from checkout import PACKAGES, ROOT
from processes import output_of_python

# From the ground up. A module stands on the rung that names it most closely.
LADDER: tuple[tuple[str, ...], ...] = (
    ("index.errors", "index.disk", "index.files", "index.temporary_folder", "index.faiss_runtime"),
    ("index.checks", "index.item_ids"),
    ("index.stored_parts",),
    ("index.vectors",),
    ("index.ann",),
    ("index.search",),
    ("index",),
    ("index.storage",),
    ("retrieval", "configs"),
    ("retrieval.kernels",),
    ("retrieval.data",),
    ("retrieval.towers",),
    ("retrieval.features",),
    ("retrieval.run",),
    ("retrieval.ranking",),
    ("serving", "evaluation.errors", "evaluation.targets"),
    ("evaluation.metrics",),
    ("evaluation.protocol", "evaluation.results"),
    ("evaluation.significance",),
    ("evaluation",),
    ("training",),
    ("longtail",),
)
STRANGERS = (("serving", "evaluation"), ("serving", "training"))
INDEX_MAY_USE = {"numpy", "faiss", "longtail"}
MOST_LOOSE_FILES = 12
MOST_PARAMETERS = 9
# What one question holds: it travels whole.
ONE_QUESTION = {"pool", "allowed", "excluded"}
SHAPELESS = {"utils", "util", "helpers", "helper", "common", "misc"}
PICKLES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve"}


def _module(path: Path) -> str:
    """Return a file's name as it is imported, less the leading ``longtail.``."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {
    _module(path): path for folder in PACKAGES for path in sorted((ROOT / folder).rglob("*.py"))
}


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def imports_of(path: Path) -> tuple[tuple[int, str], ...]:
    """Return line and dotted name of every import of a file, those in functions included."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return tuple(found)


def ours(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and module of every import of our own, by our short names."""
    for line, name in imports_of(path):
        if not name.startswith("longtail."):
            continue
        short = name.removeprefix("longtail.")
        # The application's own modules keep their folder's name.
        for candidate in (short, f"longtail.{short}"):
            while candidate and candidate not in FILES:
                candidate = candidate.rpartition(".")[0]
            if candidate not in ("", "longtail"):
                yield line, candidate
                break


def rung(module: str) -> int:
    """Return how high up the ladder a module stands."""
    places = {name: height for height, names in enumerate(LADDER) for name in names}
    while module not in places:
        module = module.rpartition(".")[0]
    return places[module]


def test_every_folder_is_a_package() -> None:
    folders = {path.parent for path in FILES.values()}
    assert not [folder for folder in folders if not (folder / "__init__.py").is_file()]


def test_modules_import_only_from_below() -> None:
    wrong = [
        f"{module}:{line} imports {other}"
        for module, path in FILES.items()
        for line, other in ours(path)
        if rung(other) > rung(module)
    ]
    assert not wrong


def test_serving_is_a_stranger_to_evaluation_and_training() -> None:
    wrong = [
        f"{module}:{line} imports {other}"
        for module, path in FILES.items()
        for line, other in ours(path)
        for pair in STRANGERS
        if {module.partition(".")[0], other.partition(".")[0]} == set(pair)
    ]
    assert not wrong


def test_no_imports_go_round_in_circles() -> None:
    graph: Mapping[str, set[str]] = {
        module: {other for _, other in ours(path)} - {module} for module, path in FILES.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_the_index_needs_numpy_and_faiss_alone() -> None:
    known = INDEX_MAY_USE | set(sys.stdlib_module_names)
    wrong = [
        f"{module}:{line} imports {name}"
        for module, path in FILES.items()
        if module.split(".")[0] == "index"
        for line, name in imports_of(path)
        if name.partition(".")[0] not in known
    ]
    assert not wrong


def test_nothing_is_pickled() -> None:
    wrong = [
        f"{module}:{line} imports {name}"
        for module, path in FILES.items()
        for line, name in imports_of(path)
        if name.partition(".")[0] in PICKLES
    ]
    assert not wrong


def test_names_say_something() -> None:
    assert not [module for module in FILES if set(module.split(".")) & SHAPELESS]


def test_a_folder_holds_a_dozen_loose_files_at_most() -> None:
    beside = [ROOT / "tests", ROOT / "benchmarks"]
    folders = {path.parent for path in FILES.values()}
    folders |= {path.parent for folder in beside for path in folder.rglob("*.py")}
    counted = {folder: len(loose_files(folder)) for folder in folders}
    assert not {
        str(folder.relative_to(ROOT)): count
        for folder, count in counted.items()
        if count > MOST_LOOSE_FILES
    }


def loose_files(folder: Path) -> list[Path]:
    return [path for path in folder.glob("*.py") if path.name != "__init__.py"]


def signatures() -> Iterator[tuple[str, list[str]]]:
    """Yield each function of ours by module and line, with its parameters but for `self`."""
    for module, path in FILES.items():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                given = node.args
                named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
                named += [more for more in (given.vararg, given.kwarg) if more is not None]
                names = [parameter.arg for parameter in named]
                where = f"{module}:{node.lineno} {getattr(node, 'name', 'lambda')}"
                yield where, [name for name in names if name not in ("self", "cls")]


def test_a_function_outside_the_kernels_has_few_parameters() -> None:
    wrong = [
        f"{where} has {len(names)}"
        for where, names in signatures()
        if len(names) > MOST_PARAMETERS and not where.startswith("retrieval.kernels.")
    ]
    assert not wrong, "\n".join(wrong)


def test_the_parts_of_a_question_stand_together_in_no_signature() -> None:
    wrong = [
        where
        for where, names in signatures()
        if {name.removesuffix("s") for name in names} >= ONE_QUESTION
    ]
    assert not wrong, "\n".join(wrong)


def test_tests_start_processes_in_one_place_alone() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if path.name != "processes.py"
        for line, name in imports_of(path)
        if name.partition(".")[0] in ("subprocess", "multiprocessing")
    ]
    assert not wrong


def loaded_after(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    return set(output_of_python("-W", "error", "-c", code).split())


def test_answering_loads_no_training() -> None:
    loaded = loaded_after("import longtail.retrieval.ranking.retriever")
    assert "longtail.retrieval.ranking.retriever" in loaded
    higher = ("longtail.training", "longtail.evaluation", "longtail.serving", "accelerate")
    assert not [name for name in loaded if name.startswith(higher)]


def test_the_facade_loads_nothing_heavy_before_it_is_used() -> None:
    loaded = loaded_after(
        "import longtail, longtail.index.storage.store, longtail.retrieval.data.catalog"
    )
    assert not {"torch", "transformers", "sentence_transformers", "longtail.training"} & loaded
