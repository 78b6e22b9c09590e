"""Fits what the columns of users say of items, and how much it counts for who has no history."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.users.user_schema import UserSchema
from longtail.retrieval.data.users.user_table import UserTable
from longtail.retrieval.features.user_columns import UserColumns, ValueLifts
from longtail.retrieval.progress import Progress, silent
from longtail.training.evidence.user_columns.hidden_histories import (
    Figures,
    HiddenHistories,
    value_matrix,
)
from longtail.training.evidence.user_columns.user_columns_settings import UserColumnsSettings

# Standard errors that a difference between strengths has to be beyond.
CLEAR = 1.0
# An NDCG below it is nothing: no gain is measured against less.
LEAST = 1e-3


@dataclass(frozen=True)
class FittedUserColumns:
    """The evidence, None where no column counts, and how it came about."""

    user_columns: UserColumns | None
    report: dict[str, Any]


def fit_user_columns(
    table: UserTable,
    train: Interactions,
    valid: Interactions,
    base: NDArray[np.float32],
    in_tail: NDArray[np.bool_],
    settings: UserColumnsSettings,
    *,
    seed: int,
    progress: Progress = silent,
) -> FittedUserColumns:
    """Return lifts fitted on the train part, with prior and strength chosen on the valid part.

    Chosen as if nobody had a history: every validation user with a value is ranked by
    ``base + strength * lift``, where ``base`` float32 [n] is the log of popularity that such
    users are ranked by at debias 0. What counts is the geometric mean of NDCG@10 in the whole
    catalog and in the tail (``in_tail`` bool [n]: tail and cold items). It is the weakest
    strength that isn't behind the best one by more than a standard error; 0 is one of them.
    """
    began = time.monotonic()
    known = Histories.from_interactions(train)
    holders = table.positions(known.user_ids)[np.diff(known.offsets) > 0]
    schema, left_out = UserSchema.fit(
        table,
        holders[holders >= 0],
        fewest_users=settings.fewest_users,
        most_bands=settings.bands,
    )
    report: dict[str, Any] = {
        "users": len(table),
        "users_in_log": int((table.positions(known.user_ids) >= 0).sum()),
        "columns": [column.described for column in schema.columns],
        "left_out": left_out,
        "strength": 0.0,
    }
    if not schema.columns:
        return FittedUserColumns(None, report)
    nothing = ValueLifts.fit(sp.csr_matrix((schema.n_values, len(base))), np.ones(0), prior=1.0)
    columns = UserColumns(schema, table.user_ids, schema.encode(table), nothing, 1.0, 0.0)
    counts = _value_counts(columns, train, len(base))
    share = _share(train, len(base))
    hidden = HiddenHistories.of(columns, known, valid, base, in_tail, seed)
    tried: dict[tuple[float, float], Figures] = {}
    for number, prior in enumerate(settings.priors):
        progress("user columns", number, len(settings.priors))
        of_prior = replace(
            columns,
            prior=prior,
            lifts=ValueLifts.fit(counts, share, prior * len(share)),
        )
        strengths = settings.strengths if number else (0.0, *settings.strengths)
        for strength, figures in hidden.measured(of_prior, strengths):
            tried[strength, prior] = figures
    progress("user columns", len(settings.priors), len(settings.priors))
    strength, prior, of_choice = _choose(tried, settings.priors[0])
    lifts = ValueLifts.fit(counts, share, prior * len(share))
    return FittedUserColumns(
        replace(columns, lifts=lifts, prior=prior, strength=strength),
        {
            **report,
            "strength": strength,
            "prior": prior,
            **of_choice,
            "seconds": round(time.monotonic() - began, 1),
        },
    )


def refit_user_columns(columns: UserColumns, log: Interactions, n_items: int) -> UserColumns:
    """Return the same columns, prior and strength with lifts fitted on more events."""
    counts, share = _value_counts(columns, log, n_items), _share(log, n_items)
    return replace(columns, lifts=ValueLifts.fit(counts, share, columns.prior * n_items))


def _value_counts(columns: UserColumns, log: Interactions, n_items: int) -> sp.csr_matrix:
    """Return how many users with a value took an item, [n_values, n_items]."""
    taken = log.taken()
    pairs = np.unique(taken.user.astype(np.int64) * n_items + taken.item)
    shape = (len(log.user_ids), n_items)
    ones = np.ones(len(pairs), np.float64)
    took = sp.csr_matrix((ones, (pairs // n_items, pairs % n_items)), shape=shape)
    return sp.csr_matrix(value_matrix(columns, columns.of_users(log.user_ids)).sign().T @ took)


def _share(log: Interactions, n_items: int) -> NDArray[np.float64]:
    counts = log.user_counts(n_items) + 1.0
    return np.asarray(counts / counts.sum(), np.float64)


def _choose(
    tried: dict[tuple[float, float], Figures], first_prior: float
) -> tuple[float, float, dict[str, Any]]:
    """Return strength and prior, and what they do beside strength 0.

    The weakest strength that isn't clearly behind the best one (the rule of one standard error:
    Breiman et al., "Classification and Regression Trees", 1984), with the prior that suits it.
    """
    none = tried[0.0, first_prior]
    n_users = len(none["ndcg"])
    report = {"hidden_users": n_users, "without": _figures(none), "with": _figures(none)}
    if not n_users:
        return 0.0, first_prior, report
    gains = {pair: _gains(figures, none) for pair, figures in tried.items()}
    best = max(tried, key=lambda pair: _balance(tried[pair]))
    for strength in sorted({strength for strength, _ in tried}):
        of_strength = [pair for pair in tried if pair[0] == strength]
        pair = max(of_strength, key=lambda pair: _balance(tried[pair]))
        behind = gains[best] - gains[pair]
        if behind.mean() <= CLEAR * behind.std() / np.sqrt(n_users):
            break
    return pair[0], pair[1], {**report, "with": _figures(tried[pair])}


def _balance(figures: Figures) -> float:
    means = [max(m, LEAST) for m in _figures(figures).values() if not np.isnan(m)]
    return float(np.prod(means) ** (1 / len(means))) if means else 0.0


def _figures(figures: Figures) -> dict[str, float]:
    return {
        name: float(values[~np.isnan(values)].mean()) if (~np.isnan(values)).any() else float("nan")
        for name, values in figures.items()
    }


def _gains(figures: Figures, none: Figures) -> NDArray[np.float64]:
    """Return what each user adds to the relative gains over strength 0, overall and in the tail."""
    gains = np.zeros(len(none["ndcg"]))
    for name, values in none.items():
        there = ~np.isnan(values)
        if there.any():
            usual = max(float(values[there].mean()), LEAST) * there.mean()
            gains[there] += (figures[name] - values)[there] / usual
    return gains
