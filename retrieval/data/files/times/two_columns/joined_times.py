"""A column of days and one of times of day, read as one column of times."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from longtail.retrieval.data.files.cells import as_text

# Between the two columns where somebody maps them: timestamp=date+time.
JOINT = "+"
_DIGITS_OF_DAY = (r"^(\d{4})(\d{2})(\d{2})$", r"\1-\2-\3")
# What spreadsheets and databases write behind a day that has no time of day.
_MIDNIGHT = r"[T ]0{1,2}:00(:00(\.0+)?)?(Z|\+00:00)?$"
# An hour, or hour and minute, or a second too, as digits alone; then hours of one digit.
_SPELT_CLOCKS = (
    (r"^(\d{1,2})$", r"\1:00"),
    (r"^(\d{1,2})(\d{2})$", r"\1:\2"),
    (r"^(\d{1,2})(\d{2})(\d{2})$", r"\1:\2:\3"),
    (r"^(\d):", r"0\1:"),
)
_CLOCK = r"^\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(\s?[AaPp]\.?[Mm]\.?)?$"
_BARE_CLOCK = r"^([01]?\d|2[0-3])([0-5]\d){0,2}$"
_DAY = r"^\d{4}[-/.]?\d{2}[-/.]?\d{2}$|^\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}$|\d年\d{1,2}月\d{1,2}日$"


def day_and_clock(name: str, present: Collection[str]) -> tuple[str, str] | None:
    """Return the two columns that a mapping names, None where it names a single one.

    >>> day_and_clock("date+time", ["date", "time"]), day_and_clock("a+b", ["a+b"])
    (('date', 'time'), None)
    """
    day, joint, clock = (part.strip() for part in name.partition(JOINT))
    return (day, clock) if joint and name not in present and {day, clock} <= {*present} else None


def joined(days: Any, clocks: Any) -> Any:
    """Return cells of days and of times of day, Arrow columns [n], as one column of text.

    >>> joined(pa.chunked_array([[20240131, 20240201]]), pa.chunked_array([[1307, 9]])).to_pylist()
    ['2024-01-31 13:07', '2024-02-01 09:00']
    """
    day = pc.replace_substring_regex(_trimmed(days), _MIDNIGHT, "")
    day = pc.replace_substring_regex(day, *_DIGITS_OF_DAY)
    clock = _trimmed(clocks)
    for spelt, plain in _SPELT_CLOCKS:
        clock = pc.replace_substring_regex(clock, spelt, plain)
    # Without a day there is no time.
    both = pc.if_else(pc.equal(day, ""), "", pc.binary_join_element_wise(day, clock, " "))
    return pa.chunked_array([pc.utf8_trim_whitespace(both)])


def are_clear(first: Mapping[str, Any], names: Collection[str]) -> tuple[str, str] | None:
    """Return which of two columns holds days alone and which times of day, None where it isn't so.

    ``first`` are the first cells of the columns of a file.
    """
    day = [name for name in names if holds_days(first[name])]
    clock = [name for name in names if _all_match(first[name], _CLOCK)]
    return (day[0], clock[0]) if len(names) == 2 and len(day) == len(clock) == 1 else None


def holds_clocks(cells: Any) -> bool:
    """Return whether all cells that aren't empty are times of day, in digits alone too."""
    return _all_match(cells, f"{_CLOCK}|{_BARE_CLOCK}")


def holds_days(cells: Any) -> bool:
    """Return whether all cells that aren't empty are days without a time of day."""
    return _all_match(cells, _DAY, _MIDNIGHT)


def _all_match(cells: Any, pattern: str, without: str = "^$") -> bool:
    if pa.types.is_nested(cells.type):
        return False
    text = _trimmed(cells)
    filled = pc.replace_substring_regex(text.filter(pc.not_equal(text, "")), without, "")
    return len(filled) > 0 and bool(pc.all(pc.match_substring_regex(filled, pattern)).as_py())


def _trimmed(cells: Any) -> Any:
    return pc.utf8_trim_whitespace(as_text(cells).text)
