"""Trees that were altered are refused before LightGBM reads them: it would end the process."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path

import lightgbm
import numpy as np
import pytest

from longtail.index.errors import DamagedFileError
from longtail.retrieval.features.scorers.boosting import MODEL_FILE, Boosting
from longtail.retrieval.features.scorers.trees_text import MOST_LEAVES, check_trees
from longtail.training.head.fit_scorers import fit_boosting

COLUMNS = 4


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    rng = np.random.default_rng(0)
    evidence = rng.normal(size=(800, COLUMNS)).astype(np.float32)
    label = evidence[:, 0] * evidence[:, 1] > 0.2
    trees = fit_boosting(evidence, label, np.ones(800, np.float32), rounds=6, seed=0)
    folder = tmp_path_factory.mktemp("trees")
    trees.save(folder)
    return (folder / MODEL_FILE).read_text()


def resized(text: str) -> str:
    """Return the text with the sizes that its trees have now, as who alters it would."""
    body = text[text.index("Tree=0\n") : text.index("end of trees")]
    sizes = [len(f"Tree={part}") for part in body.split("Tree=")[1:]]
    return re.sub("tree_sizes=.*", f"tree_sizes={' '.join(map(str, sizes))}", text)


def with_first(key: str, change: Callable[[list[str]], list[str]]) -> Callable[[str], str]:
    def altered(text: str) -> str:
        def replaced(found: re.Match[str]) -> str:
            return f"\n{key}={' '.join(change(found[1].split()))}\n"

        return resized(re.sub(f"\n{key}=(.*)\n", replaced, text, count=1))

    return altered


def first_is(value: str) -> Callable[[list[str]], list[str]]:
    return lambda values: [value, *values[1:]]


ALTERED = {
    "a node below itself": with_first("left_child", first_is("0")),
    "a child far away": with_first("left_child", first_is("1000000")),
    "a leaf far away": with_first("right_child", first_is("-1000000")),
    "a leaf twice": with_first("left_child", lambda values: [*values[:-1], "-1"]),
    "a column far away": with_first("split_feature", first_is("100000000")),
    "a column that isn't there": with_first("split_feature", first_is(str(COLUMNS))),
    "a negative column": with_first("split_feature", first_is("-1")),
    "categories": with_first("decision_type", first_is("1")),
    "no number": with_first("threshold", first_is("nan")),
    "endless": with_first("leaf_value", first_is("inf")),
    "too large": with_first("leaf_value", first_is("1e999")),
    "more leaves than values": with_first("num_leaves", first_is("200")),
    "leaves without end": with_first("num_leaves", first_is("2147483647")),
    "negative leaves": with_first("num_leaves", first_is("-5")),
    "fewer values": with_first("leaf_value", lambda values: values[:-1]),
    "more values": with_first("threshold", lambda values: [*values, "0.5"]),
    "categories by count": with_first("num_cat", first_is("3")),
    "linear": with_first("is_linear", first_is("1")),
    "several classes": with_first("num_class", first_is("9")),
    "another width": with_first("max_feature_idx", first_is("900000")),
    "sizes beyond the end": lambda t: re.sub("tree_sizes=.*", "tree_sizes=" + "9 " * 5 + "9", t),
    "huge sizes": lambda t: re.sub("tree_sizes=(\\d+)", "tree_sizes=99999999999", t),
    "negative sizes": lambda t: re.sub("tree_sizes=(\\d+)", "tree_sizes=-7", t),
    "no sizes": lambda t: re.sub("tree_sizes=.*\n", "", t),
    "cut": lambda t: t[:700],
    "empty": lambda t: "",
    "two of a kind": lambda t: resized(t.replace("num_cat=0\n", "num_cat=0\nnum_cat=0\n", 1)),
    "an unknown entry": lambda t: resized(t.replace("num_cat=0\n", "num_cat=0\ncat=1\n", 1)),
    "NUL": lambda t: resized(t.replace("num_cat=0", "num_cat=\0", 1)),
    "not ASCII": lambda t: t.replace("objective=binary", "objective=bin\u00e4r", 1),
}


@pytest.mark.parametrize("alter", ALTERED.values(), ids=ALTERED)
def test_altered_trees_are_refused(
    alter: Callable[[str], str], text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    altered = alter(text)
    assert altered != text
    (tmp_path / MODEL_FILE).write_text(altered, encoding="utf-8")
    monkeypatch.setattr(lightgbm, "Booster", None)
    with pytest.raises(DamagedFileError, match="holds no trees"):
        Boosting.load(tmp_path)


def test_a_deep_chain_is_refused(text: str) -> None:
    nodes = MOST_LEAVES
    chain = {
        "num_leaves": [str(nodes + 1)],
        "left_child": [*(str(node) for node in range(1, nodes)), "-1"],
        "right_child": [str(-2 - node) for node in range(nodes)],
    }
    for key, values in chain.items():
        text = with_first(key, lambda _, values=values: values)(text)
    with pytest.raises(ValueError, match="leaves"):
        check_trees(text)


def test_trees_as_they_were_written_pass_one_leaf_alone_too(text: str, tmp_path: Path) -> None:
    assert check_trees(text) == COLUMNS
    evidence = np.random.default_rng(1).normal(size=(200, COLUMNS)).astype(np.float32)
    for label in (evidence[:, 0] > 0, np.arange(200) == 0):
        trees = fit_boosting(evidence, label, np.ones(200, np.float32), rounds=3, seed=0)
        trees.save(tmp_path)
        again = Boosting.load(tmp_path)
        assert again.logits(evidence).tobytes() == trees.logits(evidence).tobytes()


def test_numbers_altered_at_random_are_refused_or_read_as_trees(text: str, tmp_path: Path) -> None:
    """What passes is handed to LightGBM: a wrong one would end this process."""
    rng = random.Random(0)
    evidence = np.random.default_rng(2).normal(size=(50, COLUMNS)).astype(np.float32)
    places = [found.span() for found in re.finditer(r"-?\d[\d.]*", text[: text.index("end of")])]
    refused = 0
    for _ in range(300):
        start, end = rng.choice(places)
        number = rng.choice(["0", "1", "-1", "2", "-2", "7", "100", "-100", "99999", "1e300", ""])
        altered = resized(text[:start] + number + text[end:])
        (tmp_path / MODEL_FILE).write_text(altered)
        try:
            trees = Boosting.load(tmp_path)
        except DamagedFileError:
            refused += 1
            continue
        if trees.columns == COLUMNS:
            assert np.isfinite(trees.library_logits(evidence)).all()
            trees.logits(evidence)
    assert 0 < refused < 300
