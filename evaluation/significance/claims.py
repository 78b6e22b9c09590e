"""What an evaluation may claim: each difference that is printed, tested and corrected."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from longtail.evaluation.results import Evaluation
from longtail.evaluation.significance.compared_rows import default_subject, table_rows
from longtail.evaluation.significance.paired_tests import (
    CONFIDENCE,
    RESAMPLES,
    holm,
    paired_bootstrap,
)
from longtail.evaluation.significance.tested_pairs import (
    Pair,
    against_pairs,
    best_pairs,
    by_history_pairs,
    matched_pairs,
)

Verdict = Literal["better", "worse", "open"]


@dataclass(frozen=True)
class Difference:
    """One paired comparison: ``subject`` minus ``rival`` in a metric, per user.

    Attributes:
        users: users with a value on both sides.
        difference: mean of the differences.
        low, high: its interval, of this comparison alone.
        p: two-sided, of this comparison alone.
        holm_p: p corrected for all comparisons that were tested together.
        level: a claim needs a ``holm_p`` below it.
    """

    subject: str
    rival: str
    metric: str
    users: int
    difference: float
    low: float
    high: float
    p: float
    holm_p: float
    level: float

    @property
    def verdict(self) -> Verdict:
        """Return ``better`` or ``worse`` where the subject provably is, else ``open``."""
        if not self.holm_p < self.level:
            return "open"
        return "better" if self.difference > 0 else "worse"


@dataclass(frozen=True)
class Claims:
    """All comparisons of one evaluation, in four sets; each set is corrected by itself.

    Attributes:
        subject: whose results are claimed.
        against: the subject against every other line of the table, in each metric of
            `tested_pairs.CLAIMED`.
        best: the best of each column against the best of the other methods.
        matched: the subject's curve against each rival of the table, in tail recall at no less
            than the rival's overall recall.
        by_history: the subject against every other line among the users with a history, and
            among those without one, in each metric of `CLAIMED_BY_HISTORY`; empty unless both
            kinds were measured. Without a history, only lines that answer for themselves.
        resamples, confidence, seed: how they were tested.
    """

    subject: str
    against: tuple[Difference, ...]
    best: tuple[Difference, ...]
    matched: tuple[Difference, ...]
    by_history: tuple[Difference, ...]
    resamples: int
    confidence: float
    seed: int

    @classmethod
    def of(
        cls,
        evaluation: Evaluation,
        subject: str | None = None,
        *,
        resamples: int = RESAMPLES,
        confidence: float = CONFIDENCE,
        seed: int = 0,
    ) -> Claims:
        """Return every claim about an evaluation; none without its ``per_user``.

        ``resamples`` are raised where they are too few for the number of claims: a p can't be
        finer than 2 / (resamples + 1), and Holm multiplies it.
        """
        who = subject or default_subject(evaluation)
        rows = table_rows(evaluation, who)
        rivals = [name for name in rows if name != who]
        sets = [
            against_pairs(evaluation, who, rivals),
            best_pairs(evaluation, rows),
            matched_pairs(evaluation, who, rivals),
            by_history_pairs(evaluation, who, rivals),
        ]
        most = max(len(sets[0]), len(sets[3]))
        drawn = max(resamples, math.ceil(4 * most / (1 - confidence)))
        against, best, along_curves, apart = _tested(sets, drawn, confidence, seed)
        return cls(who, against, best, along_curves, apart, drawn, confidence, seed)

    @property
    def tested(self) -> bool:
        """Whether anything could be tested: there were rivals and values of single users."""
        return bool(self.against)

    def find(self, rival: str, metric: str) -> Difference | None:
        """Return the subject's comparison with a rival, None where it wasn't made.

        ``metric``: of all users, or ``with_history_recall`` and its kin.
        """
        everything = (*self.against, *self.by_history)
        matching = (d for d in everything if (d.rival, d.metric) == (rival, metric))
        return next(matching, None)

    def at_matched_recall(self, rival: str) -> Difference | None:
        """Return the curves' comparison with a rival, None where the curve doesn't reach it."""
        return next((d for d in self.matched if d.rival == rival), None)

    def is_best(self, name: str, metric: str) -> bool:
        """Return whether ``name`` is provably the best method of a column."""
        return any(
            d.verdict == "better" for d in self.best if (d.subject, d.metric) == (name, metric)
        )

    def to_json(self) -> dict[str, object]:
        """Return everything, ready for JSON."""
        parts = {"against": self.against, "best": self.best, "matched_recall": self.matched}
        if self.by_history:
            parts["by_history"] = self.by_history
        return {
            "subject": self.subject,
            "resamples": self.resamples,
            "confidence": self.confidence,
            "seed": self.seed,
            "test": "paired bootstrap over users (BCa), Holm within each list",
            **{name: [_json(d) for d in differences] for name, differences in parts.items()},
        }


Differences = tuple[Difference, ...]


def _tested(
    sets: Sequence[list[Pair]], resamples: int, confidence: float, seed: int
) -> list[Differences]:
    """Return each set of claims tested, all on the same resamples, and corrected by itself."""
    known = [[pair for pair in pairs if len(pair[3]) and len(pair[4])] for pairs in sets]
    everything = [pair for pairs in known for pair in pairs]
    if not everything:
        return [() for _ in sets]
    intervals = paired_bootstrap(
        np.stack([ours - theirs for *_, ours, theirs in everything], axis=1),
        resamples=resamples,
        confidence=confidence,
        seed=seed,
    )
    done: list[Differences] = []
    start = 0
    for pairs in known:
        corrected = holm(intervals.p[start : start + len(pairs)])
        done.append(
            tuple(
                Difference(
                    subject,
                    rival,
                    metric,
                    int(intervals.users[start + i]),
                    float(intervals.difference[start + i]),
                    float(intervals.low[start + i]),
                    float(intervals.high[start + i]),
                    float(intervals.p[start + i]),
                    float(corrected[i]),
                    1 - confidence,
                )
                for i, (subject, rival, metric, *_) in enumerate(pairs)
            )
        )
        start += len(pairs)
    return done


def _json(difference: Difference) -> dict[str, object]:
    values = {
        key: None if isinstance(value, float) and math.isnan(value) else value
        for key, value in asdict(difference).items()
    }
    return values | {"verdict": difference.verdict}
