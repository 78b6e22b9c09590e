"""A log with the part of each event in a column, which every command then takes as given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from longtail.index.files import write_file_atomically
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.interactions import PARTS
from longtail.retrieval.data.meaning.behaviours import MEANINGS
from longtail.retrieval.data.splits import Split
from longtail.retrieval.errors import DataError


def write_split(parts: Split, catalog: Catalog, out: Path) -> None:
    """Write the log as a Parquet file in our own columns, those of the split among them.

    Raises:
        DataError: the file can't be written.
    """
    log = parts.interactions
    columns = {
        "user_id": _coded(log.user, log.user_ids),
        "item_id": _coded(log.item, catalog.item_ids),
        "timestamp": pa.array(log.time),
    }
    if log.weight is not None:
        columns["weight"] = pa.array(log.weight)
    if log.label is not None:
        # By name, which says more than a label of 0 and 1.
        columns["event"] = _coded(log.label.astype(np.int32), np.array(MEANINGS, dtype=object))
    columns["split"] = _coded(parts.part.astype(np.int32), np.array(PARTS, dtype=object))
    try:
        with write_file_atomically(out) as temporary:
            pyarrow.parquet.write_table(pa.table(columns), temporary)
    except OSError as error:
        raise DataError(f"can't write {out}: {error.strerror or error}") from error


def _coded(codes: Any, ids: Any) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(ids.tolist(), pa.string()))
