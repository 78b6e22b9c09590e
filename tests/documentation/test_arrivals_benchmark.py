"""`make bench-arrivals`: which items come late, what is asked about them, tables and targets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from checkout import ROOT
from command_line import train_arguments
from processes import output_of_python

FOLDERS = """
import json, sys
from pathlib import Path
import numpy as np
import pandas as pd
from arriving_items.draw import Draw
from arriving_items.engines import Engines
from arriving_items.folders import draw_late_items, read_dataset
"""
# Ten items: `head` are the two that most people take, `new` sells in the test part alone.
LOG = """
import pandas as pd, pathlib, sys
place = pathlib.Path(sys.argv[1])
items = [f"item-{i}" for i in range(9)] + ["new"]
pd.DataFrame({"item_id": items, "title": [f"The {i}" for i in items]}).to_csv(
    place / "items.csv", index=False)
lines = [(f"u{u}", "item-0") for u in range(9)] + [(f"u{u}", "item-1") for u in range(6)]
lines += [(f"u{i}", f"item-{i}") for i in range(2, 9)] + [("u1", "new"), ("u2", "new")]
log = pd.DataFrame(lines, columns=["user_id", "item_id"])
log["timestamp"] = 1_600_000_000 + 86_400 * log.index
log.to_csv(place / "interactions.csv", index=False)
"""


def in_benchmarks(program: str, *arguments: object) -> Any:
    """Return what a program that imports from benchmarks prints as JSON."""
    code = f"import sys\nsys.path.insert(0, {str(ROOT / 'benchmarks')!r})\n{program}"
    return json.loads(output_of_python("-W", "error", "-c", code, *arguments).splitlines()[-1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small shop with times and without a split."""
    place = tmp_path / "shop"
    place.mkdir()
    output_of_python("-c", LOG, place)
    return place


def test_a_share_of_the_tail_and_of_the_cold_items_comes_late_and_no_head_item() -> None:
    found = in_benchmarks(
        f"{FOLDERS}\n"
        "bucket = pd.Series([0] * 10 + [1] * 30 + [2] * 10, index=[f'i{n}' for n in range(50)])\n"
        "draws = [draw_late_items(bucket, 0.1, seed) for seed in (0, 0, 1)]\n"
        "print(json.dumps([bucket[draw].tolist() for draw in draws] + draws))"
    )
    assert found[:3] == [[1, 1, 1, 2]] * 3
    assert found[3] == found[4] != found[5]


@pytest.mark.parametrize(("unheard", "n_items"), [(True, 8), (False, 10)])
def test_late_items_leave_with_their_events_or_their_events_alone(
    folder: Path, tmp_path: Path, unheard: bool, n_items: int
) -> None:
    items, users, parts = in_benchmarks(
        f"{FOLDERS}\n"
        "data = read_dataset(Path(sys.argv[1]), Path(sys.argv[2]) / 'rejected.csv')\n"
        "out = Path(sys.argv[2]) / 'out'\n"
        f"data.write(out, without=['new', 'item-4'], unheard={unheard})\n"
        "log = pd.read_parquet(out / 'interactions.parquet')\n"
        "assert not log['item_id'].isin(['new', 'item-4']).any()\n"
        "items = pd.read_parquet(out / 'items.parquet')\n"
        "print(json.dumps([len(items), sorted(data.test_events(['new'])['user_id']),"
        " sorted(set(log['split']))]))",
        folder,
        tmp_path,
    )
    assert items == n_items
    assert users == ["u1", "u2"]
    # The split is that of the whole log: what is left isn't cut anew.
    assert parts == ["train", "valid"]


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory, shop_files: Path, tiny_bert: Path) -> Any:
    """The record of one draw of the toy shop, twice: made, and read from the same work folder."""
    work = tmp_path_factory.mktemp("work")
    settings = [word for word in train_arguments(tiny_bert) if word != "--set"]
    names = [word for word in settings if "=" in word]
    return in_benchmarks(
        f"{FOLDERS}\n"
        "import arriving_items.engines as made\n"
        "data = read_dataset(Path(sys.argv[1]), Path(sys.argv[2]) / 'rejected.csv')\n"
        f"engines = Engines(Path(sys.argv[2]), Path(sys.argv[2]) / 'v',"
        f" Path({str(ROOT / 'configs' / 'cpu.yaml')!r}), {tuple(names)!r})\n"
        "draw = Draw.of(data, 3, engines)\n"
        "first = draw.measured() | {'copies': draw.measured_copies()}\n"
        "made.LONGTAIL = ('false',)\n"
        "again = draw.measured() | {'copies': draw.measured_copies()}\n"
        "print(json.dumps([first, again, draw.late_items, len(draw.questions)]))",
        shop_files,
        work,
    )


