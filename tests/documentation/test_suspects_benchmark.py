"""The benchmark of copies and tricks: what it plays on a shop, what it counts, and its tables."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from checkout import ROOT
from processes import output_of_python

from longtail.demo_shop.shop import make_demo_shop
from longtail.retrieval.progress import silent

BENCHMARKS = ROOT / "benchmarks"
CLONES = """
import json
import numpy as np
import pandas as pd
from gamed.clones import make_clones
titles = ["Oro iron pan", "Lux tin pot"]
shop = pd.DataFrame({"item_id": ["a", "b"], "title": titles, "brand": ["Oro", "Lux"]})
clones = make_clones(shop, "{title}", [0], "brand", np.random.default_rng(0))
print(json.dumps(dict(zip(clones.kind, clones.items.to_dict("records")))))
"""


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """What is measured on a small demo shop."""
    folder = tmp_path_factory.mktemp("made up") / "shop"
    make_demo_shop(folder, n_items=300, n_users=200, seed=0, drift=False, progress=silent)
    out = folder / "suspects.json"
    output_of_python(str(BENCHMARKS / "data.py"), "suspects", str(folder), "--out", str(out))
    found: dict[str, dict[str, object]] = json.loads(out.read_text())["shop"]
    return found


def test_copies_are_counted_by_kind_with_makers_and_without(
    record: dict[str, dict[str, dict[str, float]]],
) -> None:
    for part in ("named", "nameless"):
        clones = record[part]["clones"]
        kinds = [share for kind, share in clones.items() if kind != "all"]
        assert clones["exact"] == clones["shuffled words"] == 1.0
        assert clones["all"] == pytest.approx(sum(kinds) / len(kinds))
    assert record["nameless"]["clones"]["all"] < record["named"]["clones"]["all"]


def test_tricks_are_counted_by_what_they_are_told_as(
    record: dict[str, dict[str, float]],
) -> None:
    tricks = record["tricks"]
    assert tricks["markup"] == tricks["invisible characters"] == 1.0
    assert set(tricks) == {
        "words of many kinds",
        "repeated words",
        "invisible characters",
        "markup",
        "burst of users",
    }


def test_a_clone_is_by_another_maker_under_an_id_of_its_own() -> None:
    program = f"import sys\nsys.path.insert(0, {str(BENCHMARKS)!r})\n{CLONES}"
    clones = json.loads(output_of_python("-c", program))
    items = pd.DataFrame(clones.values())
    assert items["item_id"].is_unique
    assert "Oro" not in set(items["brand"])
    assert clones["brand in front"]["title"] == "Lux Oro iron pan"
    assert clones["brand replaced"]["title"] == "Lux iron pan"
    assert set(clones["shuffled words"]["title"].split()) == {"Oro", "iron", "pan"}
    assert len(clones["words appended"]["title"].split()) == 4
    assert len(clones["words dropped"]["title"].split()) == 2
