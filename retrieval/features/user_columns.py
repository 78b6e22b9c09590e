"""What the columns of users say of items: the lift of p(item | value) over p(item)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp
from numpy.typing import NDArray

from longtail.index.errors import DamagedFileError
from longtail.index.files import read_json, write_json_atomically
from longtail.retrieval.data.users.user_schema import UserSchema
from longtail.retrieval.data.users.user_table import UserValues
from longtail.retrieval.features.item_weights import REMEDY

DTYPES = {"base": np.float32, "indptr": np.int64, "items": np.int32, "extra": np.float32}
# The column of the relevance head.
LIFT = "user_columns.lift"


@dataclass(frozen=True, eq=False)
class ValueLifts:
    """Shrunk log lifts ``log((c_vi + prior * p_i) / (c_v + prior)) - log p_i`` of values v.

    c_vi counts the users with the value who took item i, c_v its sum over items, and p_i is the
    item's smoothed share. Where nobody with the value took the item, all that is left is
    ``log(prior / (c_v + prior))``, the value's base; only what others have beside it is stored.

    Attributes:
        base: lift of an item that nobody with the value took, float32 [n_values].
        indptr: value v has entries ``indptr[v]:indptr[v + 1]``, int64 [n_values + 1].
        items: catalog rows, ascending within a value, int32 [entries].
        extra: what is added to the base, ``log(1 + c_vi / (prior * p_i))``, float32 [entries].
    """

    base: NDArray[np.float32]
    indptr: NDArray[np.int64]
    items: NDArray[np.int32]
    extra: NDArray[np.float32]

    @classmethod
    def fit(cls, counts: sp.csr_matrix, share: NDArray[np.float64], prior: float) -> ValueLifts:
        """Return the lifts of counts [n_values, n_items]; ``share`` is p, positive, [n_items].

        >>> counts = sp.csr_matrix(np.array([[3, 1]]))
        >>> lifts = ValueLifts.fit(counts, np.array([0.5, 0.5]), prior=4.0)
        >>> np.exp(lifts.of_catalog(np.array([0]), np.ones(1, np.float32), 2)).round(3).tolist()
        [1.25, 0.75]
        """
        counts = sp.csr_matrix(counts, dtype=np.float64)
        counts.sort_indices()
        totals = np.asarray(counts.sum(axis=1)).ravel()
        return cls(
            base=-np.log1p(totals / prior).astype(np.float32),
            indptr=counts.indptr.astype(np.int64),
            items=counts.indices.astype(np.int32),
            extra=np.log1p(counts.data / (prior * share[counts.indices])).astype(np.float32),
        )

    def of_catalog(
        self, codes: NDArray[np.int32], weights: NDArray[np.float32], n_items: int
    ) -> NDArray[np.float32]:
        """Return the weighted sum of some values' lifts over the catalog, float32 [n_items]."""
        out = np.full(n_items, (self.base[codes] * weights).sum(), np.float32)
        for code, weight in zip(codes, weights, strict=True):
            entries = slice(self.indptr[code], self.indptr[code + 1])
            out[self.items[entries]] += weight * self.extra[entries]
        return out

    def of_rows(self, code: int, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return a value's lift of catalog rows, float32 in their shape."""
        start, stop = self.indptr[code], self.indptr[code + 1]
        items = self.items[start:stop]
        out = np.full(rows.shape, self.base[code], np.float32)
        if len(items):
            place = np.minimum(np.searchsorted(items, rows), len(items) - 1)
            out += np.where(items[place] == rows, self.extra[start:stop][place], np.float32(0))
        return out

    def laid_out(self, to_served: NDArray[np.int64]) -> ValueLifts:
        """Return the lifts by served rows; ``to_served`` is -1 where an item is forgotten."""
        items = to_served[self.items]
        owner = np.repeat(np.arange(len(self.base)), np.diff(self.indptr))[items >= 0]
        extra, items = self.extra[items >= 0], items[items >= 0]
        order = np.lexsort((items, owner))
        sizes = np.bincount(owner, minlength=len(self.base))
        indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        return ValueLifts(self.base, indptr, items[order].astype(np.int32), extra[order])


@dataclass(frozen=True, eq=False)
class UserColumns:
    """Everything that a run knows from a users file.

    Attributes:
        schema: the columns and values that count.
        user_ids: the owner's ids, object [n_users]; not all of them are in the log.
        values: their values.
        lifts: what a value says of items.
        prior: what the lifts were shrunk by, in events.
        strength: weight of the lift beside the log of popularity, for users without a history.
    """

    schema: UserSchema
    user_ids: NDArray[np.object_]
    values: UserValues
    lifts: ValueLifts
    prior: float
    strength: float

    @cached_property
    def _position(self) -> dict[str, int]:
        return {user: i for i, user in enumerate(self.user_ids)}

    def __contains__(self, user: object) -> bool:
        return user in self._position

    def stored(self, user: str) -> NDArray[np.int32]:
        """Return a user's values, none for one that the file didn't have, int32."""
        position = self._position.get(user)
        return np.empty(0, np.int32) if position is None else self.values[position]

    def of_users(self, user_ids: NDArray[np.object_]) -> UserValues:
        """Return the values of users by their ids; whom the file didn't have has none."""
        positions = [self._position.get(user, -1) for user in user_ids]
        return self.values.take(np.array(positions, np.int64))

    def lift(self, values: UserValues) -> UserLift:
        """Return what these users' values say of items."""
        return UserLift(self.lifts, values, self._weights(values), self.strength)

    def _weights(self, values: UserValues) -> NDArray[np.float32]:
        """Return one over how many values of the same column the user has, of each code."""
        columns = len(self.schema.columns)
        column = np.searchsorted(self.schema.starts, values.codes, side="right") - 1
        keys = values.owner * columns + column
        return np.asarray(1.0 / np.bincount(keys, minlength=1)[keys], np.float32)

    def laid_out(self, to_served: NDArray[np.int64]) -> UserColumns:
        """Return the same by served rows (`ValueLifts.laid_out`)."""
        return replace(self, lifts=self.lifts.laid_out(to_served))

    def save(self, folder: Path) -> None:
        """Write columns, users and lifts; of columns that were left out nothing is kept."""
        from safetensors.numpy import save_file

        folder.mkdir(parents=True, exist_ok=True)
        named = {"prior": self.prior, "strength": self.strength, "columns": self.schema.plain()}
        write_json_atomically(folder / "columns.json", named)
        values = pa.ListArray.from_arrays(
            pa.array(self.values.offsets.astype(np.int32)), pa.array(self.values.codes)
        )
        users = pa.table({"user_id": pa.array(self.user_ids, pa.string()), "values": values})
        pq.write_table(users, folder / "users.parquet", compression="zstd")
        tensors = {name: np.ascontiguousarray(getattr(self.lifts, name)) for name in DTYPES}
        save_file(tensors, folder / "lifts.safetensors", metadata={"format": "1"})

    @classmethod
    def load(cls, folder: Path, *, n_items: int) -> UserColumns:
        """Return what `save` wrote.

        Raises:
            DamagedFileError: a file is missing, or doesn't fit the others or the catalog.
        """
        from safetensors.numpy import load_file

        named = read_json(folder / "columns.json", remedy=REMEDY)
        schema = UserSchema.of_plain(named["columns"])
        users = pq.read_table(folder / "users.parquet").combine_chunks()
        lists = users["values"].combine_chunks()
        values = UserValues(
            np.asarray(lists.offsets, np.int64), np.asarray(lists.flatten(), np.int32)
        )
        tensors = load_file(folder / "lifts.safetensors")
        if problem := _problem(tensors, values, schema.n_values, n_items):
            raise DamagedFileError(f"{folder} {problem}; {REMEDY}")
        return cls(
            schema=schema,
            user_ids=users["user_id"].to_numpy(),
            values=values,
            lifts=ValueLifts(*(tensors[name] for name in DTYPES)),
            prior=named["prior"],
            strength=named["strength"],
        )


def _problem(
    tensors: dict[str, NDArray[Any]], values: UserValues, n_values: int, n_items: int
) -> str | None:
    """Return what is wrong with stored columns, in words that follow the folder's name."""
    for name, dtype in DTYPES.items():
        if name not in tensors or tensors[name].ndim != 1 or tensors[name].dtype != dtype:
            return f"holds no list of {np.dtype(dtype).name} named {name!r}"
    if len(tensors["base"]) != n_values or len(tensors["indptr"]) != n_values + 1:
        return f"holds lifts of another number of values than {n_values}"
    if len(values.codes) and not 0 <= values.codes.min() <= values.codes.max() < n_values:
        return f"holds users with other values than the {n_values} there are"
    items = tensors["items"]
    if len(items) != tensors["indptr"][-1] or len(items) != len(tensors["extra"]):
        return "holds lifts that leave out entries"
    if len(items) and not 0 <= items.min() <= items.max() < n_items:
        return f"points at rows outside the {n_items} of the catalog"
    return None


@dataclass(frozen=True, eq=False)
class UserLift:
    """What the values of m users say of items.

    Attributes:
        lifts: the values' lifts.
        values: who has which.
        weights: of each code in `values`, float32.
        strength: see `UserColumns`.
    """

    lifts: ValueLifts
    values: UserValues
    weights: NDArray[np.float32]
    strength: float

    def of_pairs(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return each user's lift of the rows [m, c], float32 [m, c]; 0 without values.

        What stands at a padding row (-1) means nothing.
        """
        out = np.zeros(rows.shape, np.float32)
        if not len(self.values.codes):
            return out
        owner = self.values.owner
        order = np.argsort(self.values.codes, kind="stable")
        codes, begins = np.unique(self.values.codes[order], return_index=True)
        for code, entries in zip(codes, np.split(order, begins[1:]), strict=True):
            users = owner[entries]
            out[users] += self.weights[entries, None] * self.lifts.of_rows(int(code), rows[users])
        return out

    def of_catalog(self, user: int, n_items: int) -> NDArray[np.float32]:
        """Return one user's lift of all items, float32 [n_items]; 0 without values."""
        entries = slice(self.values.offsets[user], self.values.offsets[user + 1])
        return self.lifts.of_catalog(self.values.codes[entries], self.weights[entries], n_items)
