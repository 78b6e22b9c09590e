"""Quarantined items are in the catalog and in no answer, until they are released."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from longtail.retrieval.errors import DataError
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.run.catalog_updates import (
    Change,
    added,
    change_of,
    changed,
    compacted,
    refreshed,
    removed,
)
from longtail.retrieval.run.quarantine import quarantined_ids, released
from longtail.retrieval.run.served_run import ServedRun, open_run

USER = "oolong-fan-1"
NEW = ("n1", "n2", "n3")


@pytest.fixture
def served(trained_run: Path) -> ServedRun:
    """The toy run with three new items, of which the second is quarantined."""
    return with_new(open_run(trained_run), held=[False, True, False])


def with_new(served: ServedRun, held: Sequence[bool]) -> ServedRun:
    frame = served.bundle.catalog.frame
    items = frame.iloc[: len(NEW)].assign(item_id=list(NEW)).reset_index(drop=True)
    vectors = served.index.vectors(np.arange(len(NEW)))
    return added(served, items, vectors, np.array(held))


def everything(served: ServedRun) -> list[str]:
    """Return a list of all that a user can get, in order."""
    found = Retriever.of(served).recommend(
        users=[USER], k=len(served.bundle.catalog), pool="all", include_seen=True
    )
    return [str(item_id) for item_id in found["item_id"]]


def reread(served: ServedRun, item_id: str) -> Change:
    catalog = served.bundle.catalog
    items = catalog.frame.iloc[catalog.rows_of([item_id])].assign(title="another title")
    return change_of(served, items)


def test_a_quarantined_item_is_known_and_in_no_answer(served: ServedRun) -> None:
    assert quarantined_ids(served) == ["n2"]
    assert served.bundle.catalog.offered(["n2"])[0] >= 0
    assert {"n1", "n3"} <= set(everything(served))
    assert "n2" not in everything(served)
    row = served.bundle.catalog.rows_of(["n2"])[0]
    assert not served.bundle.popularity.in_pool("all")[row]


def test_a_released_item_is_served_as_if_it_had_never_been_held(trained_run: Path) -> None:
    never = with_new(open_run(trained_run), held=[False, False, False])
    now = released(with_new(open_run(trained_run), held=[False, True, True]), None)
    assert quarantined_ids(now) == []
    assert everything(now) == everything(never)
    rows = never.bundle.catalog.rows_of(NEW)
    np.testing.assert_array_equal(now.index.vectors(rows), never.index.vectors(rows))


def test_one_is_released_and_another_stays(trained_run: Path) -> None:
    held = with_new(open_run(trained_run), held=[True, True, False])
    assert quarantined_ids(released(held, ["n1"])) == ["n2"]


@pytest.mark.parametrize("ids", [["n1"], ["n2", "tea-oolong-small"], ["nobody"]])
def test_only_what_is_quarantined_can_be_released(served: ServedRun, ids: list[str]) -> None:
    with pytest.raises(DataError, match="isn't quarantined; 'n2' can be released"):
        released(served, ids)


def test_where_nothing_is_quarantined_nothing_can_be_released(trained_run: Path) -> None:
    with pytest.raises(DataError, match="no item is quarantined"):
        released(open_run(trained_run), None)


def test_it_is_stored_with_the_version(served: ServedRun, run_copy: Path) -> None:
    served.save(run_copy)
    opened = open_run(run_copy)
    assert quarantined_ids(opened) == ["n2"]
    assert everything(opened) == everything(served)


def test_a_version_without_any_is_written_as_before(trained_run: Path, tmp_path: Path) -> None:
    state = with_new(open_run(trained_run), held=[False, False, False]).state
    state.save(tmp_path)
    assert "quarantined" not in pd.read_parquet(tmp_path / "rows.parquet")
    assert '"format": 1' in (tmp_path / "state.json").read_text()


def test_a_changed_item_stays_quarantined_with_its_new_vector(served: ServedRun) -> None:
    change = reread(served, "n2")
    vector = -served.index.vectors(change.rows)
    now = changed(served, change, vector)
    assert quarantined_ids(now) == ["n2"]
    assert "n2" not in everything(now)
    np.testing.assert_array_equal(now.index.vectors(change.rows), vector)
    assert "n2" in everything(released(now, ["n2"]))


def test_a_change_can_quarantine_what_was_served(served: ServedRun) -> None:
    change = reread(served, "tea-oolong-small")
    vector = served.index.vectors(change.rows)
    now = changed(served, change, vector, np.array([True]))
    assert quarantined_ids(now) == ["tea-oolong-small", "n2"]
    assert "tea-oolong-small" not in everything(now)


def test_a_removed_item_is_quarantined_no_more(served: ServedRun) -> None:
    now = removed(served, ["n2"])
    assert quarantined_ids(now) == []
    assert now.bundle.catalog.offered(["n2"])[0] < 0
    assert "n2" not in everything(now)


def test_compacting_forgets_the_removed_and_keeps_the_quarantined(served: ServedRun) -> None:
    vector = served.index.vectors(served.bundle.catalog.rows_of(["n2"]))
    now = compacted(removed(served, ["n1"]))
    assert quarantined_ids(now) == ["n2"]
    assert now.bundle.catalog.rows_of(["n1"])[0] < 0
    assert "n2" in everything(released(now, None))
    row = now.bundle.catalog.rows_of(["n2"])
    np.testing.assert_array_equal(now.index.vectors(row), vector)


def test_popularity_that_is_counted_anew_leaves_it_held(served: ServedRun) -> None:
    now = refreshed(served, served.bundle.log)
    assert quarantined_ids(now) == ["n2"]
    assert "n2" not in everything(now)
    assert "n2" in everything(released(now, None))


def test_not_all_items_can_be_held(trained_run: Path) -> None:
    served = open_run(trained_run)
    items = served.bundle.catalog.frame.assign(title="another title")
    change = change_of(served, items)
    vectors = served.index.vectors(change.rows)
    with pytest.raises(DataError, match="no item would be left"):
        changed(served, change, vectors, np.ones(len(change.rows), bool))


def test_an_id_that_is_held_cannot_be_added_again(served: ServedRun) -> None:
    with pytest.raises(DataError, match="in the catalog already"):
        with_new(served, held=[False, False, False])


def test_rows_that_come_and_go_keep_their_mark(served: ServedRun) -> None:
    state = served.state
    rows = np.array([1, len(state) - 2, 0])
    kept = state.take(rows).quarantined
    assert kept is not None
    assert kept.tolist() == [False, True, False]
    assert replace(state, quarantined=None).withheld is state.removed
