"""What an index version knows of the catalog beyond what was trained: the files attached to it.

Catalog and index must never disagree, so whatever changes in the catalog after training lies in
the version's own folder, under its manifest, and moves with it:

attached/state.json      the scale of log-probabilities, and when counts were renewed
attached/rows.parquet    of each row: its row in training, count, bucket, whether it is removed,
                         and whether it is quarantined, where some are
attached/items.parquet   the columns of added and changed items
attached/clock.safetensors  how lately items were taken, where that was renewed with the counts
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from longtail.index.errors import DamagedFileError
from longtail.index.files import check_format, read_json
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.clock.item_clock import ItemClock
from longtail.retrieval.data.popularity import LogScale, Popularity

# 2: names a learned state, or quarantines rows; a longtail that knows of neither would be wrong.
FORMAT, FORMAT_BEFORE = 2, 1
CLOCK = "clock.safetensors"
REMEDY = "go back with `longtail index rollback`"
DTYPES: dict[str, Any] = {
    "trained_row": np.int64,
    "counts": np.int64,
    "bucket": np.int8,
    "removed": np.bool_,
    "changed": np.bool_,
}


@dataclass(frozen=True, eq=False)
class CatalogState:
    """The catalog as one version serves it, told by what differs from the trained one.

    Attributes:
        trained_row: where training had the item, -1 for what came later, int64 [n]. An id that
            was removed and added again has two rows, and both name the training's.
        counts: distinct users who took it, int64 [n].
        bucket: HEAD, TAIL or COLD, int8 [n].
        removed: rows that are never an answer, bool [n].
        changed: rows whose columns are in `items`, bool [n].
        items: the columns of added and changed items, in the order of their rows.
        scale: what log-probabilities are measured by.
        refreshed: when counts were last renewed from another log (ISO 8601, UTC), or None.
        clock: how lately the rows were taken in that log; None: as trained.
        learned: the learned state that the rows belong to (`longtail.retrieval.run.learned`);
            None: to what was trained. "Training" above is then the learning.
        quarantined: rows that are no answer until released, bool [n]; None: there are none. Unlike
            removed ones they are in the catalog.
    """

    trained_row: NDArray[np.int64]
    counts: NDArray[np.int64]
    bucket: NDArray[np.int8]
    removed: NDArray[np.bool_]
    changed: NDArray[np.bool_]
    items: pd.DataFrame
    scale: LogScale
    refreshed: str | None = None
    clock: ItemClock | None = None
    learned: str | None = None
    quarantined: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def withheld(self) -> NDArray[np.bool_]:
        """Rows that are no answer, quarantined or removed, bool [n]."""
        return self.removed if self.quarantined is None else self.removed | self.quarantined

    def with_quarantined(self, rows: NDArray[np.int64], value: bool = True) -> CatalogState:
        """Return the state in which these rows are quarantined, or no longer."""
        quarantined = np.zeros(len(self), bool)
        if self.quarantined is not None:
            quarantined |= self.quarantined
        quarantined[rows] = value
        return replace(self, quarantined=quarantined if quarantined.any() else None)

    @classmethod
    def of_trained(cls, catalog: Catalog, popularity: Popularity) -> CatalogState:
        """Return the state in which nothing differs yet."""
        n = len(catalog)
        return cls(
            trained_row=np.arange(n, dtype=np.int64),
            counts=popularity.counts,
            bucket=popularity.bucket,
            removed=np.zeros(n, bool),
            changed=np.zeros(n, bool),
            items=catalog.frame.iloc[:0],
            scale=popularity.scale,
        )

    def with_items(self, rows: NDArray[np.int64], items: pd.DataFrame) -> CatalogState:
        """Return the state in which these rows hold these columns; one line a row, any order."""
        before = np.flatnonzero(self.changed)
        kept = ~np.isin(before, rows)
        joined = pd.concat([self.items[kept], items], ignore_index=True)
        order = np.argsort(np.concatenate([before[kept], rows]), kind="stable")
        changed = self.changed.copy()
        changed[rows] = True
        return replace(self, changed=changed, items=joined.iloc[order].reset_index(drop=True))

    def grown(
        self,
        trained_row: NDArray[np.int64],
        counts: NDArray[np.int64],
        bucket: NDArray[np.int8],
        items: pd.DataFrame,
    ) -> CatalogState:
        """Return the state with new rows at the end."""
        nothing = np.zeros(len(items), bool)
        longer = replace(
            self,
            trained_row=np.concatenate([self.trained_row, trained_row]),
            counts=np.concatenate([self.counts, counts]),
            bucket=np.concatenate([self.bucket, bucket]),
            removed=np.concatenate([self.removed, nothing]),
            changed=np.concatenate([self.changed, nothing]),
            quarantined=None
            if self.quarantined is None
            else np.concatenate([self.quarantined, nothing]),
            clock=self.clock and self.clock.take(_grown_rows(len(self), len(items))),
        )
        return longer.with_items(np.arange(len(self), len(longer)), items)

    def take(self, rows: NDArray[np.int64]) -> CatalogState:
        """Return the state of a catalog that holds only these rows, in this order."""
        place = np.cumsum(self.changed) - 1
        kept = rows[self.changed[rows]]
        return replace(
            self,
            **{name: getattr(self, name)[rows] for name in DTYPES},
            items=self.items.iloc[place[kept]].reset_index(drop=True),
            quarantined=None if self.quarantined is None else self.quarantined[rows],
            clock=self.clock and self.clock.take(rows),
        )

    def catalog(self, trained: Catalog) -> Catalog:
        """Return the served catalog.

        Raises:
            ValueError: a row is neither in the trained catalog nor among the changes.
        """
        source = self.trained_row.copy()
        source[self.changed] = len(trained) + np.arange(len(self.items))
        if len(source) and not (
            source.min() >= 0 and source.max() < len(trained) + len(self.items)
        ):
            raise ValueError("a row is neither in the trained catalog nor among the changes")
        whole = pd.concat([trained.frame, self.items], ignore_index=True)
        if not np.array_equal(source, np.arange(len(whole))):
            whole = whole.take(source).reset_index(drop=True)
        removed = self.removed if self.removed.any() else None
        return Catalog(whole, trained.template, removed, trained.own_names)

    def popularity(self, rule: str) -> Popularity:
        """Return the popularity of the served rows; ``rule`` is what buckets were drawn by."""
        return Popularity.of_served(self.counts, self.bucket, self.withheld, rule, self.scale)

    def save(self, folder: Path) -> None:
        """Write the files into an existing folder."""
        columns = {name: pa.array(getattr(self, name)) for name in DTYPES}
        if self.quarantined is not None:
            columns["quarantined"] = pa.array(self.quarantined)
        pq.write_table(pa.table(columns), folder / "rows.parquet", compression="zstd")
        self.items.to_parquet(folder / "items.parquet", index=False)
        plain = self.learned is None and self.quarantined is None
        state: dict[str, Any] = {
            "format": FORMAT_BEFORE if plain else FORMAT,
            "scale": asdict(self.scale),
            "refreshed": self.refreshed,
        }
        if self.learned is not None:
            state["learned"] = self.learned
        if self.clock is not None:
            self.clock.save(folder / CLOCK)
        (folder / "state.json").write_text(json.dumps(state, indent=2), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> CatalogState | None:
        """Return what `save` wrote, None where the version has nothing attached.

        Raises:
            DamagedFileError: the files can't be read, or don't fit one another.
            UnsupportedFormatError: a newer longtail wrote them.
        """
        if not folder.is_dir():
            return None
        path = folder / "state.json"
        stored = read_json(path, remedy=REMEDY)
        check_format(stored, path, reads=FORMAT, remedy=REMEDY)
        try:
            table = pq.read_table(folder / "rows.parquet")
            columns = {
                name: table[name].to_numpy().astype(dtype, casting="safe")
                for name, dtype in DTYPES.items()
            }
            state = cls(
                **columns,
                quarantined=_flags(table, "quarantined"),
                items=pd.read_parquet(folder / "items.parquet"),
                scale=LogScale(**stored["scale"]),
                refreshed=stored["refreshed"],
                clock=ItemClock.load(folder / CLOCK, n_items=len(columns["counts"])),
                learned=stored.get("learned"),
            )
        except (ValueError, KeyError, TypeError, OSError, pa.ArrowException) as error:
            reason = " ".join(str(error).split())
            raise DamagedFileError(f"{folder} can't be read ({reason}); {REMEDY}") from error
        if int(state.changed.sum()) != len(state.items):
            raise DamagedFileError(f"{folder} has other rows than it says are changed; {REMEDY}")
        return state


def _flags(table: pa.Table, name: str) -> NDArray[np.bool_] | None:
    if name not in table.column_names:
        return None
    return np.asarray(table[name].to_numpy().astype(np.bool_, casting="safe"))


def _grown_rows(size: int, more: int) -> NDArray[np.int64]:
    """Return the rows of a catalog that grows, -1 for those that come."""
    return np.concatenate([np.arange(size), np.full(more, -1)]).astype(np.int64)
