"""Quotes that a lenient parser reads over: text after a closing one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.files.dialect.records import split_record

_QUOTE, _RETURN, _LINE = b'"\r\n'
# Blocks with more doubtful quotes than this go to the reader that looks at every line.
_MOST_DOUBTS = 1000


def are_well_quoted(lines: bytes, delimiter: bytes) -> bool:
    r"""Return whether every line's quotes are in order; ``lines`` ends with a line.

    No loop over the lines: only those with a quote between two characters of text are looked at.

    >>> are_well_quoted(b'a,"b, ""c\"""\n3" pipe,d\n', b","), are_well_quoted(b'"a"b,c\n', b",")
    (True, False)
    """
    if b'"' not in lines:
        return True
    padded = np.frombuffer(b"\n" + lines + b"\n\n", np.uint8)
    if _pair_up(padded, delimiter[0]):
        return True
    is_end = np.zeros(256, bool)
    is_end[[delimiter[0], _RETURN, _LINE]] = True
    at = np.flatnonzero(padded == _QUOTE)
    # Quotes side by side are one run.
    starts = np.flatnonzero(np.diff(at, prepend=-2) != 1)
    first, last = at[starts], at[np.append(starts[1:], len(at)) - 1]
    odd = (last - first) % 2 == 0
    line_starts = np.flatnonzero(padded == _LINE)
    quotes_before = np.searchsorted(at, line_starts)  # in all lines before each
    before = starts - quotes_before[np.searchsorted(line_starts, first) - 1]
    in_cell = before % 2 == 1  # until a stray quote in the line
    opens = is_end[padded[first - 1]] & ~in_cell
    text_follows = ~is_end[padded[last + 1]]
    # An opening quote and pairs after it are fine, and so are pairs amid the text of a cell.
    stray = odd & ~opens & ~in_cell
    doubtful = last[text_follows & np.where(opens, ~odd, odd) | stray]
    if len(doubtful) > _MOST_DOUBTS:
        return False
    for place in (doubtful - 1).tolist():
        start, end = lines.rfind(b"\n", 0, place) + 1, lines.find(b"\n", place)
        line = lines[start : end if end >= 0 else len(lines)].rstrip(b"\r")
        if split_record(line, delimiter) is None:
            return False
    return True


def _pair_up(padded: NDArray[np.uint8], delimiter: int) -> bool:
    """Return whether quotes come in turn: one after a cell's end, the next one before one.

    A few passes over the bytes settle what most writers make, ten times as fast as runs of quotes.
    """
    quote = padded == _QUOTE
    end = (padded == delimiter) | (padded == _LINE) | (padded == _RETURN)
    opens = quote[1:-1] & end[:-2]
    closes = quote[1:-1] & end[2:]
    if not np.array_equal(opens ^ closes, quote[1:-1]):
        return False
    in_turn = opens[quote[1:-1]]
    return len(in_turn) % 2 == 0 and bool(in_turn[::2].all()) and not in_turn[1::2].any()
