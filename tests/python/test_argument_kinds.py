"""An argument of a wrong kind is refused by its name, never by what stumbles over it."""

from __future__ import annotations

import copy
import gc
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import longtail
from longtail.python.failures import MisuseError
from longtail.python.query_checks import check_query
from longtail.python.reading_arguments import reading_of
from longtail.python.showing.progress import progress_for

ITEMS = pd.DataFrame({"item_id": ["a", "b"], "title": ["tea", "pot"]})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"options": {"k": 2.0}}, "k is a whole number, not 2.0"),
        ({"options": {"k": "3"}}, "k is a whole number, not '3'"),
        ({"options": {"k": True}}, "k is a whole number, not True"),
        ({"options": {"k": None}}, "k is a whole number, not None"),
        ({"options": {"pool": ["tail"]}}, r"pool is a text, not \['tail'\]"),
        ({"options": {"pol": "tail"}}, "no argument 'pol'; did you mean pool?"),
        ({"options": {"debias": "a"}}, "debias is a number, not 'a'"),
        ({"options": {"where": 3}}, "where is a list, not 3"),
        ({"options": {"where": [3]}}, "a filter of where is a text, not 3"),
        ({"histories": ["a"]}, "histories is a mapping, like .*, not a list"),
        ({"texts": "tea"}, "texts is a mapping, like .*, not a str"),
        ({"texts": {"who": 3}}, "a text of texts is a text, not 3"),
        ({"user_columns": {"who": 3}}, "user_columns is a mapping, like .*, not a int"),
    ],
)
def test_queries_of_a_wrong_kind_are_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(MisuseError, match=words):
        check_query(**arguments)


def test_queries_take_numbers_of_numpy() -> None:
    check_query(options={"k": np.int64(3), "debias": np.float32(0.5), "where": ["price<3"]})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"out": None}, "out is a path, not None"),
        ({"out": 3}, "out is a path, not 3"),
        ({"out": ""}, "out is a path, not ''"),
        ({"out": "run", "config": 3}, "config is a path, not 3"),
        ({"out": "run", "wait": "long"}, "wait is a number, not 'long'"),
        ({"out": "run", "set": 3}, "set is a mapping"),
        ({"out": "run", "config": "demo", "progress": 3}, "progress is True, False or a function"),
    ],
)
def test_trainings_of_a_wrong_kind_are_refused(
    arguments: dict[str, Any], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MisuseError, match=words):
        longtail.train(longtail.Shop(ITEMS), **arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"engine": None}, "engine is a path, not None"),
        ({"k": None}, "k is a list, not None"),
        ({"k": [5, 0]}, "k is a whole number from 1 on"),
        ({"k": True}, "k is a whole number, not True"),
        ({"baselines": [3]}, "baselines is a text, not 3"),
        ({"pool": 3}, "pool is a list, not 3"),
        ({"budget_s": "x"}, "budget_s is a number, not 'x'"),
        ({"examples": 1.5}, "examples is a whole number, not 1.5"),
    ],
)
def test_evaluations_of_a_wrong_kind_are_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(MisuseError, match=words):
        longtail.evaluate(**{"engine": "no run", "progress": False, **arguments})


@pytest.mark.parametrize("run", [None, 3, ""])
def test_an_engine_is_opened_by_a_path(run: Any) -> None:
    with pytest.raises(MisuseError, match="run is a path, not"):
        longtail.Engine.open(run)


def test_an_engine_knows_its_devices() -> None:
    tpu: Any = "tpu"
    with pytest.raises(MisuseError, match="device 'tpu' is not one of cpu, gpu"):
        longtail.Engine.open("run", device=tpu)


@pytest.mark.parametrize("name", ["positive", "keep", "delimiter", "names"])
def test_readings_of_a_wrong_kind_are_refused(name: str) -> None:
    with pytest.raises(MisuseError, match=f"{name} is a list, not 3"):
        reading_of({name: 3})


def test_progress_is_shown_silent_or_called() -> None:
    wrong: Any = "yes"
    with pytest.raises(MisuseError, match="not 'yes'"), progress_for(wrong):
        pass


def test_a_copy_of_a_shop_outlives_it() -> None:
    shop = longtail.Shop(ITEMS)
    other = copy.deepcopy(shop)
    del shop
    gc.collect()
    assert other.report.rows["kept"].tolist() == [2]


def test_a_shop_of_frames_is_not_pickled() -> None:
    with pytest.raises(MisuseError, match="pickle the frames"):
        pickle.dumps(longtail.Shop(ITEMS))
