"""Whether a catalog was chosen by its own future: items were kept because they would be taken."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.interactions import VALID, Interactions
from longtail.retrieval.data.splits import Split

# Where later gains are measured: the last twelfth of the events. Early enough to hold events,
# late enough to lie after the moment at which an owner chose the catalog by its past.
LATE_SHARE = 0.92
# Both signs, in standard errors, and how much of the catalog a filter may have left below it.
# Chosen on simulated logs: benchmarks/data.py future-filter.
EDGE_Z, GAIN_Z, MOST_BELOW = 2.5, 2.0, 0.3
# The missing items must be at least this share more than there are.
LEAST_DEFICIT = 1.2
# Least counts above this say nothing about cold items, and below two events there is no filter.
MOST_COUNT = 100
ENOUGH_ITEMS, ENOUGH_EVENTS = 200, 1_000


@dataclass(frozen=True)
class FutureFilter:
    """Whether a catalog looks chosen by its future, and the figures that this rests on.

    Attributes:
        suspected: whether counts as of a moment would betray what comes later.
        reason: one line for people.
        least_count: the count that nearly every item reaches; 0 where there is none.
        items_below: items with at least one event and fewer than that.
        expected_below: items that would at least be there, if their counts had come by chance.
        gain_below: mean events of items below it in the last twelfth of the log.
        gain_above: the same of items at or somewhat above it.
        edge_z: how many standard errors the missing items are.
        gain_z: how many standard errors the gain below exceeds the gain above.
    """

    suspected: bool
    reason: str
    least_count: int = 0
    items_below: int = 0
    expected_below: float = 0.0
    gain_below: float = 0.0
    gain_above: float = 0.0
    edge_z: float = 0.0
    gain_z: float = 0.0

    def report(self) -> dict[str, Any]:
        """Return the figures as JSON has them."""
        return asdict(self)


@dataclass(frozen=True)
class _Edge:
    """A hole in the counts: items of ``first`` to ``last`` are missing beside those above."""

    first: int
    last: int
    top: int
    there: float
    expected: float
    z: float


def counts_are_honest(split: Split, n_items: int) -> FutureFilter:
    """Return what the train and valid parts say; the test part isn't read."""
    return future_filter(split.interactions.select(split.part <= VALID), n_items)


def future_filter(log: Interactions, n_items: int) -> FutureFilter:
    """Return whether the catalog was filtered by what the log holds in the end.

    Two signs must agree. *The edge*: when every item has a rate of its own, counts are a mixture
    of Poisson counts, and then the mean number of events still to come, (c + 1) n(c + 1) / n(c)
    for the n(c) items with c events, never falls as c rises (Robbins, 1956). Items that were
    dropped for too few events leave a hole in which it does fall; arrivals, fading and bursts
    don't, for their counts are mixtures too. *The gain*: among items below the edge late in the
    log, the mean number of events since exceeds that of items above it. In a catalog that was
    chosen by its past alone the edge is there and the gain is not.

    A least count of one isn't a filter: every catalog that was made from a log has it.
    """
    taken = log.taken()
    if not log.has_clock:
        return FutureFilter(False, "without clock times nobody knows what came later")
    if len(taken) < ENOUGH_EVENTS or len(np.unique(taken.item)) < ENOUGH_ITEMS:
        return FutureFilter(
            False,
            f"the log is too small to tell ({len(taken):,} events on "
            f"{len(np.unique(taken.item)):,} items) whether the catalog is filtered by its future",
        )
    early = taken.time < np.partition(taken.time, at := int(LATE_SHARE * len(taken)))[at]
    # The log is sorted by user and time, so that the first of a pair is the earliest.
    pairs = taken.user.astype(np.int64) * n_items + taken.item
    first = np.unique(pairs, return_index=True)[1]
    n_users = len(np.unique(taken.user))
    by_users = _judge(taken.item[first], early[first], n_items, n_users)
    if by_users.suspected or len(first) == len(taken):
        return by_users
    # Filters count users or events; they differ where things are taken again.
    by_events = _judge(taken.item, early, n_items, len(taken))
    return by_events if by_events.suspected else by_users


