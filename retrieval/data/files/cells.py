"""Cells as text: decoding raw bytes, spelling numbers and lists, coding ids as integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

NOT_UTF8, NUL = "not UTF-8", "NUL byte"


@dataclass(frozen=True)
class TextColumn:
    """A column of text, and which of its cells can't be used.

    Attributes:
        text: Arrow string array [n], nothing null; a bad cell shows its bytes as ``\\xe9``.
        bad: reason to a mask of the cells it holds for, bool [n]; reasons without cells are
            left out.
    """

    text: Any
    bad: dict[str, NDArray[np.bool_]]


def as_text(column: Any) -> TextColumn:
    """Return any Arrow column as text.

    Whole numbers are spelt without a decimal point, whatever their type; lists of any depth are
    joined by ", "; a null is empty.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return _decode(column)
    if pa.types.is_floating(kind):
        text = _spell_numbers(column)
    elif pa.types.is_decimal(kind):
        text = _spell_decimals(column)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind):
        text = _join_lists(column)
    elif pa.types.is_null(kind) or pa.types.is_nested(kind):
        text = pa.array(["" if v is None else str(v) for v in column.to_pylist()], pa.string())
    else:
        text = column.cast(pa.string())
    text = pc.fill_null(text, "")
    nul = np.asarray(pc.match_substring(text, "\x00"), bool)
    return TextColumn(text, {NUL: nul} if nul.any() else {})


def _decode(cells: Any) -> TextColumn:
    cells = pc.fill_null(cells, b"")
    bad: dict[str, NDArray[np.bool_]] = {}
    try:
        text = cells.cast(pa.string())
    except pa.ArrowInvalid:
        # The bytes looked at as text without a check, only to find the few cells worth a look.
        unchecked = pa.Array.from_buffers(pa.string(), len(cells), cells.buffers(), 0, cells.offset)
        broken = np.zeros(len(cells), bool)
        spelt = {}
        for at in np.flatnonzero(~np.asarray(pc.string_is_ascii(unchecked), bool)).tolist():
            raw = cells[at].as_py()
            try:
                raw.decode()
            except UnicodeDecodeError:
                broken[at] = True
                spelt[at] = raw.decode(errors="backslashreplace")
        blank = pc.if_else(pa.array(broken), pa.scalar(b""), cells)
        text = blank.cast(pa.string())
        bad[NOT_UTF8] = broken
        text = pc.replace_with_mask(
            text, pa.array(broken), pa.array([spelt[i] for i in sorted(spelt)], pa.string())
        )
    nul = np.asarray(pc.match_substring(text, "\x00"), bool)
    if nul.any():
        bad[NUL] = nul
    return TextColumn(text, bad)


def _spell_numbers(column: Any) -> Any:
    values = column.to_numpy(zero_copy_only=False).astype(np.float64)
    whole = np.isfinite(values) & (np.abs(values) < 2**63) & (values == np.floor(values))
    integers = pa.array(np.where(whole, values, 0).astype(np.int64)).cast(pa.string())
    spelt = pc.if_else(pa.array(whole), integers, pa.array(values).cast(pa.string()))
    return pc.if_else(pa.array(np.isnan(values)), "", spelt)


def _spell_decimals(column: Any) -> Any:
    """Return decimals with all their digits and no zeros behind the last that counts."""
    text = column.cast(pa.string())
    if pc.any(pc.match_substring(text, "E")).as_py():
        values = column.to_pylist()
        text = pa.array([None if v is None else f"{v:f}" for v in values], pa.string())
    text = pc.replace_substring_regex(text, r"(\.\d*?)0+$", r"\1")
    return pc.replace_substring_regex(text, r"\.$", "")


def whole_numbers_plain(text: Any) -> Any:
    """Return ids without ``.0`` where all of them are whole numbers that end so.

    That is what a data frame makes of whole numbers beside a gap. Blank ids stay as they are.
    """
    spelt = pc.or_(pc.match_substring_regex(text, r"^-?\d+\.0+$"), pc.equal(text, ""))
    if not pc.all(spelt).as_py():
        return text
    return pc.replace_substring_regex(text, r"\.0+$", "")


def _join_lists(column: Any) -> Any:
    def flat(value: Any) -> list[str]:
        if isinstance(value, list):
            return [part for element in value for part in flat(element)]
        return [] if value is None or value == "" else [str(value)]

    return pa.array([", ".join(flat(value)) for value in column.to_pylist()], pa.string())


@dataclass(frozen=True)
class CodedIds:
    """A column of ids as small integers.

    Attributes:
        code: position in `ids`, int32 [n].
        ids: the distinct ids, blanks around them taken off, Arrow string array [k]; may hold "".
        bad: reason to a mask over `ids`, bool [k].
    """

    code: NDArray[np.int32]
    ids: Any
    bad: dict[str, NDArray[np.bool_]]


def code_ids(column: Any) -> CodedIds:
    """Return the ids of a column as integers, in order of first appearance."""
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    else:
        column = column.dictionary_encode()
    values = column.chunk(0).dictionary if column.num_chunks else pa.array([], pa.string())
    codes = [
        np.asarray(pc.fill_null(chunk.indices.cast(pa.int32()), len(values)))
        for chunk in column.chunks
    ]
    code = np.concatenate(codes) if codes else np.empty(0, np.int32)
    distinct = as_text(pa.chunked_array([values]))
    # One more for null, then the same id with and without blanks around it becomes one.
    texts = pa.concat_arrays([distinct.text.cast(pa.string()), pa.array([""])])
    trimmed = whole_numbers_plain(pc.utf8_trim_whitespace(texts)).dictionary_encode()
    merged = trimmed.indices.to_numpy(zero_copy_only=False)
    bad = {}
    for reason, mask in distinct.bad.items():
        over_ids = np.zeros(len(trimmed.dictionary), bool)
        over_ids[merged[:-1][mask]] = True
        bad[reason] = over_ids
    return CodedIds(merged[code].astype(np.int32), trimmed.dictionary, bad)
