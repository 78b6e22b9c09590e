"""Dates as people write them: 31.01.2024, 1/31/24 1:07 PM, 31 Jan 2024, 2024年1月31日 13時07分."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from longtail.retrieval.data.files.times.day_order import Order, chosen_order
from longtail.retrieval.data.files.times.numbers import calendar_seconds

_MONTHS = (
    # English, German, French, Spanish, Italian, Portuguese.
    "(?:J[AÄ]N|GEN|ENE)",
    "F(?:EB|[EÉ]V)",
    "M(?:AR|ÄR|RZ)",
    "A[PBV]R",
    "MA[YIG]",
    "(?:JUI?N|GIU)",
    "(?:JUI?L|LUG)",
    "A(?:UG|GO|O[UÛ])",
    "SE[PT]",
    "O(?:[CK]T|TT|UT)",
    "NOV",
    "D(?:E[CZ]|ÉC|IC)",
)
# Each in its turn, on upper case with full-width characters made plain.
_PLAIN: tuple[tuple[str, str], ...] = (
    (r"\([月火水木金土日一二三四五六월화수목금토일]\)|(?:星期|周)[一二三四五六日天]", " "),
    (r"\s*[年년]\s*|\s*[月월]\s*", "-"),
    (r"\s*[日일]", " "),
    (r"\s*[時时點点시]\s*$", ":00"),
    (r"\s*[時时點点시]\s*", ":"),
    (r"\s*[分분]\s*$|\s*[秒초]", ""),
    (r"\s*[分분]\s*", ":"),
    (r"上午|午前|오전|A\.\s?M\.", "AM"),
    (r"下午|午後|오후|P\.\s?M\.", "PM"),
    # The half of the day stands before the hour in some languages.
    (r"([AP]M)\s*(\d{1,2}(?::\d\d){1,2})", r"\2 \1"),
    (r"\s*UHR\b", ""),
    # "3 de enero de 2024", "1er janvier 2024 à 14h05", "[21/Jan/2024:13:00:00 +0100]".
    (r"^\[(.*)\]$", r"\1"),
    (r"^(\d{1,2})ER\b", r"\1"),
    (r"\s+DE\s+", " "),
    (r"\s+(?:UM|À|ALLE|A LAS|ÀS)\s+", " "),
    (r"\b(\d{1,2})\s?H\s?(\d\d)$", r"\1:\2"),
    (r"^(\d{4})(\d\d)(\d\d)[_-](\d\d):?(\d\d):?(\d\d)$", r"\1-\2-\3 \4:\5:\6"),
    (r"^(?:MON|TUE|WED|THU|FRI|SAT|SUN|MO|DI|MI|DO|FR|SA|SO)[A-Z]*\.?,?\s+", ""),
    # The year behind the clock, as `ctime` writes it.
    (r"^([A-Z]{3} +\d{1,2}) (\d\d:\d\d:\d\d) (?:([A-Z]{3,4}|[+-]\d{4}) )?(\d{4})$", r"\1 \4 \2 \3"),
    # Month and day without a sign between them: the comma is an American one.
    (r"^(\d{1,2}) (\d{1,2}), ?(\d{4})", r"\3-\1-\2"),
    (r"^(\d{1,2})(\d{2})((?:19|20)\d{2})$", r"\1-\2-\3"),
    (r"^(\d{4})\. ?(\d{1,2})\. ?(\d{1,2})\.?", r"\1-\2-\3"),
)
_DATE = (
    r"^\s*(?P<a>\d{1,4})(?P<sign>[-/.])\s?(?P<b>\d{1,2})[-/.]\s?(?P<c>\d{1,4})"
    r"(?:[T,:\s]+(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2})"
    r"(?:[.,](?P<fraction>\d{1,9}))?)?\s*(?P<half>[AaPp][Mm])?\s*"
    r"(?:Z|UTC|GMT)?(?P<zone>[+-]\d{2}:?\d{2}|[+-]\d{2})?(?:\s*\([^)]*\))?)?\s*$"
)


def read_written_dates(
    text: Any, *, order: Order | None, now: float, named: str
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return microseconds since 1970 of cells, and which of them are such dates.

    ``text`` is an Arrow string array [n]. Whether the day or the month comes first is told by
    all of its cells, unless ``order`` says it (`chosen_order`). Without a zone it is UTC.

    Raises:
        DataError: every cell has two readings, or some have the day first and some the month.
    """
    parts = pc.extract_regex(text, _DATE)
    if parts.null_count:
        others = np.flatnonzero(np.asarray(pc.is_null(parts), bool))
        plain = pc.extract_regex(_plainly(text.take(pa.array(others))), _DATE)
        source = np.arange(len(text))
        source[others] = len(text) + np.arange(len(others))
        parts = pa.concat_arrays([parts, plain]).take(pa.array(source))
    found = np.asarray(pc.is_valid(parts), bool)
    micros, read = np.zeros(len(text), np.int64), np.zeros(len(text), bool)
    if not found.any():
        return micros, read
    at = np.flatnonzero(found)
    parts, cells = parts.take(pa.array(at)), text.take(pa.array(at))
    field = {name: pc.struct_field(parts, name) for name in ("sign", "half", "zone", "fraction")}
    a, b, c = (_whole(pc.struct_field(parts, name)) for name in "abc")
    lengths = [
        np.asarray(pc.utf8_length(pc.struct_field(parts, name))).astype(np.int64) for name in "ac"
    ]
    year, month, day = _dated((a, b, c), lengths, field["sign"], cells, order, now, named)
    hour, minute, second = (
        _whole(pc.struct_field(parts, name)) for name in ("hour", "minute", "second")
    )
    half = pc.utf8_upper(field["half"])
    halved, afternoon = (
        np.asarray(mask, bool) for mask in (pc.not_equal(half, ""), pc.equal(half, "PM"))
    )
    valid = ~halved | ((hour >= 1) & (hour <= 12))
    hour = np.where(halved, hour % 12 + 12 * afternoon, hour)
    digits = year * 10_000 + month * 100 + day
    # A part out of its range must not run over into the next one.
    valid &= (month <= 12) & (day <= 31) & (hour <= 23) & (minute <= 59) & (second <= 60)
    clock = np.clip(hour, 0, 23) * 10_000 + np.clip(minute, 0, 59) * 100 + np.clip(second, 0, 60)
    seconds, is_date = calendar_seconds(np.where(valid, digits * 10**6 + clock, 0))
    valid &= is_date
    fraction = _whole(pc.utf8_slice_codeunits(pc.utf8_rpad(field["fraction"], 6, "0"), 0, 6))
    whole = (seconds - _offset(field["zone"])) * 10**6 + fraction
    micros[at], read[at] = np.where(valid, whole, 0), valid
    return micros, read


