"""What can't be indexed or searched is refused in one line, before FAISS takes it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from index_toys import build, unit_rows

from longtail.index.errors import VectorIndexError
from longtail.index.vector_index import VectorIndex


def columns(**changed: Any) -> dict[str, Any]:
    return {
        "vectors": np.eye(3, dtype=np.float32),
        "popularity": np.zeros(3, np.float32),
        "segment_of": np.array([0, 1, 2], np.int8),
        "item_ids": ["a", "b", "c"],
        "tower_fingerprint": "tower-a",
        **changed,
    }


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"vectors": np.eye(3)}, "vectors must be float32"),
        ({"vectors": np.ones(3, np.float32)}, "vectors must be float32"),
        (
            {
                "vectors": np.empty((0, 3), np.float32),
                "popularity": np.empty(0, np.float32),
                "segment_of": np.empty(0, np.int8),
                "item_ids": [],
            },
            "at least one of each",
        ),
        ({"vectors": np.eye(4, dtype=np.float32)}, "4 vectors for 3 item ids"),
        ({"vectors": np.diag([1, np.nan, 1]).astype(np.float32)}, "vector of row 1 is not finite"),
        ({"popularity": np.array([0, 0, -np.inf], np.float32)}, "popularity of row 2 is not"),
        ({"popularity": np.zeros(2, np.float32)}, "one entry for each of 3 item ids"),
        ({"popularity": np.zeros(3)}, "popularity must be float32"),
        ({"segment_of": np.array([0, 1, 3], np.int8)}, "int8 between 0 and 2"),
        ({"segment_of": np.array([0, 1, -1], np.int8)}, "int8 between 0 and 2"),
        ({"segment_names": ("head", "tail", "head")}, "names must differ"),
        ({"segment_names": ("head", "tail", "../x")}, "letters, digits"),
        ({"item_ids": ["a", "b", "a"]}, "'a' occurs at rows 0 and 2"),
        ({"item_ids": ["a", "b", 3]}, "3 at row 2 is no string"),
    ],
)
def test_what_does_not_fit_is_not_built(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(VectorIndexError, match=message) as caught:
        VectorIndex.build(**columns(**changed))
    assert "\n" not in str(caught.value)


def test_rows_are_numbered_through_the_blocks_that_are_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("longtail.index.checks.ROWS_AT_ONCE", 2)
    for vectors, message in (
        (np.diag([1, 1, np.nan]), "vector of row 2 is not finite"),
        (np.diag([1, 1, 0]), "vector of row 2 is all zeros"),
    ):
        with pytest.raises(VectorIndexError, match=message):
            VectorIndex.build(**columns(vectors=vectors.astype(np.float32)))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"queries": np.ones((1, 3))}, "queries must be float32"),
        ({"queries": np.ones((1, 4), np.float32)}, r"queries must be float32 \[m, 3\]"),
        ({"queries": np.ones(3, np.float32)}, "queries must be float32"),
        ({"queries": np.array([[0, 0, 0], [0, np.nan, 0]], np.float32)}, "query 1 holds NaN"),
        ({"queries": np.array([[0, np.inf, 0]], np.float32)}, "query 0 holds NaN, infinity"),
        ({"queries": np.full((1, 3), 3e38, np.float32)}, "overflow"),
        ({"popularity_weight": float("nan")}, "query 0 holds NaN"),
        ({"popularity_weight": np.zeros(2, np.float32)}, "one for each of 1 queries"),
        ({"k": 0}, "k must be at least 1"),
        ({"segments": ["tial"]}, "no segment 'tial'; there are head, tail, cold"),
        ({"allowed": np.ones(4, bool)}, r"allowed must be bool \[3\]"),
        ({"allowed": np.ones(3, np.int8)}, r"allowed must be bool \[3\]"),
        ({"excluded": (np.array([0]), np.array([], np.int32))}, "one more than the queries"),
        ({"excluded": (np.array([0, 2]), np.array([1], np.int32))}, "offsets end at 2, but 1"),
        ({"excluded": (np.array([0, 1]), np.array([3], np.int32))}, "between 0 and 2"),
        ({"excluded": (np.array([0, 1]), np.array([-1], np.int32))}, "between 0 and 2"),
    ],
)
def test_what_can_not_be_searched_is_refused(asked: dict[str, Any], message: str) -> None:
    index = VectorIndex.build(**columns())
    full = {"queries": np.ones((1, 3), np.float32), "k": 1, **asked}
    with pytest.raises(VectorIndexError, match=message) as caught:
        index.search(**full)
    assert "\n" not in str(caught.value)


def test_candidates_need_one_line_a_query_and_rows_of_the_catalog() -> None:
    index, queries = VectorIndex.build(**columns()), np.ones((2, 3), np.float32)
    with pytest.raises(VectorIndexError, match=r"candidate rows must be \[2, c\]"):
        index.score(queries, np.array([[0, 1]]))
    with pytest.raises(VectorIndexError, match="rows must lie between -1 and 2"):
        index.score(queries, np.array([[0], [3]]))


@pytest.mark.parametrize("row", [-1, 3])
def test_there_is_no_vector_outside_the_catalog(row: int) -> None:
    with pytest.raises(VectorIndexError, match="rows must lie between 0 and 2"):
        VectorIndex.build(**columns()).vectors(np.array([row]))


def test_a_gpu_that_is_not_there_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("longtail.index.vector_index.gpu_count", lambda: 0)
    index = build(unit_rows(np.random.default_rng(0), 3, 2))
    with pytest.raises(VectorIndexError, match="sees no GPU here; use the cpu device"):
        index.to_device("gpu")
    with pytest.raises(VectorIndexError, match="no device 'tpu'"):
        index.to_device("tpu")  # type: ignore[arg-type]
    assert index.to_device("cpu").device == "cpu"
