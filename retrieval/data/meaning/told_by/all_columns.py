"""What the rows of a log mean, told by all of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from longtail.index.errors import Field
from longtail.retrieval.data.files.columns import plain_name
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.meaning.behaviours import TAKEN
from longtail.retrieval.data.meaning.positives import positives
from longtail.retrieval.data.meaning.rating_cells import RatingCells
from longtail.retrieval.data.meaning.row_meanings import RowMeanings
from longtail.retrieval.data.meaning.told_by.event import tell_by_event
from longtail.retrieval.data.meaning.told_by.label import tell_by_label
from longtail.retrieval.data.meaning.told_by.other_columns import name_status, tell_by_quantity
from longtail.retrieval.data.meaning.told_by.rating import tell_by_rating
from longtail.retrieval.data.meaning.usual_names import QUANTITY_NAMES, STATUS_NAMES
from longtail.retrieval.errors import DataError


def meanings_of_rows(
    path: Path,
    columns: Mapping[str, Any],
    roles: Mapping[str, str],
    weight: RatingCells | None,
    reading: Reading,
) -> RowMeanings:
    """Return what the rows mean.

    ``columns`` are Arrow columns by name; ``weight`` is what was read of the weight's. Of several
    columns the event says it first; a rating and an amount have a say in what was taken, a label
    in what was taken or seen.

    Raises:
        DataError: an event nobody knows, a rating of no scale, a comparison that is none, or no
            row is taken.
    """
    n = len(next(iter(columns.values())))
    rows = RowMeanings(path, reading, np.full(n, TAKEN, np.int8))
    positive = positives(reading.positive, roles)
    if "event" in roles:
        tell_by_event(rows, roles["event"], columns[roles["event"]], positive.pop("event", None))
    rating = roles.get("weight")
    unread = [name for name in positive if name != "weight" or rating is None]
    # A later file of the same log may call the column otherwise.
    if unread and not reading.trained:
        raise DataError(
            Field("positive"),
            f" {unread[0]}...: {path} has no column for {unread[0]}; event and weight can be "
            "named, and their own columns",
        )
    comparison = positive.pop("weight", None)
    labelled = roles.get("label") is not None and plain_name(roles["label"]) == "label"
    if rating is not None and weight is not None and not (labelled and comparison is None):
        tell_by_rating(rows, rating, weight, comparison)
    if "label" in roles:
        tell_by_label(rows, roles["label"], columns[roles["label"]])
    for column, cells in columns.items():
        if column in roles.values():
            continue
        if plain_name(column) in QUANTITY_NAMES:
            tell_by_quantity(rows, column, cells)
        elif plain_name(column) in STATUS_NAMES:
            name_status(rows, column, cells)
    # A part of what a run holds may take nothing.
    if n and not reading.trained and not (rows.code == TAKEN).any():
        told = "; ".join(rows.lines())
        raise DataError(f"no event is taken, so there is nothing to learn: {told}")
    return rows
