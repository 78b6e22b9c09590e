"""The column of weights: ratings in every spelling, amounts as numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.files.columns import NO_COLUMN, plain_name
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.dialect.weights import read_weights
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.files.roles.find_roles import mapping_of
from longtail.retrieval.data.files.tables import Table
from longtail.retrieval.data.meaning.rating_cells import RatingCells, read_ratings
from longtail.retrieval.data.meaning.usual_names import AMOUNT_NAMES, says_rating


def read_weight_column(
    table: Table, column: str | None, reading: Reading, rejected: RejectedRows
) -> RatingCells | None:
    """Return the weights of a log, None without a column; what can't be read is NaN and noted."""
    if column is None:
        return None
    if not says_rating(column, reading):
        return RatingCells(read_amounts(table, column, rejected), None)
    ratings = read_ratings(table.path, column, table.columns[column], table.rows)
    if ratings.note:
        rejected.note(ratings.note)
    return ratings


def amount_column(present: Sequence[str], roles: Mapping[str, str], reading: Reading) -> str | None:
    """Return the first column that is named as an amount and has no role.

    None beside a weight, and where somebody said that there is none.
    """
    if "weight" in roles or mapping_of("log", reading.columns).get("weight") == NO_COLUMN:
        return None
    named = (name for name in present if plain_name(name) in AMOUNT_NAMES)
    return next((name for name in named if name not in roles.values()), None)


def read_amounts(table: Table, column: str, rejected: RejectedRows) -> NDArray[np.float32]:
    """Return the amounts of a log, float32 [n], NaN where a cell holds none, which is noted."""
    return read_weights(
        table.path,
        column,
        table.columns[column],
        rows=table.rows,
        decimal=table.decimal,
        rejected=rejected,
    )
