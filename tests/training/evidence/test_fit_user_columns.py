"""Lifts of users' columns: a planted taste is found, noise is not, and the future moves nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from longtail.retrieval.data.interactions import TRAIN, VALID, Interactions
from longtail.retrieval.data.popularity import HEAD, Popularity
from longtail.retrieval.data.users.user_table import UserColumn, UserTable
from longtail.training.evidence.user_columns.fit_user_columns import (
    FittedUserColumns,
    fit_user_columns,
    refit_user_columns,
)
from longtail.training.evidence.user_columns.user_columns_settings import UserColumnsSettings

N_USERS, N_ITEMS = 300, 60


def table_of(**columns: np.ndarray) -> UserTable:
    """Return users u0, u1, ... with one value each of every column."""
    made = []
    for name, texts in columns.items():
        values, codes = np.unique(texts.astype(str), return_inverse=True)
        offsets = np.arange(N_USERS + 1)
        made.append(
            UserColumn(name, offsets, codes.astype(np.int32), values.astype(object), None, False)
        )
    return UserTable(np.array([f"u{i}" for i in range(N_USERS)], dtype=object), tuple(made))


@pytest.fixture(scope="module")
def taste() -> np.ndarray:
    return np.arange(N_USERS) % 3


@pytest.fixture(scope="module")
def log(taste: np.ndarray) -> Interactions:
    """Six events each, four fifths of them on the items of the user's taste; a third is new."""
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(N_USERS), 6)
    own = rng.random(len(user)) < 0.8
    group = np.where(own, taste[user], rng.integers(0, 3, len(user)))
    item = group * 20 + np.minimum(rng.geometric(0.1, len(user)) - 1, 19)
    part = np.where(user >= 200, VALID, TRAIN).astype(np.int8)
    return Interactions(
        np.array([f"u{i}" for i in range(N_USERS)], dtype=object),
        user.astype(np.int32),
        item.astype(np.int32),
        np.arange(len(user), dtype=np.int64),
        has_clock=False,
        part=part,
    )


def fitted(log: Interactions, table: UserTable) -> FittedUserColumns:
    assert log.part is not None
    train, valid = log.select(log.part == TRAIN), log.select(log.part == VALID)
    ids = np.array([str(i) for i in range(N_ITEMS)], dtype=object)
    popularity = Popularity.from_counts(train.user_counts(N_ITEMS), ids)
    return fit_user_columns(
        table,
        train,
        valid,
        popularity.log_p,
        popularity.bucket != HEAD,
        UserColumnsSettings(),
        seed=0,
    )


def test_a_planted_taste_is_found(log: Interactions, taste: np.ndarray) -> None:
    found = fitted(log, table_of(team=taste))
    assert found.user_columns is not None
    assert found.user_columns.strength > 0
    assert found.report["with"]["ndcg"] > 1.5 * found.report["without"]["ndcg"]
    # Of a user without any event: what the team takes is what is lifted.
    lift = found.user_columns.lift(found.user_columns.of_users(np.array(["u250"], dtype=object)))
    by_group = lift.of_catalog(0, N_ITEMS).reshape(3, 20).mean(axis=1)
    assert by_group.argmax() == taste[250]


def test_a_column_of_noise_has_no_say(log: Interactions) -> None:
    rng = np.random.default_rng(1)
    found = fitted(log, table_of(star_sign=rng.integers(0, 6, N_USERS)))
    assert found.report["strength"] == 0.0
    assert found.report["with"] == found.report["without"]


def test_the_future_moves_no_lift(log: Interactions, taste: np.ndarray) -> None:
    table = table_of(team=taste)
    rng = np.random.default_rng(2)
    later = log.part == VALID
    item = log.item.copy()
    item[later] = rng.permutation(item[later])
    one, two = (
        replace(columns, strength=1.0, prior=16.0)
        for source in (log, replace(log, item=item))
        if (columns := fitted(source, table).user_columns) is not None
    )
    train = log.select(~later)
    again = [refit_user_columns(columns, train, N_ITEMS) for columns in (one, two)]
    assert (again[0].lifts.extra == again[1].lifts.extra).all()
    assert (again[0].lifts.base == again[1].lifts.base).all()


def test_a_table_in_which_no_column_counts_is_told(log: Interactions) -> None:
    found = fitted(log, table_of(name=np.arange(N_USERS), planet=np.zeros(N_USERS)))
    assert found.user_columns is None
    assert found.report["left_out"] == {
        "name": "nearly as many values as users",
        "planet": "all users have the same value",
    }


def test_a_refit_keeps_what_was_chosen(log: Interactions, taste: np.ndarray) -> None:
    before = fitted(log, table_of(team=taste)).user_columns
    assert before is not None
    after = refit_user_columns(before, log, N_ITEMS)
    assert (after.strength, after.prior, after.schema) == (
        before.strength,
        before.prior,
        before.schema,
    )
    assert after.lifts.base.max() < before.lifts.base.max()
