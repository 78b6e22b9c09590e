"""Whether a probability means what it says: calibration, and the head's accuracy and AUC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.errors import EvaluationError

Numbers = NDArray[np.float32] | NDArray[np.float64]
Labels = NDArray[np.integer] | NDArray[np.bool_]


@dataclass(frozen=True)
class ReliabilityBins:
    """Predictions in bins of equal width; empty bins are left out.

    Attributes:
        lower: lower edge of each bin, float64 [b].
        probability: mean prediction of the bin, float64 [b].
        share: share of the bin's examples with label 1, float64 [b].
        count: examples in the bin, int64 [b].
    """

    lower: NDArray[np.float64]
    probability: NDArray[np.float64]
    share: NDArray[np.float64]
    count: NDArray[np.int64]


@dataclass(frozen=True)
class Calibration:
    """How far the relevance head can be taken at its word, for the report.

    Attributes:
        bins: the reliability diagram's points.
        error: expected calibration error.
        auc: area under the ROC curve.
        accuracy: share of examples on the right side of one half.
        examples: how many examples were measured.
        positives: how many of them had label 1.
        parts: the same measures of parts of the examples, by name; empty parts are left out.
    """

    bins: ReliabilityBins
    error: float
    auc: float
    accuracy: float
    examples: int
    positives: int
    parts: Mapping[str, Calibration] = field(default_factory=dict)

    @classmethod
    def measure(
        cls,
        probability: Numbers,
        label: Labels,
        bins: int = 15,
        *,
        part: NDArray[np.integer] | None = None,
        part_names: Sequence[str] = (),
    ) -> Calibration:
        """Return all measures of one set of predictions; shapes [n] and [n].

        With ``part`` [n], a position in ``part_names`` for each example, the parts are measured
        too: a head can be right on the whole and wrong on everything rare.
        """
        parts = {}
        for code, name in enumerate(part_names):
            in_part = np.equal(part, code) if part is not None else np.zeros(len(label), bool)
            if in_part.any():
                parts[name] = cls.measure(probability[in_part], np.asarray(label)[in_part], bins)
        return cls(
            bins=reliability_bins(probability, label, bins),
            error=expected_calibration_error(probability, label, bins),
            auc=roc_auc(probability, label),
            accuracy=accuracy(probability, label),
            examples=len(label),
            positives=int(np.asarray(label, dtype=bool).sum()),
            parts=parts,
        )

    @property
    def mean_probability(self) -> float:
        """The mean prediction; beside `share` it tells which way the head errs."""
        return float(self.bins.count @ self.bins.probability / self.examples)

    @property
    def share(self) -> float:
        """The share of examples with label 1."""
        return self.positives / self.examples


def reliability_bins(probability: Numbers, label: Labels, bins: int = 15) -> ReliabilityBins:
    """Return mean prediction and share of positives in bins of equal width over [0, 1].

    >>> found = reliability_bins(np.array([0.1, 0.3, 0.9, 1.0]), np.array([0, 1, 1, 1]), bins=2)
    >>> found.probability.round(2).tolist(), found.share.tolist(), found.count.tolist()
    ([0.2, 0.95], [0.5, 1.0], [2, 2])
    """
    value, taken = _checked(probability, label)
    place = np.minimum((value * bins).astype(np.int64), bins - 1)
    count = np.bincount(place, minlength=bins)
    used = np.flatnonzero(count)
    return ReliabilityBins(
        lower=used / bins,
        probability=np.bincount(place, value, bins)[used] / count[used],
        share=np.bincount(place, taken, bins)[used] / count[used],
        count=count[used],
    )


def expected_calibration_error(probability: Numbers, label: Labels, bins: int = 15) -> float:
    """Return the mean gap between prediction and share of positives, weighted by bin size.

    ECE = sum over bins of count / n * |share - mean prediction| (Guo et al., On Calibration of
    Modern Neural Networks, 2017, eq. 3, for the probability of label 1).

    >>> round(expected_calibration_error(np.array([0.2, 0.2, 0.8]), np.array([0, 1, 1])), 3)
    0.267
    """
    reliability = reliability_bins(probability, label, bins)
    gap = np.abs(reliability.share - reliability.probability)
    return float(reliability.count @ gap / reliability.count.sum())


def roc_auc(score: Numbers, label: Labels) -> float:
    """Return the probability that a positive scores above a negative; ties count one half.

    (sum of the positives' ranks - p (p + 1) / 2) / (p n), ranks from 1, ties sharing their mean
    (Hanley and McNeil, 1982). NaN when one of the two classes is missing.

    >>> roc_auc(np.array([0.9, 0.4, 0.4, 0.1]), np.array([1, 1, 0, 0]))
    0.875
    """
    taken = np.asarray(label, dtype=bool)
    positives, negatives = int(taken.sum()), int((~taken).sum())
    if not positives or not negatives:
        return float("nan")
    _, place, count = np.unique(np.asarray(score), return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    rank = (last - (count - 1) / 2.0)[place]
    return float((rank[taken].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def accuracy(probability: Numbers, label: Labels, threshold: float = 0.5) -> float:
    """Return the share of examples on the right side of the threshold; at it counts as 1.

    >>> accuracy(np.array([0.9, 0.5, 0.2, 0.6]), np.array([1, 1, 0, 0]))
    0.75
    """
    value, taken = _checked(probability, label)
    return float(((value >= threshold) == (taken > 0)).mean())


def _checked(
    probability: Numbers, label: Labels
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    value = np.asarray(probability, dtype=np.float64)
    taken = np.asarray(label, dtype=np.float64)
    if value.ndim != 1 or value.shape != taken.shape or not len(value):
        raise EvaluationError(
            f"{list(value.shape)} probabilities and {list(taken.shape)} labels can't be compared; "
            "give one label for each probability, and at least one"
        )
    # Written so that NaN fails as well.
    if not ((value >= 0) & (value <= 1)).all():
        raise EvaluationError(
            "probabilities must lie between 0 and 1; pass the head's probability, not its logit"
        )
    return value, taken
