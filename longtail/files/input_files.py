"""The files of a job: the options that name them, and reading them with care."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np
from numpy.typing import NDArray

from longtail.console.progress import progress_on_stderr
from longtail.console.remarks import Say, on_stderr
from longtail.files.folders.find_files import NoFileError, find_file, find_users_file
from longtail.files.reading_options import both_reading, said_of_log
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.columns import NO_COLUMN, FileKind
from longtail.retrieval.data.files.dialect.reading import Reading
from longtail.retrieval.data.files.interaction_file import LogRows, read_log
from longtail.retrieval.data.files.losses.loss_limit import refuse_loss
from longtail.retrieval.data.files.losses.missing_column import (
    refuse_unused_mapping,
    with_suggestions,
)
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.files.roles.find_roles import find_roles, mapping_of
from longtail.retrieval.data.files.roles.kept_columns import keep_columns, with_kept_columns
from longtail.retrieval.data.files.tables import column_names
from longtail.retrieval.data.files.times.two_columns.log_roles import find_log_roles
from longtail.retrieval.data.files.users_file import read_users
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.users.user_table import UserTable
from longtail.retrieval.errors import DataError, NoRowsError
from longtail.retrieval.progress import Progress

_Command = TypeVar("_Command", bound=Callable[..., Any])
rejected_option = click.option(
    "--rejected",
    "rejected_path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("rejected.csv"),
    show_default=True,
    help="Where rows that are set aside are written, with the reason.",
)


@dataclass(frozen=True)
class InputData:
    """What the files of a job hold.

    Attributes:
        log: the interaction log.
        rows: record number of each of its events in the file, from 1, int64 [m].
        users: what is known of users, None without a users file.
        rejected: what was set aside.
    """

    catalog: Catalog
    log: Interactions
    rows: NDArray[np.int64]
    users: UserTable | None
    rejected: RejectedRows


@dataclass(frozen=True)
class Inputs:
    """The files of a job, and how to read them.

    Attributes:
        catalog: the catalog file.
        interactions: the interaction log; None: there is none, and the log is of nobody.
        users: the users file, None without one.
        users_named: whether it was named, and not only found beside the log.
        reading: how they are read.
        rejected_path: where rows that are set aside are written.
        save_columns: whether to keep which column was read as what beside the catalog.
        needs_log: whether a log without rows is an error, too.
    """

    catalog: Path
    interactions: Path | None
    reading: Reading
    rejected_path: Path
    users: Path | None = None
    users_named: bool = False
    save_columns: bool = False
    needs_log: bool = True

    @property
    def log(self) -> Path:
        """The interaction log of a job that needs one."""
        assert self.interactions is not None  # `make_inputs` has refused
        return self.interactions

    def read(self, progress: Progress) -> InputData:
        """Return what the files hold, and what was set aside, which is on disk by then.

        Also where reading fails: the rows that made it fail are what the person needs to see.
        A users file that was only found, and can't be used, is left out with a note.

        Raises:
            DataError: a file can't be used.
        """
        rejected = RejectedRows()
        if self.interactions is not None:
            refuse_unused_mapping(self.catalog, self.interactions, self.reading)
        try:
            read = partial(read_catalog, self.catalog, rejected=rejected, progress=progress)
            if self.interactions is None:
                catalog = read(reading=self.reading)
            else:
                catalog = with_suggestions(self.catalog, self.interactions, self.reading, read)
            refuse_loss(self.catalog, self.reading, rejected)
            log = self._read_log(catalog, rejected, progress)
            users = self._read_users(rejected, progress)
        finally:
            rejected.replace(self.rejected_path)
        if self.save_columns:
            path = keep_columns(self.catalog, self._roles())
            rejected.note(f"which column was read as what is kept in {path}")
        return InputData(catalog, log.interactions, log.rows, users, rejected)

    def _read_log(self, catalog: Catalog, rejected: RejectedRows, progress: Progress) -> LogRows:
        """Return the log; one of nobody where there is none, or no row in it, and none is needed.

        A log whose rows can't be used is an error all the same: somebody meant it to be read.
        """
        nobody = LogRows(Interactions.nothing(), np.empty(0, np.int64))
        if self.interactions is None:
            return nobody
        try:
            log = read_log(
                self.interactions,
                catalog,
                reading=self.reading,
                rejected=rejected,
                progress=progress,
            )
        except NoRowsError as error:
            if self.needs_log:
                raise
            rejected.note(f"{error}; it is taken for a log without events")
            return nobody
        refuse_loss(self.interactions, self.reading, rejected, catalog)
        return log

    def _roles(self) -> dict[str, dict[str, str]]:
        """Return which column plays each role, by file; roles mapped to none included."""
        files: dict[FileKind, Path] = {"items": self.catalog}
        if self.interactions is not None:
            files["log"] = self.interactions
        roles = {}
        for kind, path in files.items():
            present = column_names(path, self.reading.of(kind))
            mapped = mapping_of(kind, self.reading.columns).items()
            nothing = {role: column for role, column in mapped if column == NO_COLUMN}
            found = (
                find_log_roles(path, present, self.reading.of("log"))
                if kind == "log"
                else find_roles(path, present, kind, self.reading.columns)
            )
            roles[kind] = nothing | found
        return {str(kind): columns for kind, columns in roles.items()}

    def _read_users(self, rejected: RejectedRows, progress: Progress) -> UserTable | None:
        if self.users is None:
            return None
        try:
            return read_users(
                self.users, reading=self.reading, rejected=rejected, progress=progress
            )
        except DataError as error:
            if self.users_named:
                raise
            rejected.note(f"{error}; this file of users is left out")
            return None


def read_inputs(inputs: Inputs) -> InputData:
    """Return what the files hold, with progress and remarks on stderr.

    Raises:
        DataError: a file can't be used.
    """
    with progress_on_stderr() as progress:
        data = inputs.read(progress)
    note_set_aside(data.rejected, inputs.rejected_path)
    return data


def note_set_aside(rejected: RejectedRows, path: Path, say: Say = on_stderr) -> None:
    """Say what a person should know of the rows read: remarks, and how many are out."""
    for line in set_aside_lines(rejected, path):
        say(line)


def set_aside_lines(rejected: RejectedRows, path: Path) -> list[str]:
    """Return the remarks about the rows read, and how many are out and why, one line each."""
    lines = [f"note: {note}" for note in rejected.notes]
    if len(rejected):
        reasons = ", ".join(f"{n:,} {why}" for (_, why), n in rejected.counts().items())
        lines.append(f"warning: {len(rejected):,} rows were set aside; see {path} ({reasons})")
    return lines


def input_options(command: _Command) -> _Command:
    """Add the options that say which files to read and how; the command gets `Inputs`."""
    options: list[Callable[..., Any]] = [
        click.argument(
            "folder",
            required=False,
            type=click.Path(file_okay=False, exists=True, path_type=Path),
        ),
        click.option("--catalog", type=click.Path(path_type=Path), help="Catalog file."),
        click.option("--interactions", type=click.Path(path_type=Path), help="Interaction log."),
        click.option(
            "--users",
            type=click.Path(path_type=Path),
            help="Users file: user_id, and columns that say what is known of users.",
        ),
        both_reading,
        click.option(
            "--save-columns",
            is_flag=True,
            help="Keep which column was read as what in columns.yaml beside the catalog; every "
            "command reads it.",
        ),
        rejected_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


def make_inputs(
    folder: Path | None,
    catalog: Path | None,
    interactions: Path | None,
    users: Path | None,
    reading: Reading,
    rejected_path: Path,
    save_columns: bool = False,
    needs_log: bool = True,
) -> Inputs:
    """Return the inputs named by a folder, or by two files; without ``needs_log`` by one.

    A folder must hold a log all the same: one that is called otherwise would be passed over.

    Raises:
        click.UsageError: neither a folder nor both files are named, or something is said of a log
            that isn't.
        DataError: the folder holds no such files.
    """
    if folder is None and catalog is None and not needs_log:
        raise click.UsageError(
            "name a FOLDER, or --catalog and, where there is a log, --interactions"
        )
    if folder is None and (catalog is None or (interactions is None and needs_log)):
        raise click.UsageError("name a FOLDER, or both --catalog and --interactions")
    catalog = catalog or find_file(folder or Path(), ("items", "catalog"))
    if folder is not None and interactions is None:
        try:
            interactions = find_file(folder, ("interactions",))
        except NoFileError as error:
            if needs_log:
                raise
            raise DataError(f"{error}, or, where there is no log, --catalog alone") from error
    found = users or (None if folder is None else find_users_file(folder))
    if interactions is None and (said := said_of_log(reading, users=found is not None)):
        raise click.UsageError(f"{said} is about a log, and none is named; add --interactions")
    files = tuple(path for path in (catalog, interactions, found) if path is not None)
    return Inputs(
        catalog,
        interactions,
        with_kept_columns(reading, files),
        rejected_path,
        found,
        users is not None,
        save_columns,
        needs_log,
    )
