"""Behaviour evidence: which items follow which, as sparse item-to-item weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from longtail.index.errors import DamagedFileError
from longtail.index.files import write_file_atomically

REMEDY = "copy the run folder again, or train it again with `longtail train`"
DTYPES = {"indptr": np.int64, "columns": np.int32, "values": np.float32}


@dataclass(frozen=True, eq=False)
class ItemWeights:
    """Item-to-item weights B, of each row only the largest: row j says what follows item j.

    `HistoryScores` says what they make of a history.

    Attributes:
        indptr: row j is at ``indptr[j]:indptr[j + 1]``, int64 [n_items + 1].
        columns: catalog rows, ascending within each row, int32 [entries].
        values: finite weights, float32 [entries].
    """

    indptr: NDArray[np.int64]
    columns: NDArray[np.int32]
    values: NDArray[np.float32]

    @classmethod
    def from_rows(cls, columns: NDArray[np.int32], values: NDArray[np.float32]) -> ItemWeights:
        """Return the weights given as one line of entries an item, in any order within it.

        Both [n_items, N]. Entries with column -1 or weight 0 are padding.

        >>> made = ItemWeights.from_rows(np.array([[1, -1], [1, 0]]), np.array([[0.5, 9], [0, 2]]))
        >>> made.matrix.toarray().tolist()
        [[0.0, 0.5], [2.0, 0.0]]
        """
        indptr = np.zeros(len(columns) + 1, np.int64)
        present = (columns >= 0) & (values != 0)
        np.cumsum(present.sum(axis=1), out=indptr[1:])
        unsorted = cls(
            indptr, columns[present].astype(np.int32), values[present].astype(np.float32)
        )
        return cls.from_matrix(unsorted.matrix)

    @classmethod
    def from_matrix(cls, weights: sp.csr_matrix) -> ItemWeights:
        """Return the weights of a sparse matrix [n_items, n_items], sorted in place."""
        weights.sort_indices()
        return cls(
            weights.indptr.astype(np.int64, copy=False),
            weights.indices.astype(np.int32, copy=False),
            weights.data.astype(np.float32, copy=False),
        )

    @property
    def n_items(self) -> int:
        """The number of catalog rows."""
        return len(self.indptr) - 1

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def matrix(self) -> sp.csr_matrix:
        """Return the weights as float32 [n_items, n_items]; it shares our arrays."""
        return sp.csr_matrix(
            (self.values, self.columns, self.indptr), shape=(self.n_items, self.n_items)
        )

    def save(self, path: Path) -> None:
        """Write one safetensors file; the file is the old one or the whole new one."""
        from safetensors.numpy import save_file

        tensors = {name: getattr(self, name) for name in DTYPES}
        with write_file_atomically(path) as temporary:
            save_file(tensors, temporary, metadata={"format": "1"})

    @classmethod
    def load(cls, path: Path, *, n_items: int) -> ItemWeights:
        """Return what `save` wrote, checked in full; ``n_items`` is the catalog's size.

        Raises:
            DamagedFileError: the file is missing, unreadable, of another catalog, or its numbers
                are no weights.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        if not path.is_file():
            raise DamagedFileError(f"{path} is missing; {REMEDY}")
        try:
            tensors = load_file(path)
        except SafetensorError as error:
            reason = " ".join(str(error).split())
            raise DamagedFileError(f"{path} can't be read ({reason}); {REMEDY}") from error
        try:
            tensors = {name: tensors[name] for name in DTYPES}
        except KeyError as error:
            kind = np.dtype(DTYPES[error.args[0]]).name
            raise DamagedFileError(
                f"{path} holds no list of {kind} named {error}; {REMEDY}"
            ) from error
        if problem := _problem(tensors, n_items):
            raise DamagedFileError(f"{path} {problem}; {REMEDY}")
        return cls(*(tensors[name] for name in DTYPES))


def _problem(tensors: dict[str, NDArray[Any]], n_items: int) -> str | None:
    """Return what is wrong with stored weights, in words that follow the file's name."""
    for name, dtype in DTYPES.items():
        if tensors[name].ndim != 1 or tensors[name].dtype != dtype:
            return f"holds no list of {np.dtype(dtype).name} named {name!r}"
    indptr, columns, values = (tensors[name] for name in DTYPES)
    if len(indptr) != n_items + 1:
        return f"was made for {len(indptr) - 1} items, but the catalog has {n_items}"
    if indptr[0] != 0 or (np.diff(indptr) < 0).any() or indptr[-1] != len(columns):
        return "holds rows that overlap or leave out entries"
    if len(values) != len(columns):
        return f"holds {len(columns)} columns and {len(values)} weights"
    if len(columns) and not (columns.min() >= 0 and columns.max() < n_items):
        return f"points at rows outside the {n_items} of the catalog"
    rising = np.diff(columns) > 0
    starts = indptr[1:-1]
    rising[starts[(starts > 0) & (starts < len(columns))] - 1] = True
    if not rising.all():
        return "holds a row whose columns are not in order"
    if not np.isfinite(values).all():
        return "holds weights that are not finite"
    return None
