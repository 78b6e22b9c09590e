"""Suspects as a person meets them: listed, kept out, released, on data with all kinds of flaws."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from changing_catalog import FAN, asked, done, ids, item, rejected, served_version
from command_line import longtail

from longtail.retrieval.run.quarantine import quarantined_ids
from longtail.retrieval.run.served_run import open_run

COPIED = "tea-oolong-small"
REMEDY = "`longtail index release"


def copied(run: Path, brand: str) -> dict[str, object]:
    popular = open_run(run).bundle.catalog.frame.set_index("item_id").loc[COPIED]
    return item("clone", popular["title"], description=popular["description"], brand=brand)


@pytest.fixture
def clone(run: Path, write: Callable[..., Path]) -> Path:
    """A catalog file of a popular item's copy, by another maker, and of an honest item."""
    return write(copied(run, brand="Nobody"), item("honest", "gouache canvas"))


def suspects(tmp_path: Path) -> list[list[object]]:
    frame = pd.read_csv(tmp_path / "suspects.csv", dtype=str, keep_default_na=False)
    assert list(frame.columns) == ["item_id", "reason", "detail", "like"]
    lines: list[list[object]] = frame[["item_id", "reason", "like"]].to_numpy().tolist()
    return lines


def everything(run: Path) -> set[object]:
    return set(ids(asked("query", run, "--user", FAN)))


def test_suspects_are_listed_beside_what_is_set_aside_and_added(
    run: Path, clone: Path, tmp_path: Path
) -> None:
    found = longtail("index", "add", run, "--catalog", clone, *rejected(tmp_path))
    assert found.code == 0, found.err
    (line,) = found.err.splitlines()
    assert line.startswith("warning: 1 item looks made to game the engine (1 copy of a popular")
    assert line.endswith("suspects.csv")
    assert suspects(tmp_path) == [["clone", "copy of a popular item", COPIED]]
    assert {"clone", "honest"} <= everything(run)


def test_quarantine_keeps_suspects_out_until_they_are_released(
    run: Path, clone: Path, tmp_path: Path
) -> None:
    words = ("index", "add", run, "--catalog", clone, "--quarantine", *rejected(tmp_path))
    found = longtail(*words)
    assert REMEDY in found.err
    assert found.out.endswith("2 added; 62 items, 1 of them quarantined\n")
    assert "honest" in everything(run)
    assert "clone" not in everything(run)
    assert "quarantined" in done("index", "info", run)
    assert done("index", "release", run).split() == ["clone"]
    assert done("index", "release", run, "--items", "clone").endswith("1 released; 62 items\n")
    assert "clone" in everything(run)


def test_a_list_of_before_is_emptied(run: Path, clone: Path, tmp_path: Path) -> None:
    done("index", "add", run, "--catalog", clone, *rejected(tmp_path))
    done("index", "remove", run, "--items", "clone,honest")
    pd.DataFrame([item("n1", "saw steel")]).to_csv(clone, index=False)
    done("index", "add", run, "--catalog", clone, *rejected(tmp_path))
    assert suspects(tmp_path) == []


def test_the_same_item_again_with_another_text_is_refused_and_the_first_stays(
    run: Path, clone: Path, write: Callable[..., Path], tmp_path: Path
) -> None:
    done("index", "add", run, "--catalog", clone, "--quarantine", *rejected(tmp_path))
    again = write(item("clone", "an honest saw"))
    found = longtail("index", "add", run, "--catalog", again, "--quarantine", *rejected(tmp_path))
    assert (found.code, len(found.err.splitlines())) == (1, 1)
    assert "in the catalog already; change items with `longtail index update`" in found.err
    assert quarantined_ids(open_run(run)) == ["clone"]
    done("index", "update", run, "--catalog", again, *rejected(tmp_path))
    assert quarantined_ids(open_run(run)) == ["clone"]


@pytest.mark.parametrize("text", ["<b></b>", "\u200b\u200d\u200b"], ids=["markup", "zero width"])
def test_an_item_of_nothing_to_read_is_told_and_kept_out(
    run: Path, write: Callable[..., Path], tmp_path: Path, text: str
) -> None:
    new = write(item("n1", text))
    done("index", "add", run, "--catalog", new, "--quarantine", *rejected(tmp_path))
    assert quarantined_ids(open_run(run)) == ["n1"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--items", "honest"], "item 'honest' isn't quarantined; 'clone' can be released"),
        (["--items", "clone,nosuch"], "item 'nosuch' isn't quarantined"),
    ],
)
def test_only_what_is_quarantined_is_released(
    run: Path, clone: Path, tmp_path: Path, options: list[str], said: str
) -> None:
    done("index", "add", run, "--catalog", clone, "--quarantine", *rejected(tmp_path))
    before = served_version(run)
    found = longtail("index", "release", run, *options)
    assert (found.code, len(found.err.splitlines())) == (1, 1)
    assert said in found.err
    assert served_version(run) == before


def test_what_was_removed_is_quarantined_no_more(run: Path, clone: Path, tmp_path: Path) -> None:
    done("index", "add", run, "--catalog", clone, "--quarantine", *rejected(tmp_path))
    done("index", "remove", run, "--items", "clone")
    found = longtail("index", "release", run, "--items", "clone")
    assert (found.code, found.err) == (
        1,
        "error: no item is quarantined; there is nothing to release\n",
    )


def test_a_rollback_takes_a_release_back(run: Path, clone: Path, tmp_path: Path) -> None:
    done("index", "add", run, "--catalog", clone, "--quarantine", *rejected(tmp_path))
    done("index", "release", run, "--all")
    done("index", "rollback", run)
    assert quarantined_ids(open_run(run)) == ["clone"]
    assert "clone" not in everything(run)


def test_items_without_a_maker_are_compared_all_the_same(
    run: Path, write: Callable[..., Path], tmp_path: Path
) -> None:
    done("index", "add", run, "--catalog", write(copied(run, brand="")), *rejected(tmp_path))
    assert suspects(tmp_path) == [["clone", "copy of a popular item", COPIED]]


def test_an_index_built_anew_holds_back_what_was_held(
    run: Path, clone: Path, tmp_path: Path
) -> None:
    done("index", "add", run, "--catalog", clone, "--quarantine", *rejected(tmp_path))
    done("index", "build", run)
    assert quarantined_ids(open_run(run)) == ["clone"]
    assert "clone" not in everything(run)
    done("index", "release", run, "--all")
    assert "clone" in everything(run)


@pytest.mark.parametrize(
    "options", [["--items", "n1", "--file", "ids.txt"], ["--all", "--items", "n1"]]
)
def test_release_needs_one_way_to_say_which(run: Path, options: list[str]) -> None:
    assert longtail("index", "release", run, *options).code == 2


def test_a_list_that_can_not_be_written_leaves_what_was_served(
    run: Path, clone: Path, tmp_path: Path
) -> None:
    nowhere = tmp_path / "new.csv" / "suspects.csv"
    words = ("index", "add", run, "--catalog", clone, "--quarantine", "--suspects", nowhere)
    found = longtail(*words, *rejected(tmp_path))
    assert (found.code, len(found.err.splitlines())) == (1, 1)
    assert "can't write" in found.err
    assert served_version(run) == "v0001"
