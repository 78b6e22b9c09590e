"""One look at inputs: what can be read of them, what can't, and what looks suspicious."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from longtail.console.coverage_note import note_unknown_tokens
from longtail.console.data_tables import meanings_table, users_lines, validation_table
from longtail.console.files_read.columns_read import (
    ColumnRead,
    columns_read,
    columns_table,
    text_lines,
)
from longtail.console.remarks import Say
from longtail.files.input_files import InputData, Inputs
from longtail.files.suspects_file import SuspectsFile, first_lines, summary
from longtail.retrieval.data.clock.future_filter import future_filter
from longtail.retrieval.data.suspects.finding import Finding
from longtail.retrieval.data.suspects.validation import suspects_of


@dataclass(frozen=True)
class Validated:
    """What was found.

    Attributes:
        kept: how many rows of each file can be used.
        columns: which column was read as what.
        suspects: items that look made to game the engine; they are on disk by now, too.
        screen: all of it, as tables and lines for a person.
    """

    kept: Sequence[tuple[Path, int]]
    columns: Sequence[ColumnRead]
    suspects: Sequence[Finding]
    screen: Sequence[Table | str]


def validated(
    inputs: Inputs, data: InputData, *, encoder: str, suspects_path: Path | None, say: Say
) -> Validated:
    """Return what there is to say of inputs that were read; ``say`` takes remarks beside it.

    ``encoder`` is whose tokens are counted; suspects are written to ``suspects_path``, without one
    to suspects.csv beside the rows that were set aside.

    Raises:
        DataError: the file of suspects can't be written.
    """
    catalog, log, rejected = data.catalog, data.log, data.rejected
    kept = [(inputs.catalog, len(catalog))]
    if inputs.interactions is not None:
        kept.append((inputs.interactions, len(log)))
    if inputs.users is not None and data.users is not None:
        kept.append((inputs.users, len(data.users)))
    columns = columns_read(inputs, data)
    screen: list[Table | str] = [validation_table(kept, rejected), columns_table(columns)]
    if rejected.meanings:
        screen.append(meanings_table(rejected.meanings))
    if data.users is not None:
        screen += users_lines(data.users, log)
    screen += [f"text template: {catalog.template}", *text_lines(catalog)]
    screen.append(f"{len(catalog):,} items, {len(log.user_ids):,} users, {len(log):,} interactions")
    coverage, _ = note_unknown_tokens(encoder, catalog, say)
    if coverage is not None:
        screen.append(f"unknown tokens: {coverage.line()} by the tokeniser of {encoder}")
    if len(log):
        screen.append(f"future filter: {future_filter(log, len(catalog)).reason}")
    file = SuspectsFile.beside(inputs.rejected_path, suspects_path, quarantine=False)
    suspects = suspects_of(catalog, log)
    file.write(suspects)
    screen.append(f"suspects: {summary(suspects, file.path) if suspects else 'none'}")
    screen += first_lines(suspects)
    return Validated(kept, columns, suspects, screen)
