"""Which behaviour weights a log gets: the settings that rank validation best."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from longtail.retrieval.features.history_scores import DECAY, LAST, HistoryScores
from longtail.retrieval.features.item_weights import ItemWeights
from longtail.retrieval.progress import Progress, silent
from longtail.training.evidence.fit_item_weights import ItemWeightsReport, fit_each
from longtail.training.evidence.item_weights_settings import ClosedFormSettings, ItemWeightsSettings
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
    decay: float = DECAY,
    last: int = LAST,
    progress: Progress = silent,
) -> ChosenItemWeights:
    """Return the candidate whose own ranking balances overall and tail best on validation.

    ``taken`` and ``vectors`` as in `fit_item_weights`: the training part alone. Ties go to the
    earlier candidate.
    """
    best: tuple[float, ItemWeights, ItemWeightsReport, ItemWeightsSettings] | None = None
    measures = []
    fitted = fit_each(taken, vectors, candidates, progress=progress)
    for settings, (weights, report) in zip(candidates, fitted, strict=True):
        measure = measure_item_weights(weights, validation, decay=decay, last=last)
        measures.append({**settings.model_dump(), **asdict(measure), "balance": measure.balance})
        logger.debug("behaviour %s: balance %.4f", settings, measure.balance)
        if best is None or measure.balance > best[0]:
            best = (measure.balance, weights, report, settings)
    if best is None:
        raise ValueError("there are no candidates to choose from")
    return ChosenItemWeights(*best[1:], measures)


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
