"""Rows of a file that are good so far, and why the others aren't."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from longtail.retrieval.data.files.cells import NOT_UTF8, CodedIds, as_text
from longtail.retrieval.data.files.dialect.encoding.encodings import not_decoded
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.files.tables import Table
from longtail.retrieval.data.ids.identifier import NO_USER, faults_of_ids, name_nobody


class RowChecks:
    """Which rows are still good; each row is set aside once, for the first reason found."""

    def __init__(self, table: Table, rejected: RejectedRows) -> None:
        self._table, self._rejected = table, rejected
        self.keep = np.ones(len(table), bool)

    def refuse(
        self,
        column: str,
        reason: str,
        mask: NDArray[np.bool_],
        spell: Callable[[NDArray[np.int64]], Any],
    ) -> None:
        """Set aside the rows of the mask that are still good."""
        at = np.flatnonzero(mask & self.keep)
        if len(at):
            self._rejected.add(self._table.path, self._table.rows[at], column, reason, spell(at))
            self.keep[at] = False

    def ids(self, column: str, ids: CodedIds, missing: str) -> None:
        """Set aside rows whose id is blank, unsafe or undecodable; most undecodable: an error."""
        for reason, over_ids in ids.bad.items():
            mask = over_ids[ids.code]
            if reason == NOT_UTF8 and mask.sum() * 2 > len(mask):
                row = int(self._table.rows[np.argmax(mask)])
                raise not_decoded(self._table.path, f"most of column {column} (first in row {row})")
            self.refuse(column, reason, mask, spell_ids(ids))
        blank = np.asarray(pc.equal(ids.ids, ""), bool)
        self.refuse(column, missing, blank[ids.code], spell_ids(ids))
        for reason, over_ids in faults_of_ids(ids.ids).items():
            self.refuse(column, reason, over_ids[ids.code], spell_ids(ids))

    def users(self, column: str, ids: CodedIds) -> None:
        """Set aside rows without a user, those that only say so included."""
        self.ids(column, ids, "no user")
        nobody = name_nobody(ids.ids)
        if nobody.any():
            self.refuse(column, NO_USER, nobody[ids.code], spell_ids(ids))


def spell_ids(ids: CodedIds) -> Callable[[NDArray[np.int64]], Any]:
    """Return what gives the ids of some rows."""
    return lambda at: ids.ids.take(pa.array(ids.code[at]))


def spell_cells(table: Table, column: str) -> Callable[[NDArray[np.int64]], Any]:
    """Return what gives the cells of some rows, as text."""
    return lambda at: as_text(table.columns[column].take(pa.array(at))).text


def refuse_undecodable(table: Table, undecodable: NDArray[np.bool_]) -> None:
    """Refuse a table of which most rows aren't in its encoding, bool [n].

    Raises:
        DataError: they are.
    """
    if undecodable.sum() * 2 > len(undecodable):
        first = int(table.rows[np.argmax(undecodable)])
        what = f"{int(undecodable.sum()):,} of {len(table):,} rows (first row {first})"
        raise not_decoded(table.path, what)
