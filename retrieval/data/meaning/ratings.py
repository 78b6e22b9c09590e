"""What a rating says: a scale, and where on it people like and dislike."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from longtail.index.errors import Field
from longtail.retrieval.data.meaning.behaviours import HAD, REJECTED, TAKEN
from longtail.retrieval.errors import DataError

# The largest rating of the scales that people use, and from where on it is liked, up to where
# disliked. What lies between is neither. Four stars of five, seven of
# ten are where the published data sets are cut.
_SCALES: tuple[tuple[float, float, float], ...] = (
    (5, 4, 2),
    (7, 5, 3),
    (10, 7, 4),
    (20, 14, 8),
    (100, 70, 40),
)
# Of a log whose ratings go up to one scale's end, that many within a smaller one are two scales.
_OTHER_SCALE = 0.9
_NUMBER = r"[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?"
_SPELLING = re.compile(rf"\s*(>=|<=|>|<)\s*({_NUMBER})\s*")
_POINTED = _NUMBER.replace(".,", ".")
_VALUES = re.compile(rf"\s*=?\s*({_POINTED}(?:\s*,\s*{_POINTED})*)\s*")


@dataclass(frozen=True)
class Threshold:
    """A comparison with a number, or with several that are as good, as somebody wrote it.

    >>> Threshold.of(">= 4").holds(np.array([3.5, 4, np.nan], np.float32)).tolist()
    [False, True, False]
    >>> Threshold.of("=4,5").holds(np.array([3.5, 4, 5], np.float32)).tolist()
    [False, True, True]
    """

    sign: str
    value: float
    others: tuple[float, ...] = ()

    @classmethod
    def of(cls, text: str | float) -> Threshold:
        """Return what a text like ``>=4`` says; a number alone means equal.

        Raises:
            DataError: it is none.
        """
        if found := _VALUES.fullmatch(str(text)):
            first, *others = (float(value) for value in found[1].split(","))
            return cls("=", first, tuple(others))
        if (found := _SPELLING.fullmatch(str(text))) is None:
            raise DataError(f"{str(text)!r} is no comparison with a number; write it like '>=4'")
        return cls(found[1], float(found[2].replace(",", ".")))

    def holds(self, values: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return where it holds; nowhere where no number is, bool [n]."""
        with np.errstate(invalid="ignore"):
            compared = {
                ">=": values >= self.value,
                "<=": values <= self.value,
                ">": values > self.value,
                "<": values < self.value,
                "=": np.isin(values, np.array([self.value, *self.others], np.float32)),
            }
        return np.asarray(compared[self.sign])

    def __str__(self) -> str:
        return self.sign + ",".join(f"{value:.15g}" for value in (self.value, *self.others))


@dataclass(frozen=True)
class Scale:
    """From where on an item is taken, up to where rejected; None: nothing is.

    Attributes:
        none: which numbers stand for no rating; None: what `unrated` finds among others.
    """

    taken: Threshold
    rejected: Threshold | None
    none: Threshold | None = None

    def unrated(self, ratings: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return which are no ratings, bool [n]."""
        none = unrated(ratings) if self.none is None else self.none.holds(ratings)
        return none | np.isnan(ratings)

    def meanings(self, ratings: NDArray[np.float32]) -> NDArray[np.int8]:
        """Return what each rating says, int8 [n].

        No rating says nothing against it: the user took the item.
        """
        codes = np.full(len(ratings), HAD, np.int8)
        if self.rejected is not None:
            codes[self.rejected.holds(ratings)] = REJECTED
        codes[self.taken.holds(ratings) | self.unrated(ratings)] = TAKEN
        return codes

    def said(self) -> dict[str, str]:
        """Return the scale as ``data.rating`` says it."""
        named = {"taken": self.taken, "rejected": self.rejected, "none": self.none}
        return {name: str(value) for name, value in named.items() if value is not None}

    def seen_in(self, ratings: NDArray[np.float32]) -> Scale:
        """Return the scale with what stands for no rating among these."""
        if self.none is not None or not unrated(np.append(ratings, np.float32(0)))[-1]:
            return self
        return replace(self, none=Threshold("<=", 0.0))


# Liked, or nothing said against it.
_LIKED_OR_NOT = Scale(Threshold(">", 0), None)


def scale_of(
    ratings: NDArray[np.float32], said: Mapping[str, str] | None, end: float | None = None
) -> Scale | None:
    """Return the scale of a column of ratings, None for one of a single value.

    ``said`` has ``taken``, ``rejected`` and ``none`` as comparisons; None: told by the largest
    rating. ``end`` is where the cells themselves say that the scale ends. Of a scale to 1 with
    parts, as of one to 10, .7 is liked. On a scale that goes below 0 what is above 0 is liked, what
    is below disliked. 0, or -1 alone, on a scale that begins at 1 is no rating (`unrated`).

    Raises:
        DataError: what is said is no comparison, or the ratings are of no scale, or of two.
    """
    if said is not None:
        return _said(said)
    known = ratings[~np.isnan(ratings) & ~unrated(ratings)]
    if not len(known) or (known.min() == known.max() and end is None):
        return None
    highest = max(float(known.max()), end or 0.0)
    if known.min() < 0:
        return Scale(Threshold(">", 0), Threshold("<", 0))
    if highest <= 1:
        parts = ((known > 0) & (known < 1)).any()
        return Scale(Threshold(">=", 0.7), Threshold("<=", 0.4)) if parts else _LIKED_OR_NOT
    for last, liked, disliked in _SCALES:
        if highest <= last:
            smaller = [other for other, _, _ in _SCALES if 2 * other <= last]
            for other in smaller:
                share = float((known <= other).mean())
                if share >= _OTHER_SCALE:
                    raise DataError(
                        f"ratings on two scales: {share:.0%} are at most {other:g}, the others "
                        f"go up to {highest:g}; say from where on an item is taken with ",
                        Field("positive"),
                        " 'weight>=4'",
                    )
            return Scale(Threshold(">=", liked), Threshold("<=", disliked))
    raise DataError(
        f"ratings up to {highest:g} are of no usual scale (5, 7, 10, 20, 100); say from where "
        "on an item is taken with ",
        Field("positive"),
        " 'weight>=4', or that they say nothing with ",
        Field("column"),
        " rating=none",
    )


def unrated(ratings: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which ratings stand for none, bool [n]: 0, or one number below, on a scale from 1 on.

    >>> unrated(np.array([0, 1, 5, -1], np.float32)).tolist()
    [True, False, False, True]
    >>> unrated(np.array([0, 0.5, 5], np.float32)).tolist()
    [False, False, False]
    """
    with np.errstate(invalid="ignore"):
        above = ratings[ratings > 0]
        if not len(above) or above.min() < 1 or above.max() <= 1:
            return np.zeros(len(ratings), np.bool_)
        # Several numbers below 0 are the lower half of a scale.
        if len(np.unique(ratings[ratings < 0])) > 1:
            return np.zeros(len(ratings), np.bool_)
        return np.asarray(ratings <= 0)


def _said(said: Mapping[str, str]) -> Scale:
    if unknown := sorted(set(said) - {"taken", "rejected", "none"}):
        raise DataError(
            Field("data.rating"),
            f" has no {unknown[0]!r}; it says what is taken, rejected, and none",
        )
    if "taken" not in said:
        raise DataError(Field("data.rating"), " must say what is taken, like '>=4'")
    ends = {name: Threshold.of(value) for name, value in said.items()}
    return Scale(ends["taken"], ends.get("rejected"), ends.get("none"))
