"""Which values of one column count: named ones, or bands of numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.users.cell_values import as_number
from longtail.retrieval.data.users.user_table import UserColumn

# Held by fewer, a value would speak of persons, and say little of them.
FEWEST_USERS = 20
MOST_BANDS = 8
# Whole numbers of so few kinds may be codes: each kind is a value where nearly all users are of
# kinds that many hold.
MOST_KINDS, SHARE_OF_KINDS = 32, 0.95
# Of the users, from which share of distinct values on a column names users and doesn't describe
# them. Numbers, which make bands, need more.
TEXT_IDS, NUMBER_IDS = 0.5, 0.9


@dataclass(frozen=True)
class SchemaColumn:
    """A column's values: named ones, or bands of numbers.

    Attributes:
        name: the column's name.
        values: the values that count, in order; empty for bands.
        edges: lower bounds of all bands but the first; None for named values.
        other: whether rare values count, as one more value.
        several: whether a user may have several.
    """

    name: str
    values: tuple[str, ...] = ()
    edges: tuple[float, ...] | None = None
    other: bool = False
    several: bool = False

    def __len__(self) -> int:
        return len(self.values) + self.other if self.edges is None else len(self.edges) + 1

    @property
    def described(self) -> str:
        """The column in words, without a value of it."""
        kind = f"{len(self)} {'values' if self.edges is None else 'bands'}"
        return f"{self.name} ({kind}{', rare ones pooled' if self.other else ''})"

    def numbers_of(self, values: NDArray[np.object_]) -> NDArray[np.int64]:
        """Return the number within the column of each text, -1 for one that isn't a value."""
        if self.edges is not None:
            numbers = np.array([as_number(value) for value in values], np.float64)
            bands = np.searchsorted(np.array(self.edges), numbers, side="right")
            return np.where(np.isfinite(numbers), bands, -1).astype(np.int64)
        place = {value: i for i, value in enumerate(self.values)}
        return np.array([place.get(value, -1) for value in values], np.int64)


def fit_column(
    column: UserColumn, chosen: NDArray[np.bool_], fewest_users: int, most_bands: int
) -> SchemaColumn | str:
    """Return the column as the users in ``chosen`` [n_users] fill it, or why it is left out."""
    owner, codes = column.owner, column.codes
    inside = chosen[owner]
    owner, codes = owner[inside], codes[inside]
    n_users = len(np.unique(owner))
    if n_users == 0:
        return "no user of the log has a value"
    # A user has a value once, however often the cell names it.
    keys = np.unique(owner * len(column.values) + codes)
    counts = np.bincount(keys % len(column.values), minlength=len(column.values))
    distinct = int((counts > 0).sum())
    if distinct == 1:
        return "all users have the same value"
    if column.numbers is not None and _counts_as_number(column, counts, n_users, fewest_users):
        if _whole(column.numbers[counts > 0]) and distinct >= NUMBER_IDS * n_users:
            return "nearly as many values as users"
        edges = _edges(column.numbers[codes], fewest_users, most_bands)
        return SchemaColumn(column.name, edges=edges) if edges else "too few users for two bands"
    if not column.several and distinct > TEXT_IDS * n_users:
        return "nearly as many values as users"
    named = counts >= fewest_users
    rare = len(np.unique(owner[~named[codes]]))
    other = rare >= fewest_users
    values = sorted(str(value) for value in column.values[named])
    if len(values) + other < 2:
        return f"fewer than two values are held by {fewest_users} users"
    return SchemaColumn(column.name, tuple(values), other=other, several=column.several)


def _counts_as_number(
    column: UserColumn, counts: NDArray[np.int64], n_users: int, fewest_users: int
) -> bool:
    """Return whether bands say more than the values one by one."""
    kinds = int((counts > 0).sum())
    if kinds <= MOST_BANDS:
        return False
    usual = counts[counts >= fewest_users].sum() >= SHARE_OF_KINDS * n_users
    assert column.numbers is not None
    return not (kinds <= MOST_KINDS and usual and _whole(column.numbers[counts > 0]))


def _whole(numbers: NDArray[np.float64]) -> bool:
    return bool((numbers == np.floor(numbers)).all())


def _edges(numbers: NDArray[np.float64], fewest_users: int, most_bands: int) -> tuple[float, ...]:
    """Return the lower bounds of all bands but the first, none of them with too few users."""
    bands = max(min(most_bands, len(numbers) // fewest_users), 1)
    edges = np.unique(np.quantile(numbers, np.arange(1, bands) / bands, method="higher"))
    sizes = np.bincount(np.searchsorted(edges, numbers, side="right"), minlength=len(edges) + 1)
    kept: list[float] = []
    running, left = 0, len(numbers)
    for edge, size in zip(edges, sizes, strict=False):
        running += int(size)
        if running >= fewest_users and left - running >= fewest_users:
            kept.append(float(edge))
            left -= running
            running = 0
    return tuple(kept)
