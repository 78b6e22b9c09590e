"""Which values of a users file count, drawn once at training and frozen then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.index.errors import Field
from longtail.retrieval.data.users.cell_values import UserValue, texts_of
from longtail.retrieval.data.users.schema_column import (
    FEWEST_USERS,
    MOST_BANDS,
    SchemaColumn,
    fit_column,
)
from longtail.retrieval.data.users.user_table import UserTable, UserValues
from longtail.retrieval.errors import QueryError


@dataclass(frozen=True)
class UserSchema:
    """The columns that count; their values are numbered through, column after column."""

    columns: tuple[SchemaColumn, ...]

    @classmethod
    def fit(
        cls,
        table: UserTable,
        holders: NDArray[np.int64],
        *,
        fewest_users: int = FEWEST_USERS,
        most_bands: int = MOST_BANDS,
    ) -> tuple[UserSchema, dict[str, str]]:
        """Return the columns as the users at ``holders`` fill them, and those left out with reason.

        A value counts from ``fewest_users`` of them on; rarer ones are pooled into one value,
        where together they have as many. Numbers become at most ``most_bands`` bands of about
        as many users each.
        """
        chosen = np.zeros(len(table), bool)
        chosen[holders] = True
        columns: list[SchemaColumn] = []
        left_out = dict(table.left_out)
        for column in table.columns:
            fitted = fit_column(column, chosen, fewest_users, most_bands)
            if isinstance(fitted, SchemaColumn):
                columns.append(fitted)
            else:
                left_out[column.name] = fitted
        return cls(tuple(columns)), left_out

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """The first number of each column, and how many values there are, int64 [columns + 1]."""
        return np.concatenate([[0], np.cumsum([len(c) for c in self.columns])]).astype(np.int64)

    @property
    def n_values(self) -> int:
        """How many values there are."""
        return int(self.starts[-1])

    def encode(self, table: UserTable) -> UserValues:
        """Return the numbers of every user's values; a value that isn't one is pooled or gone."""
        by_name = {column.name: column for column in table.columns}
        owners, codes = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for column, start in zip(self.columns, self.starts, strict=False):
            read = by_name[column.name]
            number = column.numbers_of(read.values)
            if column.other:
                number = np.where(number < 0, len(column.values), number)
            of_cells = number[read.codes]
            owners.append(read.owner[of_cells >= 0])
            codes.append(of_cells[of_cells >= 0] + start)
        return UserValues.of_pairs(np.concatenate(owners), np.concatenate(codes), len(table))

    def encode_one(
        self, given: Mapping[str, UserValue], stored: NDArray[np.int32]
    ) -> NDArray[np.int32]:
        """Return one user's values: what is given, and of the other columns what is ``stored``.

        A value that training didn't see, or saw in too few users, says nothing.

        Raises:
            QueryError: there is no such column.
        """
        names = [column.name for column in self.columns]
        codes = stored.astype(np.int64)
        for name, value in given.items():
            if name not in names:
                raise QueryError(
                    Field("user_columns"),
                    f" {name!r} is no user column of this run; there are "
                    f"{', '.join(names) or 'none'}",
                )
            at = names.index(name)
            start, stop = self.starts[at], self.starts[at + 1]
            texts = np.array(texts_of(value, self.columns[at].several), dtype=object)
            number = self.columns[at].numbers_of(texts)
            codes = codes[(codes < start) | (codes >= stop)]
            codes = np.append(codes, number[number >= 0] + start)
        return np.unique(codes).astype(np.int32)

    def plain(self) -> list[dict[str, Any]]:
        """Return the schema as plain data, which `of_plain` takes."""
        return [
            {
                "name": column.name,
                "values": list(column.values),
                "edges": None if column.edges is None else list(column.edges),
                "other": column.other,
                "several": column.several,
            }
            for column in self.columns
        ]

    @classmethod
    def of_plain(cls, columns: Sequence[Mapping[str, Any]]) -> UserSchema:
        """Return what `plain` returned."""
        return cls(
            tuple(
                SchemaColumn(
                    column["name"],
                    tuple(column["values"]),
                    None if column["edges"] is None else tuple(column["edges"]),
                    column["other"],
                    column["several"],
                )
                for column in columns
            )
        )