def _judge(
    item: NDArray[np.int32], early: NDArray[np.bool_], n_items: int, n_takers: int
) -> FutureFilter:
    """Return the verdict on the events of these items, of which some are early, bool [m]."""
    before, counts = (np.bincount(rows, minlength=n_items) for rows in (item[early], item))
    edge = _sharpest_edge(counts, min(MOST_COUNT, n_takers // 5))
    if edge is None:
        return FutureFilter(False, "items of few events are as many as chance expects")
    below = (before >= edge.first) & (before <= edge.last)
    above = (before > edge.last) & (before <= edge.top)
    gain = (counts - before).astype(np.float64)
    gain_below, gain_above, gain_z = _excess(gain[below], gain[above])
    few_below = float((counts <= edge.last).mean()) <= MOST_BELOW
    suspected = edge.z >= EDGE_Z and gain_z >= GAIN_Z and few_below
    least = edge.last + 1
    if suspected:
        reason = (
            f"the catalog seems filtered by its own future: nearly every item reaches {least} "
            f"events, {edge.there:,.0f} items just below are there where at least "
            f"{edge.expected:,.0f} were due, and late in the log they come up "
            f"{gain_below / max(gain_above, 1e-9):.1f} times as often as the items above"
        )
    elif edge.z >= EDGE_Z and few_below:
        reason = (
            f"nearly every item reaches {least} events, but items below come up no more often "
            "than chance expects: chosen by the past, if at all"
        )
    else:
        reason = "items of few events are as many as chance expects"
    return FutureFilter(
        suspected=suspected,
        reason=reason,
        least_count=least if edge.z >= EDGE_Z and few_below else 0,
        items_below=int(edge.there),
        expected_below=round(edge.expected, 1),
        gain_below=round(gain_below, 4),
        gain_above=round(gain_above, 4),
        edge_z=round(edge.z, 2),
        gain_z=round(gain_z, 2),
    )


def _excess(below: NDArray[np.float64], above: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return both means, and how many standard errors the first lies above the second."""
    if len(below) < 3 or len(above) < 3:
        return 0.0, 0.0, 0.0
    # At least a Poisson count's variance: three items that all gained nothing are no certainty.
    errors = [max(float(g.var()), float(g.mean()), 0.01) / len(g) for g in (below, above)]
    low, high = float(below.mean()), float(above.mean())
    return low, high, (low - high) / sum(errors) ** 0.5


def _sharpest_edge(counts: NDArray[np.int64], most: int) -> _Edge | None:
    """Return the hole in the counts that chance explains least, or None when there is none."""
    size = 2 * MOST_COUNT + 2
    n = np.bincount(np.minimum(counts, size), minlength=size + 1).astype(np.float64)
    n[size] = 0
    number = np.arange(size + 1)
    best: _Edge | None = None
    for last in range(2, most):
        width = int(np.ceil(np.sqrt(last)))
        for top in (last + width, last + 2 * width):
            above = slice(last + 1, top + 1)
            n_above = n[above].sum()
            due_above = (number * n)[last + 2 : top + 2].sum()
            if n_above < 5 or not due_above:
                continue
            for first in sorted({1, max(1, last - width + 1), max(1, last - 2 * width + 1)}):
                edge = _hole(n, first, last, top, due_above / n_above)
                if edge is not None and (best is None or edge.z > best.z):
                    best = edge
    return best


def _hole(
    n: NDArray[np.float64], first: int, last: int, top: int, rate_above: float
) -> _Edge | None:
    """Return how many items of ``first`` to ``last`` events are missing, or None.

    ``n`` are the items of each count. By Robbins' rule items of these counts have
    ``due`` = sum (c + 1) n(c + 1) events to come; at a mean of no more than ``rate_above``, that
    of the items up to ``top``, they must be ``due / rate_above`` or more.
    """
    number = np.arange(top + 2, dtype=np.float64)
    n = n[: top + 2]
    there = n[first : last + 1].sum()
    expected = (number * n)[first + 1 : last + 2].sum() / rate_above
    if expected < LEAST_DEFICIT * there or not expected:
        return None
    # How much one item of each count moves the difference of the two, and so its variance.
    slope = np.zeros(top + 2)
    slope[first + 1 : last + 2] += number[first + 1 : last + 2] / rate_above
    slope[first : last + 1] -= 1
    n_above = n[last + 1 : top + 1].sum()
    slope[last + 2 :] -= expected * number[last + 2 :] / (rate_above * n_above)
    slope[last + 1 : top + 1] += expected / n_above
    z = (expected - there) / np.sqrt((slope**2 * n).sum() + 1)
    return _Edge(first, last, top, float(there), float(expected), float(z))
