"""Rows told by a rating, or by a threshold on any weight."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.meaning.behaviours import HAD, REJECTED, TAKEN
from longtail.retrieval.data.meaning.rating_cells import RatingCells
from longtail.retrieval.data.meaning.ratings import Scale, Threshold, scale_of
from longtail.retrieval.data.meaning.row_meanings import RowMeanings
from longtail.retrieval.data.meaning.usual_names import says_rating
from longtail.retrieval.data.meaning.value_meaning import ValueMeaning
from longtail.retrieval.errors import DataError

# No scale of stars has more values.
_MOST_STARS = 11


def tell_by_rating(
    rows: RowMeanings, column: str, read: RatingCells, comparison: Sequence[str] | None
) -> None:
    """Let a rating say what was taken, had and rejected; ``comparison`` is what somebody named.

    Raises:
        DataError: a rating of no scale, or a comparison that is none.
    """
    ratings = read.values
    if comparison is not None:
        scale: Scale | None = _compared(rows, column, read, comparison[0])
    elif rows.reading.rating is not None:
        scale = scale_of(ratings, rows.reading.rating)
    elif says_rating(column, rows.reading):
        scale = _by_itself(rows, column, read)
    else:
        _note_small_numbers(rows, column, ratings)
        return
    if scale is None:
        return
    none, codes = scale.unrated(ratings), scale.meanings(ratings)
    if comparison is not None and not rows.reading.trained:
        # What isn't known didn't reach the threshold that somebody named.
        none = np.isnan(ratings)
        codes[none] = HAD
    rows.told.rating = scale.seen_in(ratings).said()
    taken = rows.code == TAKEN
    rows.code = np.where(taken, codes, rows.code)
    if not (codes == TAKEN).any():
        # What nobody reached is what the person has to see.
        rows.found.append(ValueMeaning(column, str(scale.taken), 0, "taken"))
    for code, value in (
        (TAKEN, str(scale.taken)),
        (HAD, "between"),
        (REJECTED, str(scale.rejected)),
    ):
        rows.found_out(column, value, int((taken & (codes == code) & ~none).sum()), code)
    unsaid = TAKEN if comparison is None else HAD
    rows.found_out(column, "no rating", int((taken & none).sum()), unsaid)


def _by_itself(rows: RowMeanings, column: str, read: RatingCells) -> Scale | None:
    try:
        return scale_of(read.values, None, read.end)
    except DataError as error:
        raise DataError(f"{rows.path}: column {column}: ", *error.args) from error


def _compared(rows: RowMeanings, column: str, read: RatingCells, comparison: str) -> Scale:
    """Return the scale whose liked end somebody named; what is disliked stays as it is told."""
    told = None
    if says_rating(column, rows.reading):
        try:
            told = scale_of(read.values, rows.reading.rating, read.end)
        except DataError:
            # Who names a threshold needs no usual scale: then nothing is disliked.
            told = None
    return Scale(Threshold.of(comparison), None if told is None else told.rejected)


def _note_small_numbers(rows: RowMeanings, column: str, weights: NDArray[np.float32]) -> None:
    """Say of a weight that looks like a rating that it isn't taken for one."""
    values = np.unique(weights[~np.isnan(weights)])
    if 3 <= len(values) <= _MOST_STARS and values.min() >= 0 and values.max() <= 10:
        rows.notes.append(
            f"{rows.path}: column {column} is read as an amount, and every row counts as "
            f"taken; where its {values.min():g} to {values.max():g} are ratings, map it as "
            f"rating={column}"
        )
