"""Fitting the relevance head: which scorer is best, by users that it was not fitted on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from longtail.evaluation.metrics.calibration import Calibration
from longtail.evaluation.significance.paired_tests import paired_bootstrap
from longtail.retrieval.data.interactions import Histories
from longtail.retrieval.data.popularity import POOL_NAMES
from longtail.retrieval.features.relevance_head import RelevanceHead, probability
from longtail.retrieval.features.scorers.boosting import Boosting
from longtail.retrieval.features.scorers.scorer import Scorer
from longtail.retrieval.progress import Progress, silent
from longtail.retrieval.ranking.pipeline import RankingPipeline
from longtail.training.head.folds import Folds
from longtail.training.head.head_examples import HeadExamples, with_more
from longtail.training.head.head_settings import KINDS, HeadSettings
from longtail.training.head.learning_curve import ENOUGH
from longtail.training.head.ranked_pairs import PairRanks, balance
from longtail.training.head.training_pairs import Pairs, collect_pairs, evened

logger = logging.getLogger("longtail.training")

Floats = NDArray[np.float32]


DEBIAS_GRID = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class FittedHead:
    """A head, the debias strength that validation chose with it, and what was measured."""

    head: RelevanceHead
    debias: float
    report: dict[str, Any]


def fit_relevance_head(
    ranking: RankingPipeline,
    known: Histories,
    positives: Histories,
    rejected: Histories,
    settings: HeadSettings,
    *,
    counts: bool,
    seed: int,
    progress: Progress = silent,
    more: Callable[[], Sequence[HeadExamples]] | None = None,
) -> FittedHead:
    """Return the best head and what it does for users it wasn't fitted on.

    ``known``, ``positives`` and ``rejected`` belong to the same validation users, whose
    positives none of the evidence was fitted on. Everything is judged out of fold: the mixture
    (one fixed weight a column), the network and boosted trees. What wins is fitted again on all
    users and calibrated with the out-of-fold figures. ``more`` makes examples of other
    moments, which learn and judge beside them, where these users alone don't teach enough
    (`share_from_second_half`); a person is in one fold everywhere.
    """
    rng = np.random.default_rng(seed)
    order = np.sort(rng.permutation(len(known))[: settings.max_users].astype(np.int64))
    progress("relevance head", 0, 3)
    pairs = collect_pairs(
        ranking,
        known.take(order),
        positives.take(order),
        rejected.take(order),
        counts=counts,
        popularity_matched=settings.popularity_matched,
        rng=rng,
    )
    names = ranking.feature_names(counts=counts)
    fold = rng.integers(0, settings.folds, pairs.n_users)
    folds, curve = Folds(evened(pairs) if more else pairs, fold, settings, seed), 0.0
    if more:
        curve = folds.share_from_second_half()
        if curve > ENOUGH:
            people = known.user_ids[order]
            pairs, fold = with_more(pairs, fold, people, more(), settings, counts, rng)
            folds = Folds(evened(pairs), fold, settings, seed)
    progress("relevance head", 1, 3)
    ranks = PairRanks(pairs)
    # On logs without a clock the published tables stand on the balance alone (decision 0018).
    by_time = more is not None
    weight, tried = _choose_tail_weight(folds, ranks, settings, most_probable=by_time)
    competing = KINDS if settings.scorer == "auto" else (settings.scorer,)
    logits: dict[str, Floats] = {kind: folds.predictions(kind, weight) for kind in competing}
    progress("relevance head", 2, 3)
    measures = {kind: ranks.measures(logit) for kind, logit in logits.items()}
    kind = _choose_kind(measures, settings, most_probable=by_time)
    scale, shift = platt(logits[kind][pairs.retrieved], pairs.label[pairs.retrieved])
    scorers = folds.fitted(kind, weight)
    head = RelevanceHead(names, counts, scorers, scale, shift)
    calibrated = scale * logits[kind] + shift
    strengths = {d: ranks.measures(calibrated - d * pairs.log_p) for d in DEBIAS_GRID}
    debias = _choose_debias({d: balance_pair(m) for d, m in strengths.items()}, settings)
    progress("relevance head", 3, 3)
    report = {
        "scorer": kind,
        "tail_weight": weight,
        "tail_weights": tried,
        "scorers": {name: _figures(figures) for name, figures in measures.items()},
        "tests": _tests(measures, kind),
        "debias": {f"{d:g}": _figures(m) for d, m in strengths.items()},
        "evidence": _importance(scorers, names),
        "seen_users": float(folds.single),
        **({"share_from_second_half": round(curve, 4)} if more else {}),
        **_quality(probability(calibrated), pairs, ranking.bundle.popularity.bucket),
    }
    return FittedHead(head, debias, report)


Measures = dict[str, NDArray[np.float64]]
Choice = TypeVar("Choice", float, str)


def balance_pair(measures: Measures) -> tuple[float, float]:
    """Return overall NDCG@10 and the balance of overall and tail."""
    return float(np.nanmean(measures["ndcg"])), balance(measures)


def _choose_tail_weight(
    folds: Folds, ranks: PairRanks, settings: HeadSettings, *, most_probable: bool
) -> tuple[float, dict[str, dict[str, float]]]:
    """Return the weight of the best balance, and what each reached."""
    tried = {}
    for weight in settings.tail_weights:
        tried[weight] = ranks.measures(folds.predictions("boosting", weight, bags=1))
    best = _best_balance(tried, most_probable=most_probable)
    return best, {f"{w:g}": _figures(m) for w, m in tried.items()}


def _choose_kind(
    measures: dict[str, Measures], settings: HeadSettings, *, most_probable: bool
) -> str:
    """Return the scorer of the best balance."""
    if settings.scorer != "auto":
        return settings.scorer
    return _best_balance(measures, most_probable=most_probable)


def _best_balance(tried: dict[Choice, Measures], *, most_probable: bool) -> Choice:
    """Return the choice of the best balance of overall and tail.

    ``most_probable``: only among those that cost nothing significant overall. Debias 0 is then the
    most probable next item; what the tail gains at its expense is the dial's.
    """
    free = list(tried)
    if most_probable:
        best = max(tried, key=lambda choice: float(np.nanmean(tried[choice]["ndcg"])))
        free = [c for c in tried if c == best or not _costs(tried[c], tried[best])]
    return max(free, key=lambda choice: balance(tried[choice]))


def _costs(measures: Measures, best: Measures) -> bool:
    """Return whether something ranks significantly worse overall than the best, in R or N."""
    columns = [measures[name] - best[name] for name in ("ndcg", "recall")]
    tested = paired_bootstrap(np.stack(columns, axis=1))
    return bool((tested.high < 0).any())


def _choose_debias(by_strength: dict[float, tuple[float, float]], settings: HeadSettings) -> float:
    """Return the strength of the best balance among those that cost little overall."""
    floor = (1 - settings.debias_price) * by_strength[0.0][0]
    affordable = [d for d, (overall, _) in by_strength.items() if overall >= floor]
    return max(affordable, key=lambda d: by_strength[d][1])


def platt(logits: Floats, label: NDArray[np.bool_]) -> tuple[float, float]:
    """Return scale and shift that make ``sigmoid(scale * logit + shift)`` hold; (1, 0) if unsure.

    A scale below zero would turn the ranking round: too few labels to trust the fit.
    """
    if not label.any() or label.all():
        logger.warning("relevance head: nothing to calibrate on; its probabilities are raw")
        return 1.0, 0.0
    given, sign = logits.astype(np.float64), np.where(label, 1.0, -1.0)

    def loss(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = sign * (line[0] * given + line[1])
        pull = -sign / (1.0 + np.exp(np.clip(margin, -500, 500)))
        gradient = np.array([(pull * given).mean(), pull.mean()])
        return float(np.logaddexp(0.0, -margin).mean()), gradient

    fitted_line = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B").x
    if fitted_line[0] <= 0:
        logger.warning("relevance head: calibration would turn the ranking round; it is left raw")
        return 1.0, 0.0
    return float(fitted_line[0]), float(fitted_line[1])


def _figures(measures: Measures) -> dict[str, float]:
    return {
        **{k: round(float(np.nanmean(v)), 5) for k, v in measures.items() if (~np.isnan(v)).any()}
    }


def _tests(measures: dict[str, Measures], kind: str) -> dict[str, dict[str, float]]:
    """Return the chosen scorer less each other one, NDCG@10, with interval and p."""
    others = [name for name in measures if name != kind]
    if not others:
        return {}
    columns: list[tuple[str, str]] = [(o, m) for o in others for m in ("ndcg", "tail_ndcg")]
    differences = np.stack([measures[kind][m] - measures[o][m] for o, m in columns], axis=1)
    tested = paired_bootstrap(differences)
    return {
        f"{other} {metric}": {
            "difference": float(tested.difference[i]),
            "low": float(tested.low[i]),
            "high": float(tested.high[i]),
            "p": float(tested.p[i]),
        }
        for i, (other, metric) in enumerate(columns)
    }


def _importance(scorers: tuple[Scorer, ...], names: tuple[str, ...]) -> dict[str, float]:
    trees = [scorer for scorer in scorers if isinstance(scorer, Boosting)]
    if not trees:
        return {}
    share = trees[0].importance()
    return {names[i]: round(float(share[i]), 4) for i in np.argsort(-share, kind="stable")}


def _quality(probabilities: Floats, pairs: Pairs, bucket: NDArray[np.int8]) -> dict[str, Any]:
    """Return the head's figures out of fold; ``base_accuracy`` is that of always answering no."""
    value, label = probabilities[pairs.retrieved], pairs.label[pairs.retrieved].astype(np.int8)
    measure: Callable[..., Calibration] = Calibration.measure
    whole = measure(value, label, part=bucket[pairs.row[pairs.retrieved]], part_names=POOL_NAMES)
    positives = float(label.mean()) if len(label) else float("nan")
    return {
        "pairs": float(len(label)),
        "positive_share": positives,
        "auc": whole.auc,
        "expected_calibration_error": whole.error,
        "calibration_error_by_bucket": {name: c.error for name, c in whole.parts.items()},
        "accuracy": whole.accuracy,
        "base_accuracy": max(positives, 1 - positives),
        "mean_probability": float(value.mean()) if len(value) else float("nan"),
        "users": float(pairs.n_users),
    }
