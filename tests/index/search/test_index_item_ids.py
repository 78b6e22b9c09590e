"""Packed item ids are the strings that were given, and are found again by their text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longtail.index import item_ids
from longtail.index.errors import VectorIndexError
from longtail.index.item_ids import ItemIds

TEXTS = st.text(st.characters(codec=None, exclude_categories=[]), max_size=5)


@pytest.fixture(autouse=True, scope="module")
def _small_blocks() -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(item_ids, "IDS_AT_ONCE", 3)
        yield


@settings(max_examples=80)
@given(st.lists(st.lists(TEXTS, min_size=1, max_size=9), min_size=1, max_size=5), st.data())
def test_ids_are_found_as_in_a_dictionary(batches: list[list[str]], data: st.DataObject) -> None:
    everything = [item_id for batch in batches for item_id in batch]
    ids = ItemIds.of(list(dict.fromkeys(batches[0])))
    for batch in batches[1:]:
        ids = ids.extended(batch)
    everything = [*dict.fromkeys(batches[0]), *(i for batch in batches[1:] for i in batch)]
    assert ids.tolist() == list(ids) == [ids[row] for row in range(len(ids))] == everything
    # Of the rows that share an id at most one is alive.
    last = {item_id: row for row, item_id in enumerate(everything)}
    gone = data.draw(st.sets(st.sampled_from(everything)))
    alive = np.array([last[i] == row and i not in gone for row, i in enumerate(everything)])
    wanted = [*everything, *data.draw(st.lists(TEXTS, max_size=5))]
    expected = [last.get(i, -1) if i not in gone else -1 for i in wanted]
    assert ids.rows_of(wanted, alive).tolist() == expected


def test_no_ids_are_wanted() -> None:
    assert ItemIds.of(["a"]).rows_of([], np.ones(1, bool)).tolist() == []


def test_a_number_is_no_id() -> None:
    with pytest.raises(VectorIndexError, match="7 is no string; ids are never cast"):
        ItemIds.of(["7"]).rows_of([7], np.ones(1, bool))  # type: ignore[list-item]


@pytest.mark.parametrize("row", [-1, 3])
def test_there_is_no_id_outside_the_catalog(row: int) -> None:
    with pytest.raises(IndexError, match="no such row"):
        _ = ItemIds.of(["a", "b"]).extended(["c"])[row]


def test_rows_can_be_taken_in_any_order() -> None:
    taken = ItemIds.of(["a", "", "c"]).extended(["d"]).taken(np.array([3, 1]))
    assert taken.tolist() == ["d", ""]
