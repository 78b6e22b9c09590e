"""The column of weights: ratings in every spelling, amounts as numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.files.columns import plain_name
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.dialect.weights import read_weights
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.files.tables import Table
from longtail.retrieval.data.meaning.rating_cells import RatingCells, read_ratings
from longtail.retrieval.data.meaning.usual_names import AMOUNT_NAMES, says_rating


def read_weight_column(
    table: Table, column: str | None, reading: Reading, rejected: RejectedRows
) -> RatingCells | None:
    """Return the weights of a log, None without a column; what can't be read is NaN and noted."""
    if column is None:
        return None
    cells = table.columns[column]
    if not says_rating(column, reading):
        amounts = read_weights(
            table.path,
            column,
            cells,
            rows=table.rows,
            decimal=table.decimal,
            rejected=rejected,
        )
        return RatingCells(amounts, None)
    ratings = read_ratings(table.path, column, cells, table.rows)
    if ratings.note:
        rejected.note(ratings.note)
    return ratings


def read_amount_column(
    table: Table, columns: Sequence[str], rejected: RejectedRows
) -> NDArray[np.float32] | None:
    """Return the amounts in the first of the columns that is named as one, None without one."""
    named = [name for name in columns if plain_name(name) in AMOUNT_NAMES]
    if not named:
        return None
    cells = table.columns[named[0]]
    return read_weights(
        table.path,
        named[0],
        cells,
        rows=table.rows,
        decimal=table.decimal,
        rejected=rejected,
    )
