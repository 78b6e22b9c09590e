"""The items: the owner's ids, their columns, and the text that the tower reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from longtail.retrieval.data.ids.near_ids import NearIds
from longtail.retrieval.data.text_template import render
from longtail.retrieval.errors import DataError

_TEMPLATE_KEY, _NAMES_KEY = b"longtail.template", b"longtail.own_names"


@dataclass(frozen=True)
class Catalog:
    """The catalog, one row an item; the row number is the item's position everywhere.

    Attributes:
        frame: ``item_id`` (str, unique) and the owner's columns, index 0 to n - 1.
        template: the text template, e.g. ``{title}. {categories}. {description}``.
        removed: rows whose item the owner has taken out, bool [n], or None. They are never an
            answer; their texts still speak in the histories of those who took them. The id of a
            removed row may come again as a later row, which is then meant by it.
        own_names: the owner's name of a column to ours, where a role renamed it; filters and
            templates take both.
    """

    frame: pd.DataFrame
    template: str
    removed: NDArray[np.bool_] | None = None
    own_names: Mapping[str, str] = field(default_factory=dict)
    _row_of: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_row_of", {i: r for r, i in enumerate(self.frame["item_id"])})

    def __len__(self) -> int:
        return len(self.frame)

    @cached_property
    def item_ids(self) -> NDArray[np.object_]:
        """The owner's item ids by row, object [n]."""
        return self.frame["item_id"].to_numpy(dtype=object)

    def texts(self, rows: NDArray[np.int64] | None = None) -> list[str]:
        """Return the text of every item, or of these rows, as the tower reads it: by the
        template, at most 2,000 characters, blanks collapsed."""
        return render(self.template, self.frame if rows is None else self.frame.iloc[rows])

    def rows_of(self, item_ids: Iterable[str]) -> NDArray[np.int64]:
        """Return the row of each item id, -1 where there is no such item, int64."""
        find = self._row_of.get
        return np.fromiter((find(i, -1) for i in item_ids), np.int64)

    def is_removed(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which of these rows are removed, bool [len(rows)]; row -1 isn't."""
        if self.removed is None:
            return np.zeros(len(rows), bool)
        return np.asarray(self.removed[rows] & (rows >= 0), dtype=bool)

    def offered(self, item_ids: Iterable[str]) -> NDArray[np.int64]:
        """Return the row of each item that can be an answer, -1 for others, int64."""
        rows = self.rows_of(item_ids)
        return np.where(self.is_removed(rows), -1, rows)

    @property
    def n_offered(self) -> int:
        """The number of rows that aren't removed."""
        return len(self) - (0 if self.removed is None else int(self.removed.sum()))

    @cached_property
    def near_index(self) -> NearIds:
        """What finds an item that isn't removed by a mistyped id."""
        there = slice(None) if self.removed is None else ~self.removed
        return NearIds.of(self.item_ids[there])

    def near_ids(self, item_id: str, n: int = 3) -> list[str]:
        """Return up to ``n`` ids that are spelt much like this one, nearest first."""
        return self.near_index.find(item_id, n)

    def save(self, path: Path) -> None:
        """Write the catalog as Parquet, the template in the schema's metadata."""
        table = pa.Table.from_pandas(self.frame, preserve_index=False)
        metadata = {**(table.schema.metadata or {}), _TEMPLATE_KEY: self.template.encode()}
        if self.own_names:
            metadata[_NAMES_KEY] = json.dumps(dict(self.own_names)).encode()
        pyarrow.parquet.write_table(table.replace_schema_metadata(metadata), path)

    @classmethod
    def load(cls, path: Path) -> Catalog:
        """Return a catalog that `save` wrote.

        Raises:
            DataError: the file isn't there, isn't Parquet, or holds no template.
        """
        try:
            table = pyarrow.parquet.read_table(path)
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{path}: is not a stored catalog ({error})") from error
        metadata = table.schema.metadata or {}
        if _TEMPLATE_KEY not in metadata or "item_id" not in table.column_names:
            raise DataError(
                f"{path}: is a Parquet file but not a stored catalog; read it as a catalog file"
            )
        own_names = json.loads(metadata.get(_NAMES_KEY, b"{}"))
        return cls(table.to_pandas(), metadata[_TEMPLATE_KEY].decode(), own_names=own_names)
