"""What the first lines of a delimited file tell: its delimiter, and whether they name columns."""

from __future__ import annotations

import re
from collections.abc import Sequence

from longtail.retrieval.data.files.dialect.records import split_record

DELIMITERS = (b",", b";", b"\t", b"|", b"::")
# Written without quoting wherever it is seen.
UNQUOTED = b"::"
_VALUE = re.compile(
    r"[-+]?\d[\d\s]*([.,]\d+)?([eE][-+]?\d+)?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?"
)


def sniff_delimiter(lines: Sequence[bytes], usual: bytes) -> bytes:
    r"""Return what stands between the cells of these lines; ``usual`` where nothing tells.

    It is what stands in the first line and as often in the others; of several such, what makes
    the most cells.

    >>> sniff_delimiter([b"id;name;price", b"1;cup, blue;1,90", b"2;pot;2,90"], b",")
    b';'
    >>> sniff_delimiter([b"1::cup|pot::x|y", b"2::tin::z"], b",")
    b'::'
    """
    best, best_rank = usual, (0.0, 0, False)
    for delimiter in dict.fromkeys((usual, *DELIMITERS)):
        widths = [len(cells_of(line, delimiter)) for line in lines]
        if not widths or widths[0] < 2:
            continue
        alike = sum(width == widths[0] for width in widths) / len(widths)
        rank = (round(alike, 1), widths[0], delimiter == usual)
        if rank > best_rank:
            best, best_rank = delimiter, rank
    return best


def cells_of(line: bytes, delimiter: bytes) -> list[bytes]:
    """Return the cells of a line, its quotes taken as text where they don't pair."""
    cells = None if delimiter == UNQUOTED else split_record(line, delimiter)
    return line.split(delimiter) if cells is None else cells


def is_value(cell: str) -> bool:
    """Return whether a cell holds a number or a date, which no column is called by.

    >>> [is_value(cell) for cell in ("1193", "4,5", "2000-12-31", "2,5 stars", "item 1")]
    [True, True, True, False, False]
    """
    return _VALUE.fullmatch(cell.strip()) is not None
