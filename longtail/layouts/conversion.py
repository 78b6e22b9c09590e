"""What the converter of a layout is given: the files to read, and the tables to fill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

from longtail.index.files import write_file_atomically
from longtail.layouts.left_out import LeftOut
from longtail.layouts.records import Records
from longtail.layouts.table_file import TEXT, KeyedTableFile, TableFile

_Table = TypeVar("_Table", bound=TableFile)
TABLES = ("items", "interactions", "users")


class Conversion:
    """The files of a layout by the part they play, and the tables that they are turned into.

    Attributes:
        records: reads the files.
        left_out: counts what has no place in the tables.
        tables: what was opened, by its name.
        notes: what a person should know, one line each.
    """

    def __init__(
        self,
        files: Mapping[str, Sequence[Path]],
        folder: Path,
        records: Records,
        left_out: LeftOut,
        opened: ExitStack,
    ) -> None:
        self.records = records
        self.left_out = left_out
        self.tables: dict[str, TableFile] = {}
        self.notes: list[str] = []
        self._files, self._folder, self._opened = files, folder, opened

    def files(self, part: str) -> Sequence[Path]:
        """Return the files that play a part, none where it is an optional one."""
        return self._files.get(part, ())

    def items(self, /, *texts: str, **typed: Any) -> KeyedTableFile:
        """Open the catalog: item_id, then columns of text, then others with their types."""
        columns = dict.fromkeys(("item_id", *texts), TEXT) | typed
        table = KeyedTableFile(self._path("items"), columns, self.left_out, "items")
        return self._open("items", table)

    def log(self, /, *texts: str, **typed: Any) -> TableFile:
        """Open the log: user_id, item_id, columns of text, and others with their types."""
        columns = dict.fromkeys(("user_id", "item_id", *texts), TEXT) | typed
        table = TableFile(self._path("interactions"), columns, self.left_out, "events", 2)
        return self._open("interactions", table)

    def users(self, /, *texts: str, **typed: Any) -> KeyedTableFile:
        """Open the users file: user_id, columns of text, and others with their types."""
        columns = dict.fromkeys(("user_id", *texts), TEXT) | typed
        table = KeyedTableFile(self._path("users"), columns, self.left_out, "users")
        return self._open("users", table)

    def _path(self, name: str) -> Path:
        return self._opened.enter_context(write_file_atomically(self._folder / f"{name}.parquet"))

    def _open(self, name: str, table: _Table) -> _Table:
        # Closed before the file is moved into its place.
        self._opened.callback(table.close)
        self.tables[name] = table
        return table
