"""Fitting the head of unknown items, which answers from texts and lent evidence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.metrics.calibration import Calibration
from longtail.retrieval.features.relevance_head import RelevanceHead, probability
from longtail.retrieval.features.scorers.boosting import Boosting
from longtail.training.head.fit_scorers import fit_boosting
from longtail.training.head.head_settings import HeadSettings
from longtail.training.head.judging.platt import missing_shift, platt
from longtail.training.head.training_pairs import Pairs

Floats = NDArray[np.float32]

# Fewer taken items than these teach nothing: the head of known items then answers for all.
FEWEST_TAKEN = 20
# With fewer cold items taken in the valid part, how often that happens is noise.
FEWEST_COLD_TAKEN = 30
# Beyond, pairs that weren't taken are drawn, and weigh as much as all of them.
MOST_PAIRS = 400_000


@dataclass(frozen=True)
class FittedUnknown:
    """The head, what it makes of the real pairs of unknown items out of fold, and what it knows.

    Attributes:
        head: calibrated; it reads the columns that it was fitted on.
        logits: calibrated log-odds of the real pairs, by scorers that didn't see their users,
            float32 [p].
        report: what was measured, ready for JSON.
    """

    head: RelevanceHead
    logits: Floats
    report: dict[str, Any]


def fit_unknown_head(
    real: Pairs,
    real_fold: NDArray[np.int64],
    playing: Pairs,
    playing_fold: NDArray[np.int64],
    names: tuple[str, ...],
    settings: HeadSettings,
    *,
    counts: bool,
    seed: int,
) -> FittedUnknown | None:
    """Return the head of unknown items; None where too few were taken to learn from.

    ``real`` are pairs of items that are unknown, ``playing`` of items that play it
    (`hidden_pairs`); of each user the fold. All of a user's pairs count, also of users who took
    none of them: who takes what is new is half of the answer.

    Two priors say how often the unknown is taken: that of the hidden tail, and that of the cold
    items of the valid part. Validation may hold no cold target by construction (each user's last
    events, an item filter), so the second only counts where it is the higher one.
    """
    real = real.select(real.retrieved)
    fold = np.concatenate([real_fold[real.user], playing_fold[playing.user]])
    pairs = Pairs.joined([real, playing])
    if int(pairs.label.sum()) < FEWEST_TAKEN:
        return None
    rng = np.random.default_rng(seed)
    learned = _drawn(pairs, MOST_PAIRS, rng)
    out = np.empty(len(pairs.label), np.float32)
    of_learned = fold[learned]
    chosen = _at(pairs, learned)
    for part in np.unique(fold):
        others = of_learned != part
        # With a single fold's users the same pairs fit and judge, as in `Folds`.
        scorer = _fitted(chosen.select(others) if others.any() else chosen, settings, seed)
        out[fold == part] = scorer.logits(pairs.evidence[fold == part])
    scale, _ = platt(out, pairs.label, pairs.weight)
    out *= np.float32(scale)
    is_real = np.arange(len(pairs.label)) < len(real.label)
    hidden = missing_shift(out[~is_real], pairs.label[~is_real], pairs.weight[~is_real])
    cold = missing_shift(out[is_real], pairs.label[is_real], pairs.weight[is_real])
    # Of a log without a tail the cold items are all that there is, however few were taken.
    enough = hidden is None or int(real.label.sum()) >= FEWEST_COLD_TAKEN
    by_cold = enough and (hidden is None or (cold is not None and cold > hidden))
    prior: Literal["hidden tail", "cold items"] = "cold items" if by_cold else "hidden tail"
    shift = (cold if by_cold else hidden) or 0.0
    scorers = tuple(_fitted(chosen, settings, seed + bag) for bag in range(settings.bags))
    calibrated = (out + np.float32(shift)).astype(np.float32)
    judged = is_real if by_cold else ~is_real
    # As many of each weight as it stands for, so that the pairs are a draw of all lists.
    most = pairs.weight[judged].max(initial=1.0)
    judged = judged & (rng.random(len(judged)) * most < pairs.weight)
    report = {
        "prior": prior,
        "shifts": {"hidden": _rounded(hidden), "cold": _rounded(cold)},
        "bonus": settings.unknown_bonus,
        "hidden_pairs": int((~is_real).sum()),
        "hidden_taken": int(pairs.label[~is_real].sum()),
        "cold_pairs": int(is_real.sum()),
        "cold_taken": int(real.label.sum()),
        "expected_calibration_error": Calibration.measure(
            probability(calibrated[judged]), pairs.label[judged].astype(np.int8)
        ).error,
    }
    head = RelevanceHead(names, counts, scorers, scale, shift, bonus=settings.unknown_bonus)
    return FittedUnknown(head, calibrated[is_real], report)


def _fitted(pairs: Pairs, settings: HeadSettings, seed: int) -> Boosting:
    return fit_boosting(
        pairs.evidence, pairs.label, pairs.weight, rounds=settings.rounds, seed=seed
    )


def _rounded(shift: float | None) -> float | None:
    return None if shift is None else round(shift, 4)


def _drawn(pairs: Pairs, most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return places of pairs: all that were taken, of the others at most ``most``."""
    missed = np.flatnonzero(~pairs.label)
    if len(missed) <= most:
        return np.arange(len(pairs.label))
    return np.sort(np.concatenate([np.flatnonzero(pairs.label), rng.permutation(missed)[:most]]))


def _at(pairs: Pairs, places: NDArray[np.int64]) -> Pairs:
    """Return these pairs, those that weren't taken with the weight of all that weren't."""
    keep = np.zeros(len(pairs.label), bool)
    keep[places] = True
    kept = pairs.select(keep)
    share = float(kept.weight[~kept.label].sum() / max(pairs.weight[~pairs.label].sum(), 1e-9))
    weight = np.where(kept.label, kept.weight, kept.weight / max(share, 1e-9))
    return replace(kept, weight=weight.astype(np.float32))
