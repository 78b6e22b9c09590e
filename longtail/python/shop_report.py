"""What `longtail data validate` says of a shop, for a notebook."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path

import pandas as pd

from longtail.files.input_files import InputData, Inputs
from longtail.jobs.runs.validation import validated
from longtail.python.frames.frame_files import FrameFiles
from longtail.python.showing.screens import Screen, parts_of, table_html
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.towers.text.weights import DEFAULT_ENCODER

_SHOWN_ROWS = 10
_REJECTED_COLUMNS = ("file", "row", "column", "reason", "value")


@dataclass(frozen=True, repr=False)
class ShopReport:
    """What was found in a shop's frames or files.

    Attributes:
        rows: a line a file: file, kept, set_aside.
        columns: which column was read as what: file, role, column, holds.
        rejected: the rows that were set aside: file, row, column, reason, value.
        suspects: items that look made to game the engine: item_id, reason, detail.
        notes: remarks, a line each.
        screen: all of it as the command prints it; ``print(report)`` shows it.
    """

    rows: pd.DataFrame
    columns: pd.DataFrame
    rejected: pd.DataFrame
    suspects: pd.DataFrame
    notes: list[str]
    screen: Screen

    def __str__(self) -> str:
        return str(self.screen)

    def __repr__(self) -> str:
        # At a prompt it is to be read; five frames in a row can't be.
        return str(self.screen)

    def _repr_html_(self) -> str:
        parts = [table_html(self.rows, "Rows")]
        if len(self.rejected):
            counts = self.rejected.groupby(["file", "reason"], sort=False).size()
            parts.append(table_html(counts.rename("rows").reset_index(), "Set aside"))
            parts.append(table_html(self.rejected.head(_SHOWN_ROWS), "The first of them"))
        parts.append(table_html(self.columns, "Columns"))
        if len(self.suspects):
            parts.append(table_html(self.suspects.head(_SHOWN_ROWS), "Suspects"))
        parts += [f"<div>{escape(note)}</div>" for note in self.notes]
        return "\n".join(parts)


def shop_report(inputs: Inputs, data: InputData, files: FrameFiles) -> ShopReport:
    """Return the report on inputs that were read.

    Raises:
        DataError: the file of suspects can't be written.
    """
    notes = [files.spelled(f"note: {note}") for note in data.rejected.notes]
    found = validated(
        inputs,
        data,
        encoder=DEFAULT_ENCODER,
        suspects_path=files.suspects_path,
        say=lambda line: notes.append(files.spelled(line)),
    )
    rows = [
        {
            "file": files.spelled(path.name),
            "kept": kept,
            "set_aside": data.rejected.count(path),
        }
        for path, kept in found.kept
    ]
    columns = pd.DataFrame(
        [asdict(one) for one in found.columns], columns=["file", "role", "column", "holds"]
    )
    return ShopReport(
        pd.DataFrame(rows),
        columns.assign(file=columns["file"].map(files.spelled)),
        rejected_frame(data.rejected, files),
        pd.DataFrame(
            [(f.item_id, f.reason, f.detail) for f in found.suspects],
            columns=["item_id", "reason", "detail"],
        ),
        notes,
        parts_of(found.screen, files.spelled),
    )


def rejected_frame(rejected: RejectedRows, files: FrameFiles) -> pd.DataFrame:
    """Return the rows that were set aside, with the frames' names for their files."""
    if not len(rejected):
        return pd.DataFrame(columns=list(_REJECTED_COLUMNS))
    path = files.folder / "set-aside.csv"
    rejected.write(path)
    return rejected_of(path, files)


def rejected_of(path: Path, files: FrameFiles) -> pd.DataFrame:
    """Return a file of rows that were set aside as a frame; without the file there were none."""
    if not path.exists():
        return pd.DataFrame(columns=list(_REJECTED_COLUMNS))
    texts = dict.fromkeys((name for name in _REJECTED_COLUMNS if name != "row"), str)
    # An empty cell is a value that was set aside for being empty.
    frame = pd.read_csv(path, dtype=texts, keep_default_na=False, na_values={"row": [""]})
    return frame.assign(file=frame["file"].map(files.spelled))
