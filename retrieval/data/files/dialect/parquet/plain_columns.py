"""Parquet columns of any type as text, numbers, times and lists of these; bytes are left out."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_SAMPLE_ROWS = 100
_UUID_BYTES = 16
# Where the dashes of a spelt UUID stand, and the places of its digits between them.
_DASHES = (8, 13, 18, 23)
_DIGITS = [place for place in range(36) if place not in _DASHES]
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


def holds_bytes(kind: Any) -> bool:
    """Return whether values of a type are, or have in them, bytes that may be no text."""
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return not _is_uuid(kind) and holds_bytes(kind.storage_type)
    if types.is_dictionary(kind):
        return holds_bytes(kind.value_type)
    if types.is_nested(kind):
        return any(holds_bytes(kind.field(n).type) for n in range(kind.num_fields))
    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_fixed_size_binary(kind)
        or types.is_binary_view(kind)
    )


def is_readable(column: Any) -> bool:
    """Return whether a column that may hold bytes is text or UUIDs, by its first values."""
    if pa.types.is_nested(column.type):
        return False
    if pa.types.is_fixed_size_binary(column.type) and column.type.byte_width == _UUID_BYTES:
        return True
    values = column.slice(0, _SAMPLE_ROWS).drop_null()
    try:
        values.cast(pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def as_plain(column: Any) -> Any:
    """Return a column as text, numbers, times, truth values or lists of these.

    UUIDs are spelt with dashes, whether the file says that its 16 bytes are one or not, and
    records and maps become JSON. Bytes that `is_readable` stay raw.
    """
    kind = column.type
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        chunks = [chunk.storage for chunk in column.chunks]
        column, kind = pa.chunked_array(chunks, kind.storage_type), kind.storage_type
        return as_plain(column)
    if types.is_fixed_size_binary(kind):
        text = _is_text(column)
        if kind.byte_width == _UUID_BYTES and not text:
            return pa.chunked_array([_uuids(chunk) for chunk in column.chunks], pa.string())
        return column.cast(pa.binary())
    if types.is_binary_view(kind):
        return column.cast(pa.binary())
    if types.is_string_view(kind):
        return column.cast(pa.string())
    if types.is_struct(kind) or types.is_map(kind):
        texts = [None if v is None else _as_json(v) for v in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string())])
    return column


def _is_uuid(kind: Any) -> bool:
    return bool(kind.extension_name == "arrow.uuid")


def _is_text(column: Any) -> bool:
    try:
        text = column.slice(0, _SAMPLE_ROWS).cast(pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return all(value is None or value.isprintable() for value in text.to_pylist())


def _uuids(values: Any) -> Any:
    """Return 16 bytes each as a UUID is spelt, without a loop over them."""
    known = values.fill_null(bytes(_UUID_BYTES))
    raw = np.frombuffer(known.buffers()[1], np.uint8)
    start = known.offset * _UUID_BYTES
    raw = raw[start : start + len(known) * _UUID_BYTES].reshape(-1, _UUID_BYTES)
    spelt = np.full((len(raw), 36), ord("-"), np.uint8)
    spelt[:, _DIGITS] = np.stack([_HEX[raw >> 4], _HEX[raw & 15]], axis=2).reshape(len(raw), -1)
    buffers = [None, pa.py_buffer(spelt.tobytes())]
    text = pa.Array.from_buffers(pa.binary(36), len(raw), buffers).cast(pa.binary())
    return pc.if_else(values.is_null(), pa.scalar(None, pa.string()), text.cast(pa.string()))


def _as_json(value: Any) -> str:
    return json.dumps(
        dict(value) if isinstance(value, list) else value, ensure_ascii=False, default=str
    )
