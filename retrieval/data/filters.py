"""Attribute filters: ``brand=OPI``, ``price<20 and size in (S, M)``, ``categories~nail``."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.index.errors import Field
from longtail.retrieval.data.filter_column import FilterColumn
from longtail.retrieval.data.filter_parser import Clause, read_clauses
from longtail.retrieval.errors import QueryError

# Of conditions on one catalog whose rows are kept, a bit a row.
KEPT_BYTES = 32 << 20
MOST_KEPT = 4_096
# Of a mistyped column, others are looked at for one that is meant.
_MOST_COMPARED, _LONGEST_COMPARED = 100, 60


class _Columns:
    """The columns that were asked about, each found out once."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame
        self.names = tuple(str(name) for name in frame.columns)
        self._read: dict[str, FilterColumn] = {}

    def packed(self, clause: Clause) -> NDArray[np.uint8]:
        """Return the rows that pass one condition, bool [n] as bits; see `Filters.mask`."""
        return np.packbits(self._column(clause).passing(clause))

    def _column(self, clause: Clause) -> FilterColumn:
        name = clause.column
        if name not in self._read:
            if name not in self.names:
                raise self._unknown(clause)
            self._read[name] = FilterColumn(self._frame[name])
        return self._read[name]

    def _unknown(self, clause: Clause) -> QueryError:
        near = difflib.get_close_matches(
            clause.column[:_LONGEST_COMPARED], self.names[:_MOST_COMPARED], 1
        )
        hint = f"; did you mean {near[0]!r}?" if near else "."
        return QueryError(
            Field("where"),
            f" {clause.text!r}: the catalog has no column {clause.column!r}{hint} "
            f"It has: {', '.join(self.names)}",
        )


class Filters:
    """Filters on one catalog, each of whose conditions is worked out once.

    Shops ask the same few again and again. What was found is kept, a bit a row, for as many
    conditions as `KEPT_BYTES` hold; what a column holds is found out once.

    >>> shop = Filters(pd.DataFrame({"brand": ["OPI", "Essie", None], "price": [9.0, 12.5, 3.0]}))
    >>> shop.passing(["brand in (OPI, Essie) and price<10"]).tolist()
    [True, False, False]
    """

    def __init__(
        self, frame: pd.DataFrame, own_names: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._n, self._own_names = len(frame), own_names
        columns = _Columns(frame)
        self._names = columns.names
        self._readable = (*self._names, *own_names)
        room = KEPT_BYTES // (self._n // 8 + 1)
        # Of another object: a cache of an own method would be a circle, and the filters of versions
        # that nobody serves any more would stay until Python looks for circles.
        self._packed = lru_cache(min(max(room, 1), MOST_KEPT))(columns.packed)

    def read(self, filters: Sequence[str]) -> Iterator[Clause]:
        """Yield the conditions of filters, columns under the catalog's own names.

        Raises:
            QueryError: one can't be read.
        """
        for text in filters:
            for clause in read_clauses(text, self._readable):
                if clause.column not in self._names and clause.column in self._own_names:
                    yield replace(clause, column=self._own_names[clause.column])
                else:
                    yield clause

    def passing(self, filters: Sequence[str]) -> NDArray[np.bool_]:
        """Return the rows that pass every filter, bool [n]; see `where_mask`."""
        passes = np.ones(self._n, bool)
        for clause in self.read(filters):
            passes &= self.mask(clause)
        return passes

    def mask(self, clause: Clause) -> NDArray[np.bool_]:
        """Return the rows that pass one condition, bool [n].

        Raises:
            QueryError: an unknown column, or a comparison that it doesn't allow.
        """
        bits = np.unpackbits(self._packed(clause), count=self._n)
        return bits.view(np.bool_)


def where_mask(
    frame: pd.DataFrame,
    filters: Sequence[str],
    own_names: Mapping[str, str] = MappingProxyType({}),
) -> NDArray[np.bool_]:
    """Return the catalog rows that pass every filter, bool [n].

    A filter is one condition, or several joined by ``and`` or a comma (`read_clauses`):
    ``COLUMN=VALUE`` (several values with ``|``), ``!=``, ``in (A, B)``, ``not in (A, B)``,
    ``<``, ``<=``, ``>``, ``>=`` for numbers and dates, and ``~`` for "contains, whatever the
    case". A missing cell passes only ``!=`` and ``not in``. ``own_names`` are other names of
    columns, to the frame's own.

    Raises:
        QueryError: a condition that can't be read, an unknown column, a comparison of text.

    >>> shop = pd.DataFrame({"brand": ["OPI", "Essie", None], "price": [9.0, 12.5, 3.0]})
    >>> where_mask(shop, ["brand in (OPI, Essie) and price<10"]).tolist()
    [True, False, False]
    """
    return Filters(frame, own_names).passing(filters)
