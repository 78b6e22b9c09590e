"""Fitting the relevance head: which scorer is best, by users that it was not fitted on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.significance.paired_tests import paired_bootstrap
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.features.relevance_head import RelevanceHead, probability
from longtail.retrieval.progress import Progress, silent
from longtail.retrieval.ranking.pipeline import RankingPipeline
from longtail.training.head.folds import Folds
from longtail.training.head.head_examples import HeadExamples, with_more
from longtail.training.head.head_settings import KINDS, HeadSettings
from longtail.training.head.judging.head_report import (
    Measures,
    figures,
    importance,
    quality,
    tests,
)
from longtail.training.head.judging.platt import platt
from longtail.training.head.judging.ranked_pairs import PairRanks, balance
from longtail.training.head.learning_curve import ENOUGH
from longtail.training.head.training_pairs import OF_PAIRS, Pairs, collect_pairs, evened
from longtail.training.head.unknown.fit_unknown import FittedUnknown, fit_unknown_head
from longtail.training.head.unknown.hidden_items import hidden_pairs

Floats = NDArray[np.float32]


DEBIAS_GRID = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class FittedHead:
    """A head, the debias strength that validation chose with it, and what was measured.

    ``measures`` are out of fold, at debias 0, one value a user: those that the head was fitted for
    first, then those of ``more``.
    """

    head: RelevanceHead
    debias: float
    report: dict[str, Any]
    measures: Measures


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
    users = HeadExamples(ranking, known.take(order), positives.take(order), rejected.take(order))
    unknown = _fit_unknown(users, pairs, fold, names, settings, counts, seed)
    everything = pairs
    if unknown is not None:
        pairs = pairs.select(~pairs.unknown)
    folds, curve = Folds(evened(pairs) if more else pairs, fold, settings, seed), 0.0
    if more:
        curve = folds.share_from_second_half()
        if curve > ENOUGH:
            people = known.user_ids[order]
            pairs, fold = with_more(pairs, fold, people, more(), settings, counts, rng)
            if unknown is not None:
                pairs = pairs.select(~pairs.unknown)
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
    calibrated = scale * logits[kind] + shift
    judged, calibrated = _all_judged(pairs, calibrated, everything, unknown)
    ranks = PairRanks(judged)
    bonus = settings.unknown_bonus if unknown is not None else 0.0
    ranked = calibrated + np.float32(bonus) * judged.unknown
    strengths = {d: ranks.measures(ranked - d * judged.log_p) for d in DEBIAS_GRID}
    debias = _choose_debias({d: balance_pair(m) for d, m in strengths.items()}, settings)
    progress("relevance head", 3, 3)
    report = {
        "scorer": kind,
        "tail_weight": weight,
        "tail_weights": tried,
        "scorers": {name: figures(of_kind) for name, of_kind in measures.items()},
        "tests": tests(measures, kind),
        "debias": {f"{d:g}": figures(m) for d, m in strengths.items()},
        "evidence": importance(scorers, names),
        "seen_users": float(folds.single),
        **({"share_from_second_half": round(curve, 4)} if more else {}),
        **({"unknown": unknown.report} if unknown else {}),
        **quality(probability(calibrated), judged, ranking.bundle.popularity.bucket),
    }
    of_unknown = None if unknown is None else unknown.head
    head = RelevanceHead(names, counts, scorers, scale, shift, of_unknown)
    return FittedHead(head, debias, report, strengths[0.0])


def _fit_unknown(
    users: HeadExamples,
    pairs: Pairs,
    fold: NDArray[np.int64],
    names: tuple[str, ...],
    settings: HeadSettings,
    counts: bool,
    seed: int,
) -> FittedUnknown | None:
    """Return the head of items that nobody had taken; None where one head answers for all."""
    if users.ranking.bundle.evidence_models.known is None or not settings.hidden_parts:
        return None
    playing, places = hidden_pairs(users, settings.hidden_parts, counts=counts, seed=seed)
    return fit_unknown_head(
        pairs.select(pairs.unknown),
        fold,
        playing,
        fold[places],
        names,
        settings,
        counts=counts,
        seed=seed,
    )


def _all_judged(
    pairs: Pairs, logits: Floats, everything: Pairs, unknown: FittedUnknown | None
) -> tuple[Pairs, Floats]:
    """Return the pairs with those of unknown items, which another head answers for."""
    if unknown is None:
        return pairs, logits
    apart = everything.select(everything.unknown & everything.retrieved)
    user = np.concatenate([pairs.user, apart.user])
    order = np.argsort(user, kind="stable")
    columns = {
        name: np.concatenate([getattr(pairs, name), getattr(apart, name)])[order]
        for name in OF_PAIRS
    }
    return replace(pairs, **columns), np.concatenate([logits, unknown.logits])[order]


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
    return best, {f"{w:g}": figures(m) for w, m in tried.items()}


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
