"""What users' columns say of items: values by hand, and the same answer by every way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from longtail.index.errors import DamagedFileError
from longtail.retrieval.data.users.schema_column import SchemaColumn
from longtail.retrieval.data.users.user_schema import UserSchema
from longtail.retrieval.data.users.user_table import UserValues
from longtail.retrieval.features.user_columns import UserColumns, ValueLifts

N_ITEMS, PRIOR = 7, 5.0
SCHEMA = UserSchema(
    (SchemaColumn("likes", ("a", "b", "c"), several=True), SchemaColumn("age", edges=(30.0,)))
)
# Three users: two likes and young, no like and old, nothing.
VALUES = UserValues(np.array([0, 3, 4, 4]), np.array([0, 2, 3, 4], np.int32))


@pytest.fixture
def counts() -> np.ndarray:
    return np.random.default_rng(0).poisson(1.0, (5, N_ITEMS)) * (np.arange(5)[:, None] != 1)


@pytest.fixture
def share() -> np.ndarray:
    weights = np.arange(1.0, N_ITEMS + 1)
    return weights / weights.sum()


@pytest.fixture
def columns(counts: np.ndarray, share: np.ndarray) -> UserColumns:
    lifts = ValueLifts.fit(sp.csr_matrix(counts), share, PRIOR)
    ids = np.array(["u1", "u2", "u3"], dtype=object)
    return UserColumns(SCHEMA, ids, VALUES, lifts, PRIOR, 0.6)


def by_hand(counts: np.ndarray, share: np.ndarray) -> np.ndarray:
    total = counts.sum(axis=1, keepdims=True)
    return np.log((counts + PRIOR * share) / (total + PRIOR)) - np.log(share)


def test_a_user_s_lift_is_the_sum_over_columns_of_the_mean_over_values(
    columns: UserColumns, counts: np.ndarray, share: np.ndarray
) -> None:
    lift, of_values = columns.lift(VALUES), by_hand(counts, share)
    wanted = [(of_values[0] + of_values[2]) / 2 + of_values[3], of_values[4], np.zeros(N_ITEMS)]
    for user in range(3):
        assert lift.of_catalog(user, N_ITEMS) == pytest.approx(wanted[user], abs=1e-6)


def test_pairs_have_the_lift_that_the_catalog_has(columns: UserColumns) -> None:
    lift = columns.lift(VALUES)
    rows = np.array([[6, 0, 3, -1], [1, 1, 2, 5], [0, 1, 2, 3]])
    pairs = lift.of_pairs(rows)
    for user in range(3):
        there = rows[user] >= 0
        whole = lift.of_catalog(user, N_ITEMS)
        assert pairs[user][there] == pytest.approx(whole[rows[user][there]], abs=1e-6)


def test_only_what_somebody_took_is_stored(columns: UserColumns, counts: np.ndarray) -> None:
    assert len(columns.lifts.extra) == (counts > 0).sum()


def test_nobody_s_values_are_no_lift(columns: UserColumns) -> None:
    nobody = columns.of_users(np.array(["stranger"], dtype=object))
    assert columns.lift(nobody).of_pairs(np.array([[0, 1]])).tolist() == [[0.0, 0.0]]
    assert columns.stored("stranger").tolist() == []
    assert "u2" in columns
    assert "stranger" not in columns


def test_other_rows_keep_their_items_lift(columns: UserColumns) -> None:
    # Row 0 is forgotten, the others move up, and a new item comes last.
    to_served = np.array([-1, 0, 1, 2, 3, 4, 5])
    before, after = columns.lift(VALUES), columns.laid_out(to_served).lift(VALUES)
    for user in range(3):
        served = after.of_catalog(user, N_ITEMS)
        assert served[:6] == pytest.approx(before.of_catalog(user, N_ITEMS)[1:], abs=1e-6)
    # Of a new item is known what is known of any that nobody took.
    assert after.of_catalog(1, N_ITEMS)[6] == pytest.approx(columns.lifts.base[4])


def test_saved_columns_say_the_same(columns: UserColumns, tmp_path: Path) -> None:
    columns.save(tmp_path)
    again = UserColumns.load(tmp_path, n_items=N_ITEMS)
    rows = np.array([[6, 0, 3]] * 3)
    ids = np.array(["u3", "u1", "u2"], dtype=object)
    known = columns.lift(columns.of_users(ids)).of_pairs(rows)
    assert (again.lift(again.of_users(ids)).of_pairs(rows) == known).all()
    assert (again.schema, again.prior, again.strength) == (SCHEMA, PRIOR, 0.6)


def test_columns_of_another_catalog_are_refused(columns: UserColumns, tmp_path: Path) -> None:
    columns.save(tmp_path)
    with pytest.raises(DamagedFileError, match="outside the 3 of the catalog"):
        UserColumns.load(tmp_path, n_items=3)