def _plainly(text: Any) -> Any:
    """Return cells with every sign of a date spelt in one way: ``31-01-2024 01:07 PM``."""
    text = pc.utf8_upper(pc.utf8_trim_whitespace(pc.utf8_normalize(text, "NFKC")))
    for pattern, plain in _PLAIN:
        text = pc.replace_substring_regex(text, pattern, plain)
    if pc.any(pc.match_substring_regex(text, "[A-Z]{3}")).as_py():
        for number, name in enumerate(_MONTHS, 1):
            first = rf"^(\d{{1,2}})[\s.\-/]+{name}[A-ZÀ-Þ]*\.?[\s.,\-/]+"
            text = pc.replace_substring_regex(text, rf"{first}(\d{{4}})", rf"\2-{number:02}-\1")
            text = pc.replace_substring_regex(text, rf"{first}(\d{{2}})\b", rf"20\2-{number:02}-\1")
            text = pc.replace_substring_regex(
                text,
                rf"^{name}[A-ZÀ-Þ]*\.?\s+(\d{{1,2}})(?:ST|ND|RD|TH)?,?\s+(\d{{4}})",
                rf"\2-{number:02}-\1",
            )
    return pc.utf8_trim_whitespace(text)


def _dated(
    parts: tuple[NDArray[np.int64], ...],
    lengths: list[NDArray[np.int64]],
    sign: Any,
    cells: Any,
    order: Order | None,
    now: float,
    named: str,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return year, month and day of each cell; what stands in four digits is the year."""
    dated = [part.copy() for part in parts]
    year_last, short = (lengths[0] <= 2) & (lengths[1] == 4), (lengths[0] <= 2) & (lengths[1] <= 2)
    dots = np.asarray(pc.equal(sign, "."), bool)
    for group in (year_last & dots, year_last & ~dots, short & dots, short & ~dots):
        at = np.flatnonzero(group)
        if not len(at):
            continue
        three = tuple(part[at] for part in parts)
        examples = cells.take(pa.array(at))
        found = order or chosen_order(three, examples, dots=bool(dots[at[0]]), now=now, named=named)
        for place, part in enumerate(found.dated(three, now)):
            dated[place][at] = part
    return dated[0], dated[1], dated[2]


def _whole(text: Any) -> NDArray[np.int64]:
    filled = pc.if_else(pc.equal(text, ""), "0", text)
    return np.asarray(filled.cast(pa.int64()))


def _offset(zone: Any) -> NDArray[np.int64]:
    """Return seconds east of Greenwich of ``+01:00``, ``-0530``, ``+01`` or nothing."""
    digits = pc.replace_substring_regex(zone, r"[+:\-]", "")
    clock = _whole(pc.utf8_rpad(digits, 4, "0"))
    east = clock // 100 * 3600 + clock % 100 * 60
    return np.where(np.asarray(pc.starts_with(zone, "-"), bool), -east, east)
