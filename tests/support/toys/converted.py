"""Made-up files of a public layout, converted and read again, for tests."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow.parquet

from longtail.layouts.convert import Converted, convert
from longtail.layouts.recognised import layouts_of
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.interactions import Interactions


@dataclass(frozen=True)
class Tables:
    """What a conversion wrote, as the files have it and as our readers see it.

    Attributes:
        events: the log as tuples in the order of its columns, times as "2024-01-31 10:00:00".
        items: the catalog's columns by item_id.
    """

    items: dict[str, dict[str, object]]
    events: list[tuple[object, ...]]
    columns: list[str]
    users: dict[str, dict[str, object]]
    catalog: Catalog
    log: Interactions
    result: Converted


def write_files(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files to a folder, those named ``.gz`` compressed."""
    for name, content in files.items():
        raw = content if isinstance(content, bytes) else content.encode()
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return folder


def json_lines(*records: object, python: bool = False) -> str:
    """Return objects one a line, as JSON or as Python writes them."""
    return "".join(f"{record!r}\n" if python else f"{json.dumps(record)}\n" for record in records)


def converted(layout: str, folder: Path, files: Mapping[str, str | bytes]) -> Tables:
    """Convert made-up files, and read what was written: nothing of it is set aside."""
    given, out = write_files(folder / "files", files), folder / "converted"
    assert layout in layouts_of(given)
    result = convert(layout, [given], out)
    rejected = RejectedRows()
    catalog = read_catalog(out / "items.parquet", rejected=rejected)
    log = read_interactions(out / "interactions.parquet", catalog, rejected=rejected)
    assert len(rejected) == 0, rejected.counts()
    events = frame_of(out / "interactions.parquet")
    return Tables(
        records_of(out / "items.parquet", "item_id"),
        list(events.itertuples(index=False, name=None)),
        list(events.columns),
        records_of(out / "users.parquet", "user_id") if "users" in result.rows else {},
        catalog,
        log,
        result,
    )


def frame_of(path: Path) -> pd.DataFrame:
    """Return a Parquet file with its times as text."""
    frame = pyarrow.parquet.read_table(path).to_pandas()
    if "timestamp" in frame and not pd.api.types.is_numeric_dtype(frame["timestamp"]):
        frame["timestamp"] = frame["timestamp"].dt.strftime("%Y-%m-%d %H:%M:%S")
    return frame


def records_of(path: Path, key: str) -> dict[str, dict[str, object]]:
    """Return a Parquet file's rows without their empty cells, by the column ``key``."""
    rows = pyarrow.parquet.read_table(path).to_pylist()
    return {
        row[key]: {n: v for n, v in row.items() if n != key and v not in (None, "")} for row in rows
    }
