"""Items come, change, move and go: each update makes another index and leaves the old as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from index_toys import build, unit_rows

from longtail.index.errors import VectorIndexError
from longtail.index.updates import (
    add_items,
    compact,
    reassign,
    remove_items,
    replace_items,
    restore_items,
)
from longtail.index.vector_index import VectorIndex

HEAD, TAIL, COLD = 0, 1, 2


def toy(n: int = 30, dim: int = 4) -> VectorIndex:
    rng = np.random.default_rng(0)
    return build(unit_rows(rng, n, dim), rng.normal(-8, 2, n).astype(np.float32))


def columns(n: int, pool: int = COLD, seed: int = 1, dim: int = 4) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "vectors": unit_rows(rng, n, dim),
        "popularity": rng.normal(-8, 2, n).astype(np.float32),
        "segment_of": np.full(n, pool, np.int8),
    }


def with_new(index: VectorIndex, n: int = 3, name: str = "new", **changed: Any) -> VectorIndex:
    ids = [f"{name} {number}" for number in range(n)]
    return add_items(index, **{**columns(n), "item_ids": ids, **changed})


def rows(*wanted: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array(wanted, np.int64)


def nearest(index: VectorIndex, vector: Any, k: int = 1, **asked: Any) -> list[int]:
    query = np.asarray(vector, np.float32)[None, :]
    return [row for row in index.search(query, k, **asked).rows[0].tolist() if row >= 0]


def all_answers(index: VectorIndex, **asked: Any) -> list[int]:
    return sorted(nearest(index, np.ones(index.dim), index.n_items, **asked))


def test_an_added_item_is_found_by_the_next_query_and_the_old_index_stays() -> None:
    before, new = toy(), columns(3)
    after = with_new(before)
    for offset in range(3):
        assert nearest(after, new["vectors"][offset]) == [30 + offset]
    assert (before.n_items, after.n_items) == (30, 33)
    assert all_answers(before) == list(range(30))
    assert (after.vectors(rows(31)) == new["vectors"][1]).all()
    assert after.popularity(rows(31)) == new["popularity"][1]
    assert after.item_ids.tolist()[30:] == ["new 0", "new 1", "new 2"]
    assert after.segment_sizes == {"head": 10, "tail": 10, "cold": 13}
    assert all_answers(after, segments=["cold"]) == [*range(2, 30, 3), 30, 31, 32]


def test_rows_and_files_of_the_rest_stay_when_items_are_added() -> None:
    before = toy()
    after = with_new(before)
    assert after.segments[:3] == before.segments
    assert (after.segments[3].name, after.segments[3].pool) == ("cold+0002", "cold")


def test_many_additions_leave_few_segments() -> None:
    index = toy()
    for number in range(100):
        index = with_new(index, 1, name=f"addition {number}")
    assert len(index.segments) <= 3 + 7
    assert len(index.item_ids.chunks) <= 1 + 7
    assert index.item_ids.tolist()[30:] == [f"addition {number} 0" for number in range(100)]
    assert all_answers(index) == list(range(130))


def test_items_are_added_to_several_pools_at_once() -> None:
    pools = np.array([COLD, HEAD, COLD, TAIL], np.int8)
    index = with_new(toy(), 4, segment_of=pools)
    assert index.pool_codes()[30:].tolist() == pools.tolist()
    assert index.segment_sizes == {"head": 11, "tail": 11, "cold": 12}


def test_a_replaced_item_answers_by_its_new_vector_in_its_row_and_pool() -> None:
    before, new = toy(), columns(2, HEAD)
    after = replace_items(before, rows(20, 4), **new)
    assert nearest(after, new["vectors"][0]) == [20]
    assert nearest(after, new["vectors"][1]) == [4]
    assert after.pool_codes()[[20, 4]].tolist() == [HEAD, HEAD]
    assert all_answers(after) == list(range(30))
    assert (after.vectors(rows(20, 4)) == new["vectors"]).all()
    assert after.rows_of(["item 20"]).tolist() == [20]
    assert after.n_live == after.n_items == 30
    again = replace_items(after, rows(20), **columns(1, COLD, seed=5))
    assert nearest(again, columns(1, seed=5)["vectors"][0]) == [20]
    assert all_answers(again) == list(range(30))


def test_a_removed_item_answers_nobody_but_is_still_there_to_be_read() -> None:
    before = toy()
    after = remove_items(before, rows(3, 7))
    gone = before.vectors(rows(3))[0]
    assert nearest(after, gone) != [3]
    assert all_answers(after) == [row for row in range(30) if row not in (3, 7)]
    assert all_answers(after, allowed=np.isin(np.arange(30), [3, 7, 8])) == [8]
    assert after.score(gone[None, :], rows(3, 4)[None, :])[0, 0] == -np.inf
    assert (after.vectors(rows(3))[0] == gone).all()
    assert after.removed.nonzero()[0].tolist() == [3, 7]
    assert after.rows_of(["item 3", "item 4", "no such"]).tolist() == [-1, 4, -1]
    assert (after.n_items, after.n_live) == (30, 28)
    assert after.segment_sizes == {"head": 9, "tail": 9, "cold": 10}
    assert after.pool_codes()[[3, 7]].tolist() == before.pool_codes()[[3, 7]].tolist()


def test_a_query_that_excludes_a_removed_item_gets_the_others() -> None:
    index = remove_items(toy(), rows(3))
    seen = (np.array([0, 2]), np.array([3, 4], np.int32))
    expected = [row for row in range(30) if row not in (3, 4)]
    assert all_answers(index, excluded=seen) == expected


def test_a_removed_id_can_be_added_again_and_gets_a_row_of_its_own() -> None:
    new = columns(1)
    index = remove_items(toy(), rows(3))
    index = add_items(index, **new, item_ids=["item 3"])
    assert index.rows_of(["item 3"]).tolist() == [30]
    assert nearest(index, new["vectors"][0]) == [30]
    assert index.item_ids[3] == index.item_ids[30] == "item 3"
    again = add_items(remove_items(index, rows(30)), **columns(1), item_ids=["item 3"])
    assert again.rows_of(["item 3", "item 3"]).tolist() == [31, 31]


@pytest.mark.parametrize("n_changed", [1, 20])
def test_popularity_moves_items_between_pools_and_leaves_the_vectors(n_changed: int) -> None:
    before = remove_items(toy(), rows(25))
    popularity, pool = before.popularity(np.arange(30)), before.pool_codes()
    changed = np.arange(n_changed)
    popularity[changed] += 5
    pool[changed] = (pool[changed] + 1) % 3
    pool[25] = -1  # what a caller puts there for a removed item doesn't matter
    after = reassign(before, popularity, pool)
    live = np.delete(np.arange(30), 25)
    assert (after.popularity(live) == popularity[live]).all()
    assert (after.vectors(np.arange(30)) == before.vectors(np.arange(30))).all()
    assert (after.pool_codes()[live] == pool[live]).all()
    for code, name in enumerate(after.pools):
        expected = [row for row in live.tolist() if pool[row] == code]
        assert all_answers(after, segments=[name]) == expected
    assert after.removed.nonzero()[0].tolist() == [25]
    assert reassign(after, popularity, pool) is after


def test_a_pool_in_which_nothing_moves_keeps_its_segment() -> None:
    before = toy()
    popularity = before.popularity(np.arange(30))
    popularity[before.pool_codes() == TAIL] += 1
    after = reassign(before, popularity, before.pool_codes())
    assert {segment.name for segment in after.segments} == {"head", "tail", "cold"}
    kept = {s.name for s in after.segments if any(s is old for old in before.segments)}
    assert kept == {"head", "cold"}


def test_compaction_drops_what_was_removed_and_keeps_the_answers() -> None:
    index = with_new(remove_items(toy(), rows(0, 10, 20)), 5)
    index = replace_items(index, rows(6, 31), **columns(2, TAIL, seed=3))
    index = remove_items(index, rows(32))
    compacted, old_row = compact(index)
    expected = [row for row in range(35) if row not in (0, 10, 20, 32)]
    assert old_row.tolist() == expected
    assert compacted.n_items == compacted.n_live == 31
    assert [segment.name for segment in compacted.segments] == ["head", "tail", "cold"]
    assert not any(len(segment.removed) for segment in compacted.segments)
    everything = np.arange(31)
    assert (compacted.vectors(everything) == index.vectors(old_row)).all()
    assert (compacted.popularity(everything) == index.popularity(old_row)).all()
    assert (compacted.pool_codes() == index.pool_codes()[old_row]).all()
    assert compacted.item_ids.tolist() == [index.item_ids[row] for row in expected]
    queries = unit_rows(np.random.default_rng(9), 8, 4)
    before, after = index.search(queries, 10), compacted.search(queries, 10)
    assert (old_row[after.rows] == before.rows).all()
    assert (after.scores == before.scores).all()


def test_compaction_of_a_compact_index_changes_nothing() -> None:
    index = toy()
    compacted, old_row = compact(index)
    assert compacted is index
    assert old_row.tolist() == list(range(30))


def test_compaction_keeps_the_vectors_of_pools_that_lost_nothing() -> None:
    index = remove_items(toy(), rows(0, 3))
    compacted, _ = compact(index)
    shared = [a.flat is b.flat for a, b in zip(compacted.segments, index.segments, strict=True)]
    assert shared == [False, True, True]


def test_updates_of_a_float16_index_keep_what_was_stored_to_the_bit() -> None:
    rng = np.random.default_rng(2)
    index = VectorIndex.build(
        unit_rows(rng, 40, 8),
        rng.normal(-8, 2, 40).astype(np.float32),
        (np.arange(40) % 3).astype(np.int8),
        item_ids=[str(row) for row in range(40)],
        tower_fingerprint="t",
        storage="float16",
    )
    vectors, popularity = index.vectors(np.arange(40)), index.popularity(np.arange(40))
    pool = np.roll(index.pool_codes(), 1)
    moved = reassign(remove_items(index, rows(5)), popularity, pool)
    compacted, old_row = compact(with_new(moved, 2, **columns(2, dim=8)))
    assert {segment.vectors.storage for segment in compacted.segments} == {"float16"}
    assert (compacted.vectors(np.arange(39)) == vectors[old_row[:39]]).all()
    assert (compacted.popularity(np.arange(39)) == popularity[old_row[:39]]).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"vectors": np.ones((2, 4))}, "vectors must be float32"),
        ({"vectors": np.ones(4, np.float32)}, "vectors must be float32"),
        ({"vectors": np.ones((2, 5), np.float32)}, "index's 4 dimensions, not 5"),
        ({"vectors": np.ones((3, 4), np.float32)}, "3 vectors for 2 item ids"),
        ({"vectors": np.array([[1, 1, 1, 1], [np.nan] * 4], np.float32)}, "row 1 is not finite"),
        ({"vectors": np.array([[np.inf] * 4, [1] * 4], np.float32)}, "row 0 is not finite"),
        ({"vectors": np.array([[1] * 4, [0] * 4], np.float32)}, "row 1 is all zeros"),
        ({"popularity": np.array([0, np.nan], np.float32)}, "popularity of row 1 is not finite"),
        ({"popularity": np.zeros(2)}, "popularity must be float32"),
        ({"popularity": np.zeros(3, np.float32)}, "one entry for each of 2 item ids"),
        ({"segment_of": np.array([0, 3], np.int8)}, "between 0 and 2"),
        ({"item_ids": ["new", "new"]}, "'new' occurs at rows 0 and 1"),
        ({"item_ids": ["new", "item 7"]}, r"'item 7' at row 1 .* already \(row 7\)"),
        ({"item_ids": ["new", None]}, "is no string"),
    ],
)
def test_what_does_not_fit_is_not_added(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(VectorIndexError, match=message) as caught:
        add_items(toy(), **{**columns(2), "item_ids": ["a", "b"], **changed})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ([30], "rows must lie between 0 and 29"),
        ([-1], "rows must lie between 0 and 29"),
        ([4, 5, 4], "row 4 is given more than once"),
        ([3], r"row 3 \(item 'item 3'\) was removed before"),
        ([[3, 4]], r"rows must be int64 \[m\], not int64 \[1, 2\]"),
        ([0.5], "rows must be int64"),
    ],
)
def test_rows_that_are_not_there_are_neither_removed_nor_replaced(
    wanted: list[Any], message: str
) -> None:
    index = remove_items(toy(), rows(3))
    with pytest.raises(VectorIndexError, match=message):
        remove_items(index, np.array(wanted))
    with pytest.raises(VectorIndexError, match=message):
        replace_items(index, np.array(wanted), **columns(len(wanted)))


def test_the_last_item_can_be_removed_but_not_compacted_away() -> None:
    index = remove_items(toy(), np.arange(30))
    assert all_answers(index) == []
    with pytest.raises(VectorIndexError, match="every item was removed"):
        compact(index)
    assert all_answers(with_new(index)) == [30, 31, 32]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"popularity": np.zeros(29, np.float32)}, r"float32 \[30\], one entry for each row"),
        ({"popularity": np.zeros(30)}, "popularity must be float32"),
        ({"popularity": np.full(30, np.nan, np.float32)}, "popularity of row 0 is not finite"),
        ({"segment_of": np.zeros(30, np.int64)}, "segment_of must be int8"),
        ({"segment_of": np.full(30, 3, np.int8)}, "segment_of must lie between 0 and 2"),
    ],
)
def test_columns_that_do_not_fit_move_nothing(changed: dict[str, Any], message: str) -> None:
    index = toy()
    given = {"popularity": np.zeros(30, np.float32), "segment_of": index.pool_codes(), **changed}
    with pytest.raises(VectorIndexError, match=message):
        reassign(index, **given)


def test_a_removed_item_that_is_put_back_answers_with_the_vector_it_had() -> None:
    before = toy()
    chosen = rows(4, 2)
    gone = remove_items(before, rows(2, 4, 5))
    back = restore_items(gone, chosen, before.popularity(chosen), np.array([COLD, HEAD], np.int8))
    assert all_answers(back) == [row for row in range(30) if row != 5]
    assert (back.vectors(chosen) == before.vectors(chosen)).all()
    assert (back.popularity(chosen) == before.popularity(chosen)).all()
    assert all_answers(back, segments=["cold"]) == [*range(4, 5), *range(8, 30, 3)]
    assert all_answers(gone) == [row for row in range(30) if row not in (2, 4, 5)]


def test_only_what_is_removed_is_put_back() -> None:
    gone = remove_items(toy(), rows(2))
    with pytest.raises(VectorIndexError, match="isn't removed"):
        restore_items(gone, rows(2, 3), np.zeros(2, np.float32), np.zeros(2, np.int8))
    with pytest.raises(VectorIndexError):
        restore_items(gone, rows(2, 2), np.zeros(2, np.float32), np.zeros(2, np.int8))