@pytest.mark.slow
class TestDraw:
    def test_engines_of_the_work_folder_are_not_trained_again(self, record: Any) -> None:
        first, again, *_ = record
        assert first == again
        assert all(first["seconds"][name] > 0 for name in ("never", "late", "cold"))

    def test_late_and_cold_engines_are_asked_the_same_and_answer_by_the_same_texts(
        self, record: Any
    ) -> None:
        first, _, late_items, questions = record
        assert first["items"] == len(late_items) > 0
        assert first["late"]["targets"] == first["cold"]["targets"] == questions
        for kind in ("late", "cold"):
            assert first[kind]["texts alone"]["recall@10"] > 0

    def test_everybody_else_is_asked_about_the_same_items_of_all_three(self, record: Any) -> None:
        rest = record[0]["rest"]
        assert rest["never"]["users"] == rest["late"]["users"] == rest["cold"]["users"]
        gain = rest["late against never"]["recall@10"]["difference"]
        recalls = [rest[name]["debias 0"]["recall@10"] for name in ("late", "never")]
        assert gain == pytest.approx(recalls[0] - recalls[1], abs=1e-6)

    def test_copies_of_cold_and_tail_items_are_counted_beside_their_originals(
        self, record: Any
    ) -> None:
        counted = record[0]["copies"]["default debias"]
        assert set(counted) == {"cold", "tail"}
        assert counted["tail"]["originals"] > 0


def test_who_took_the_original_counts_for_neither() -> None:
    found = in_benchmarks(
        "import json\nimport numpy as np\nfrom arriving_items.copies import _not_had\n"
        # Items 0 and 1; 2 is the copy of 0. The second user took item 0.
        "answers = np.array([[0, 2, 1], [2, 1, -1]])\n"
        "counted = _not_had(answers, np.array([0, -1, 0]), np.array([1 * 3 + 0]))\n"
        "print(json.dumps(counted.tolist()))"
    )
    assert found == [[True, True, False], [False, False, False]]


def draw_of(late: float, texts: float, copies: float) -> dict[str, Any]:
    """Return a draw's record with these figures everywhere."""
    recalls = {"recall@10": late, "tail_pool_recall@10": late}
    known = {"recall@10": texts, "tail_pool_recall@10": texts}
    asked = {
        "users": 100,
        "debias 0": recalls,
        "default debias": recalls,
        "texts alone": known,
        "calibration": {"said": 0.01, "taken": 0.02, "error": 0.01},
    }
    lists = {"items": 9, "originals": 10.0, "copies": copies}
    rest = {name: {"debias 0": recalls} for name in ("never", "late", "cold")}
    counted = {"cold": lists, "tail": lists}
    loss = {"recall@10": {"difference": -0.02, "low": -0.03, "high": -0.01}}
    return {
        "late": asked,
        "cold": asked,
        "rest": {**rest, "late against never": loss},
        "copies": {"debias 0": counted, "default debias": counted},
    }


RESULTS = {
    "shop": {
        "before": {"draws": [draw_of(0.0, 0.1, 0.0)]},
        "now": {"draws": [draw_of(0.06, 0.1, 5.0), draw_of(0.12, 0.1, 9.0)]},
    }
}


def test_targets_are_judged_on_the_mean_of_the_draws_of_the_engine_of_now() -> None:
    lines = in_benchmarks(
        "import json\nfrom pages.arrival_targets import targets\n"
        f"print(json.dumps(targets({RESULTS!r})))"
    )
    judged = {line["name"]: line for line in lines}
    assert judged["shop late recall@10 of texts alone"]["value"] == pytest.approx(0.9)
    assert judged["shop late recall@10 of texts alone"]["reached"]
    assert not judged["shop cold tail_pool_recall@10 of texts alone"]["reached"]
    assert judged["shop copies' lists of originals', tail, at least"]["value"] == pytest.approx(0.7)
    lost = judged["shop everybody else's recall@10 beside no late items: upper end"]
    assert not lost["reached"]


def test_each_engine_has_its_lines_beside_the_other_s() -> None:
    tables = in_benchmarks(
        "import json\nfrom pages import arrivals as page\n"
        f"results = {RESULTS!r}\n"
        "print(json.dumps([table(results) for table in"
        " (page.late_table, page.rest_table, page.copies_table)]))"
    )
    for table, lines in zip(tables, (4, 6, 4), strict=True):
        rows = [line.split(" | ") for line in table.splitlines()[2:]]
        assert [row[1] for row in rows] == ["before"] * (lines // 2) + ["now"] * (lines // 2)


def test_an_earlier_draw_stays_beside_a_new_one() -> None:
    found = in_benchmarks(
        "import json\nfrom arrivals import merged\n"
        "known = {'draws': [{'draw': 0, 'late': 1}, {'draw': 1, 'late': 1}]}\n"
        "print(json.dumps(merged(known, {'draws': [{'draw': 0, 'copies': 2}]})))"
    )
    assert found == {"draws": [{"draw": 0, "late": 1, "copies": 2}, {"draw": 1, "late": 1}]}
