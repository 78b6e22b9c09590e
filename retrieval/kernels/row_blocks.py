"""A matrix in parts: what is worked on at once, so that the whole never has a copy."""

from __future__ import annotations

# Beside the matrix itself, only this many of its rows are in memory.
ROWS_AT_ONCE = 2_048


def row_blocks(size: int, rows_at_once: int = ROWS_AT_ONCE) -> list[slice]:
    """Return the slices that together are all rows.

    >>> row_blocks(5, 2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return [slice(start, min(start + rows_at_once, size)) for start in range(0, size, rows_at_once)]
