"""Several encoders side by side: how sure their differences are, and which one to take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from longtail.evaluation.report.numbers import signed
from longtail.training.encoders.content_figures import interval, resampled_balances
from longtail.training.encoders.trial import EncoderTrial

Interval = tuple[float, float]
# A smaller difference of speeds is the machine's other work.
_LEAST_GAIN = 1.15


@dataclass(frozen=True)
class Judged:
    """A trial beside the others.

    Attributes:
        interval: 95 % of its balance; None: not measured.
        behind: its balance less the best one's, and 95 % of that; None where it isn't measured,
            or is the best.
    """

    trial: EncoderTrial
    interval: Interval | None = None
    behind: tuple[float, Interval] | None = None

    @property
    def as_good(self) -> bool:
        """Whether it is measured, and can't be told from the best."""
        return self.interval is not None and (self.behind is None or self.behind[1][1] >= 0)


@dataclass(frozen=True)
class Comparison:
    """All trials in the order in which they were asked for.

    Attributes:
        recommended: the one to take; None: none can be used.
        why: in a line.
    """

    judged: list[Judged]
    recommended: Judged | None
    why: str


def compare_encoders(trials: Sequence[EncoderTrial], *, seed: int) -> Comparison:
    """Return the trials with their intervals, and which to take.

    Of those that can't be told from the best on validation it is the fastest, and of about equally
    fast ones the one with the shortest vectors. One whose tokeniser doesn't know the texts is
    passed over for one that does. Where nothing is measured the fastest is taken.
    """
    judged = _judged(trials, seed)
    usable = [each for each in judged if each.trial.reason is None]
    if not usable:
        return Comparison(judged, None, "none of the encoders can be used")
    measured = [each for each in usable if each.interval is not None]
    rivals = [each for each in measured if each.as_good] or usable
    knowing = [each for each in rivals if each.trial.knows_the_texts]
    chosen = _cheapest(knowing or rivals)
    return Comparison(judged, chosen, _why(chosen, measured, rivals, passed_over=bool(knowing)))


def _judged(trials: Sequence[EncoderTrial], seed: int) -> list[Judged]:
    figures = [trial.figures for trial in trials if trial.figures is not None]
    if not figures:
        return [Judged(trial) for trial in trials]
    resampled = resampled_balances(figures, seed=seed)
    balances = [each.balance for each in figures]
    best = balances.index(max(balances))
    judged, column = [], 0
    for trial in trials:
        if trial.figures is None:
            judged.append(Judged(trial))
            continue
        behind = None
        if column != best:
            difference = resampled[:, column] - resampled[:, best]
            behind = balances[column] - balances[best], interval(difference)
        judged.append(Judged(trial, interval(resampled[:, column]), behind))
        column += 1
    return judged


def _cheapest(rivals: Sequence[Judged]) -> Judged:
    """Return the fastest; of about equally fast ones the one with the shortest vectors."""
    fastest = max(each.trial.texts_per_second for each in rivals)
    fast = [each for each in rivals if _LEAST_GAIN * each.trial.texts_per_second >= fastest]
    return min(fast, key=lambda each: (each.trial.vector_bytes, -each.trial.texts_per_second))


def _why(chosen: Judged, measured: list[Judged], rivals: list[Judged], *, passed_over: bool) -> str:
    if not measured:
        said = "the fastest; without a log nothing says which reads better"
    elif chosen.interval is None:
        said = "the fastest; none was measured on validation"
    elif len(measured) == 1:
        said = "the only one measured on validation"
    elif len(rivals) == 1:
        said = "the best on validation, by more than chance"
    elif chosen.behind is None:
        said = "the best on validation, and the fastest of those that can't be told from it"
    else:
        best = next(each for each in measured if each.behind is None)
        difference, (low, high) = chosen.behind
        said = (
            f"the fastest of those that can't be told from the best, {best.trial.candidate.name} "
            f"(balance {signed(difference)}, 95 % {signed(low)} to {signed(high)})"
        )
    left = [each for each in rivals if not each.trial.knows_the_texts]
    if passed_over and left:
        names = ", ".join(each.trial.candidate.name for each in left)
        said += f"; passed over, as their tokenisers don't know the texts: {names}"
    return said
