"""How large the columns of a Parquet file become: a few kilobytes may hold a terabyte."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from longtail.index.errors import Field
from longtail.retrieval.data.files.dialect.inflating import MOST_GB, too_large
from longtail.retrieval.errors import DataError

# What repeats shrinks further in columns than in lines.
MOST_RATIO, _SMALL_BYTES = 1000, 256 << 20
_MOST_ROWS = 2**31 - 1
_VALUE_BYTES = 8
# Repeated texts that can't come to more than this need no second look.
_HARMLESS_BYTES = 1 << 30
_BATCH_ROWS = 1 << 16


def check_decoded_size(
    path: Path, columns: Collection[str], encoded: Collection[str], most_gb: float | None
) -> None:
    """Look at how much the columns hold, before they are read.

    Numbers are counted by the footer. A text that stands once in the file may stand in millions
    of rows, so columns for which that could matter are looked at, as codes. Those in ``encoded``
    stay codes and are as large as their pages.

    Raises:
        DataError: they hold more than they may, or more rows than can be told apart.
    """
    file = pyarrow.parquet.ParquetFile(path)
    meta = file.metadata
    if meta.num_rows > _MOST_ROWS:
        raise DataError(f"{path}: has {meta.num_rows:,} rows; at most {_MOST_ROWS:,} are read")
    stored, limit = path.stat().st_size, (most_gb or MOST_GB) * 1e9

    def check(size: int) -> None:
        if size > limit:
            raise too_large(path, most_gb)
        if most_gb is None and size > max(_SMALL_BYTES, MOST_RATIO * stored):
            raise DataError(
                f"{path}: holds more than {MOST_RATIO:,} times its size, as no catalog or log "
                "does; if this one does, say how large it may become: ",
                Field("max_inflated"),
                f" {MOST_GB:g} (GB)",
            )

    size, pages = 0, dict.fromkeys(columns, 0)
    for group in range(meta.num_row_groups):
        for place in range(meta.num_columns):
            chunk = meta.row_group(group).column(place)
            name = chunk.path_in_schema.partition(".")[0]
            if name in pages:
                size += max(chunk.num_values * _VALUE_BYTES, chunk.total_uncompressed_size)
                pages[name] = max(pages[name], chunk.total_uncompressed_size)
                check(size)
    texts = [
        name
        for name in columns
        if name not in encoded
        and _is_text(file.schema_arrow.field(name).type)
        and meta.num_rows * pages[name] > _HARMLESS_BYTES
    ]
    for name in texts:
        as_codes = pyarrow.parquet.ParquetFile(path, read_dictionary=[name])
        for batch in as_codes.iter_batches(_BATCH_ROWS, columns=[name]):
            size += _decoded_bytes(batch.column(0))
            check(size)


def _is_text(kind: Any) -> bool:
    types = pa.types
    return bool(types.is_string(kind) or types.is_binary(kind))


def _decoded_bytes(column: Any) -> int:
    if not pa.types.is_dictionary(column.type):
        return int(pc.sum(pc.binary_length(column)).as_py() or 0)
    lengths = pc.binary_length(column.dictionary)
    return int(pc.sum(lengths.cast(pa.int64()).take(column.indices)).as_py() or 0)
