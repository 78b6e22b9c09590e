"""Which behaviour weights a log gets: the settings that rank validation best."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from longtail.retrieval.features.history_scores import DECAY, LAST, HistoryScores
from longtail.retrieval.features.item_weights import ItemWeights
from longtail.retrieval.progress import Progress, silent
from longtail.training.evidence.item_weights.fit_item_weights import ItemWeightsReport, fit_each
from longtail.training.evidence.item_weights.item_weights_settings import (
    ClosedFormSettings,
    ItemWeightsSettings,
)
from longtail.training.validation import ValidationMeasure, ValidationSet, mean_ndcg, mean_recall

logger = logging.getLogger("longtail.training")

# Factors of the ridge and shares of the first-order term. On one log the closed form alone is
# best under a great ridge, on another it needs a small one and the first-order term beside it
# (docs/behaviour.md). An inverse is the dear part, so there are only two.
RIDGE_FACTORS = (0.5, 2.0)
FIRST_ORDERS = (0.0, 0.25, 0.5)
FIRST_ORDER_KERNEL_FACTORS = (1.0, 2.0, 0.6)
# Above, an inverse takes minutes: one ridge only.
SEVERAL_RIDGES_UP_TO = 20_000


class _Measured(NamedTuple):
    balance: float
    weights: ItemWeights
    report: ItemWeightsReport
    settings: ItemWeightsSettings


@dataclass(frozen=True)
class ChosenItemWeights:
    """The weights that validation chose.

    Attributes:
        weights: the weights.
        report: how they were made.
        settings: the settings that won.
        measures: what each candidate reached, in the order tried, for the run's summary.
    """

    weights: ItemWeights
    report: ItemWeightsReport
    settings: ItemWeightsSettings
    measures: list[dict[str, Any]]


def item_weights_candidates(
    settings: ClosedFormSettings, n_items: int
) -> list[ItemWeightsSettings]:
    """Return the settings to try for a catalog of this size, around those given.

    >>> tried = item_weights_candidates(ClosedFormSettings(), 10_000)
    >>> [(t.ridge, t.first_order) for t in tried[:4]]
    [(50.0, 0.0), (50.0, 0.25), (50.0, 0.5), (200.0, 0.0)]
    >>> [t.first_order_kernel for t in item_weights_candidates(ClosedFormSettings(), 100_000)]
    [5.0, 10.0, 3.0]
    """
    whole = ItemWeightsSettings(**dict(settings))
    if n_items > settings.closed_form_limit:
        return [
            whole.changed(first_order_kernel=factor * settings.first_order_kernel)
            for factor in FIRST_ORDER_KERNEL_FACTORS
        ]
    factors = RIDGE_FACTORS if n_items <= SEVERAL_RIDGES_UP_TO else (1.0,)
    return [
        whole.changed(ridge=factor * settings.ridge, first_order=share)
        for factor in factors
        for share in FIRST_ORDERS
    ]


def choose_item_weights(
    taken: sp.csr_matrix,
    vectors: NDArray[np.float32] | NDArray[np.float16],
    validation: ValidationSet,
    candidates: Sequence[ItemWeightsSettings],
    *,
    amounts: sp.csr_matrix | None = None,
    decay: float = DECAY,
    last: int = LAST,
    progress: Progress = silent,
) -> ChosenItemWeights:
    """Return the candidate whose own ranking balances overall and tail best on validation.

    ``taken``, ``vectors`` and ``amounts`` as in `fit_item_weights`: the training part alone. Where
    there are amounts, the best candidate is fitted on them, too. Ties go to the earlier candidate.
    """
    if not candidates:
        raise ValueError("there are no candidates to choose from")
    measures: list[dict[str, Any]] = []

    def best_of(tried: Sequence[ItemWeightsSettings], best: _Measured | None) -> _Measured | None:
        fitted = fit_each(taken, vectors, tried, amounts=amounts, progress=progress)
        for settings, (weights, report) in zip(tried, fitted, strict=True):
            measure = measure_item_weights(weights, validation, decay=decay, last=last)
            balance = measure.balance
            measures.append({**settings.model_dump(), **asdict(measure), "balance": balance})
            logger.debug("behaviour %s: balance %.4f", settings, balance)
            if best is None or balance > best.balance:
                best = _Measured(balance, weights, report, settings)
        return best

    best = best_of(candidates, None)
    if best is not None and amounts is not None:
        best = best_of([best.settings.changed(amounts=True)], best)
    assert best is not None  # there are candidates
    return ChosenItemWeights(best.weights, best.report, best.settings, measures)


def measure_item_weights(
    weights: ItemWeights,
    validation: ValidationSet,
    *,
    decay: float,
    last: int,
    k: int = 10,
    users_at_once: int = 256,
) -> ValidationMeasure:
    """Return how well the weights alone rank the validation targets, histories left out."""
    answers = np.full((len(validation), k), -1, np.int64)
    everything, nothing = np.ones(weights.n_items, bool), np.empty(0, np.int64)
    for start in range(0, len(validation), users_at_once):
        part = np.arange(start, min(start + users_at_once, len(validation)))
        known = validation.known.take(part)
        scores = HistoryScores.of(weights, known, decay=decay, last=last)
        answers[part] = scores.top(k, everything, nothing)
    hits = answers[validation.pair_user] == validation.pair_item[:, None]
    ranks = np.where(hits.any(axis=1), hits.argmax(axis=1), k)
    user, all_pairs = validation.pair_user, np.ones(len(ranks), bool)
    return ValidationMeasure(
        popularity_weight=0.0,
        ndcg=mean_ndcg(ranks, user, all_pairs, k),
        recall=mean_recall(ranks, user, all_pairs, k),
        tail_ndcg=mean_ndcg(ranks, user, validation.in_tail, k),
        tail_recall=mean_recall(ranks, user, validation.in_tail, k),
    )
