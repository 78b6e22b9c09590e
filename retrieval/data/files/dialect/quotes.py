"""Quotes that a lenient parser reads over: text after a closing one."""

from __future__ import annotations

import numpy as np

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
    is_end = np.zeros(256, bool)
    is_end[[delimiter[0], _RETURN, _LINE]] = True
    at = np.flatnonzero(padded == _QUOTE)
    after = padded[at + 1]
    # Quotes side by side are one run; text follows the last of a run.
    ends = ~is_end[after] & (after != _QUOTE)
    if not ends.any():
        return True
    starts = np.flatnonzero(np.diff(at, prepend=-2) != 1)
    first = at[starts[np.searchsorted(starts, np.flatnonzero(ends), side="right") - 1]]
    last = at[ends]
    length = last - first + 1
    opens = is_end[padded[first - 1]]
    # An opening quote and pairs after it are fine, and so are pairs amid the text of a cell.
    doubtful = last[np.where(opens, length % 2 == 0, length % 2 == 1)]
    if len(doubtful) > _MOST_DOUBTS:
        return False
    for place in (doubtful - 1).tolist():
        start, end = lines.rfind(b"\n", 0, place) + 1, lines.find(b"\n", place)
        line = lines[start : end if end >= 0 else len(lines)].rstrip(b"\r")
        if split_record(line, delimiter) is None:
            return False
    return True
