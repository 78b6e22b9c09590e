"""`make bench-arrivals`: a log in periods, and what engines give of the next one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from checkout import ROOT
from command_line import train_arguments
from dated_shop import dated_log
from processes import output_of_python

from longtail.retrieval.data.catalog import Catalog

PERIODS = """
import json, sys
from pathlib import Path
import numpy as np
import pandas as pd
from arriving_items.engines import Engines
from arriving_items.folders import read_dataset
from arriving_items.folders import Dataset
from arriving_items.next_periods import NextPeriods
from arriving_items.periods import Periods
"""


def in_benchmarks(program: str, *arguments: object) -> Any:
    """Return what a program that imports from benchmarks prints as JSON."""
    code = f"import sys\nsys.path.insert(0, {str(ROOT / 'benchmarks')!r})\n{program}"
    return json.loads(output_of_python("-W", "error", "-c", code, *arguments).splitlines()[-1])


@pytest.fixture(scope="module")
def dated_folder(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Path:
    """The toy shop with a clock; what has its first event late came into the catalog late."""
    folder = tmp_path_factory.mktemp("dated")
    log = dated_log(catalog)
    catalog.frame.to_csv(folder / "items.csv", index=False)
    pd.DataFrame(
        {
            "user_id": log.user_ids[log.user],
            "item_id": catalog.item_ids[log.item],
            "timestamp": log.time,
        }
    ).to_csv(folder / "interactions.csv", index=False)
    return folder


def test_periods_hold_as_many_events_each_and_items_come_with_their_first(
    dated_folder: Path, tmp_path: Path
) -> None:
    sizes, measured, early, known = in_benchmarks(
        f"{PERIODS}\n"
        "data = read_dataset(Path(sys.argv[1]), Path(sys.argv[2]) / 'rejected.csv')\n"
        "assert Periods.fit(data)\n"
        "periods = Periods.of(data)\n"
        "sizes = np.bincount(periods.period).tolist()\n"
        # Nothing of the catalog before a period may be known from the period alone.
        "taken = set(periods.before(3)['item_id'])\n"
        "late = set(data.events['item_id']) - taken\n"
        "out = periods.write(Path(sys.argv[2]) / 'out', 3)\n"
        "items = set(pd.read_parquet(out / 'items.parquet')['item_id'])\n"
        "log = pd.read_parquet(out / 'interactions.parquet')\n"
        "valid = log.loc[log['split'] == 'valid', 'timestamp'].min()\n"
        "train = log.loc[log['split'] == 'train', 'timestamp'].max()\n"
        "print(json.dumps([sizes, list(periods.measured), len(items & late) + bool(train > valid),"
        " len(taken - items)]))",
        dated_folder,
        tmp_path,
    )
    assert len(sizes) == 5
    assert max(sizes) - min(sizes) <= 2
    assert measured == [3, 4]
    assert early == known == 0


def test_a_log_that_leaves_everybody_s_last_event_out_has_no_periods() -> None:
    found = in_benchmarks(
        f"{PERIODS}\n"
        "last = pd.DataFrame({'user_id': ['a', 'a', 'b', 'b', 'c', 'c', 'd'], 'item_id': 'x',"
        " 'split': ['train', 'test', 'train', 'test', 'train', 'train', 'train']})\n"
        "cut = last.assign(split=['train', 'test'] + ['train'] * 5)\n"
        "print(json.dumps([Periods.fit(Dataset(pd.DataFrame(), log, pd.Series(), None))"
        " for log in (last, cut)]))"
    )
    assert found == [False, True]


@pytest.mark.slow
def test_each_next_period_is_asked_of_an_engine_never_updated_and_of_one_trained_anew(
    dated_folder: Path, tmp_path: Path, tiny_bert: Path
) -> None:
    names = [word for word in train_arguments(tiny_bert) if "=" in word]
    records = in_benchmarks(
        f"{PERIODS}\n"
        "data = read_dataset(Path(sys.argv[1]), Path(sys.argv[2]) / 'rejected.csv')\n"
        "work = Path(sys.argv[2])\n"
        f"engines = Engines(work, work / 'v', Path({str(ROOT / 'configs' / 'cpu.yaml')!r}),"
        f" {tuple(names)!r})\n"
        "print(json.dumps(NextPeriods(Periods.of(data), engines).measured()))",
        dated_folder,
        tmp_path,
    )
    assert [record["period"] for record in records] == [4, 5]
    for record in records:
        assert {"never", "full", "texts alone"} <= set(record)
        assert set(record["never"]) == set(record["full"])
        assert record["seconds"]["full"] > 0


UPDATED = {
    "never": {"R@10": 0.10, "old users' R": 0.100},
    "learn": {"R@10": 0.20, "old users' R": 0.098, "late R, never taken": 0.06},
    "full": {"R@10": 0.20},
    "texts alone": {"late R, never taken": 0.05},
    "seconds": {"learn": 10.0, "full": 100.0},
    "period": 4,
}


def test_learn_is_judged_beside_a_full_training_and_beside_no_update() -> None:
    results = {"shop": {"now": {"periods": [UPDATED]}}}
    lines = in_benchmarks(
        "import json\nfrom pages.arrival_targets import targets\n"
        f"print(json.dumps(targets({results!r})))"
    )
    reached = {line["name"].removeprefix("shop learn: "): line["reached"] for line in lines}
    assert reached == {
        "R@10 of a full training's": True,
        "time of a full training's": True,
        "forgotten of old users' R": False,
        "late R of texts alone": True,
    }
