"""How a search with a filter is made, by how much the filter lets through."""

from __future__ import annotations

from typing import Literal

# Fewer queries read the allowed vectors where they lie: copying them costs as much as two such
# readings, and 16 queries over a copy as much as 5.
GATHER_FROM_QUERIES = 8
GATHER_BYTES = 256 * 2**20

# Microseconds of one core, measured at 200,000 vectors of 384 dimensions.
READ_IN_PLACE = 0.20  # a vector, wherever it lies
COPY = 0.30  # a vector
MULTIPLY = 0.0086  # a query and a vector, in a matrix product
SCAN_CODE = 0.0045  # a query and a code of an inverted list, with a selector
SCAN_CODE_ALONE = 0.011  # the same where queries don't share the scan
CALL_ANN = 300.0  # a search, whatever it asks
ASK_ANN = 60.0  # a query: its lists, its tables, its candidates' scores
MEASURED_DIM = 385

FilterPlan = Literal["in place", "copy", "selector"]


def plan_filter(
    n_queries: int, n_allowed: int, n_items: int, dim: int, *, scanned: float | None
) -> FilterPlan:
    """Return how to search the ``n_allowed`` of ``n_items`` that a filter lets through.

    ``in place`` and ``copy`` are exact: they read the allowed vectors where they lie, or a copy
    of them that all queries share. ``selector`` asks the segment's structure, which scans codes,
    further the less is allowed. ``scanned`` is the share of the items that the structure looks
    through without a filter, None where there is none to ask.

    >>> plan_filter(1, 9_000, 1_000_000, 385, scanned=0.016)
    'in place'
    >>> plan_filter(64, 9_000, 1_000_000, 385, scanned=0.016)
    'copy'
    >>> plan_filter(1, 100_000, 1_000_000, 385, scanned=0.016)
    'selector'
    >>> plan_filter(64, 500_000, 1_000_000, 385, scanned=None)
    'in place'
    """
    exact: FilterPlan = "copy"
    if n_queries < GATHER_FROM_QUERIES or n_allowed * dim * 4 > GATHER_BYTES:
        exact = "in place"
    if scanned is None or not n_allowed:
        return exact
    in_place = n_queries * READ_IN_PLACE
    copied = COPY + n_queries * MULTIPLY
    vector = in_place if n_queries < GATHER_FROM_QUERIES else copied
    exact_us = n_allowed * vector * dim / MEASURED_DIM
    selector_us = _with_selector(n_queries, n_allowed, n_items, scanned)
    return exact if exact_us <= selector_us else "selector"


def _with_selector(n_queries: int, n_allowed: int, n_items: int, scanned: float) -> float:
    """Return the microseconds of a search with a selector."""
    share = min(1.0, widened(scanned, n_allowed / n_items))
    code = SCAN_CODE_ALONE if n_queries < GATHER_FROM_QUERIES else SCAN_CODE
    return CALL_ANN + n_queries * (ASK_ANN + code * n_items * share)


def widened(nprobe: float, share: float) -> float:
    """Return how far to look under a filter that lets this share through.

    As many candidates as without the filter, and half as many again: what passes a filter need
    not lie where the unfiltered answers do.

    >>> widened(32, 0.5)
    96.0
    """
    return nprobe if share >= 1 else nprobe * 1.5 / share
