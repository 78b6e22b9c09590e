"""What becomes of a served run when items come, change, go, or are taken by others.

Every function takes the run as it is served and returns how it would be; `ServedRun.save` publishes
index and catalog in one step. Rows never move, except in `compact`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.index.updates import add_items, compact, reassign, remove_items, replace_items
from longtail.retrieval.data.catalog_schema import conformed
from longtail.retrieval.data.clock.item_clock import ItemClock
from longtail.retrieval.data.interactions import TRAIN, Interactions
from longtail.retrieval.data.popularity import COLD, POOL_NAMES, Popularity
from longtail.retrieval.data.text_template import render
from longtail.retrieval.errors import DataError, UnknownItemError, near_ones
from longtail.retrieval.run.index_build import restructured
from longtail.retrieval.run.quarantine import opened, withheld
from longtail.retrieval.run.served_run import ServedRun


@dataclass(frozen=True)
class Change:
    """Items whose columns change, and which of their texts the tower must read again.

    Attributes:
        rows: served rows, int64 [m].
        items: all columns of these items as they will be.
        reread: lines of ``items`` with another text than before, int64.
    """

    rows: NDArray[np.int64]
    items: pd.DataFrame
    reread: NDArray[np.int64]

    def texts(self, template: str) -> list[str]:
        """Return the texts to read again, in the order of `reread`."""
        return render(template, self.items.iloc[self.reread])


def added(
    served: ServedRun,
    items: pd.DataFrame,
    vectors: NDArray[np.float32],
    held: NDArray[np.bool_] | None = None,
) -> ServedRun:
    """Return the run with new items at the end; ``vectors`` float32 [m, d] are their texts'.

    They are cold. An id that was removed before gets back the counts, the bucket and the
    evidence that it had: people did take it. Those that are ``held``, bool [m], are quarantined.

    Raises:
        DataError: an id is in the catalog already.
    """
    catalog, state, trained = served.bundle.catalog, served.state, served.trained
    ids = [str(item) for item in items["item_id"]]
    refuse_known(served, ids)
    before, in_training = catalog.rows_of(ids), trained.catalog.rows_of(ids)
    back, forgotten = before >= 0, (before < 0) & (in_training >= 0)
    trained_row = np.where(back, state.trained_row[before], in_training)
    counts = np.where(back, state.counts[before], 0)
    bucket = np.where(back, state.bucket[before], COLD)
    if state.refreshed is None:
        # Forgotten by `compacted`, but its training counts still hold.
        counts = np.where(forgotten, trained.popularity.counts[in_training], counts)
        bucket = np.where(forgotten, trained.popularity.bucket[in_training], bucket)
    counts, bucket = counts.astype(np.int64), bucket.astype(np.int8)
    grown = state.grown(trained_row, counts, bucket, conformed(items, catalog.frame))
    popularity = grown.popularity(served.bundle.popularity.rule).centred[len(state) :]
    index = add_items(served.index, vectors, popularity, bucket, ids)
    if held is not None and held.any():
        rows = len(state) + np.flatnonzero(held)
        index, grown = remove_items(index, rows), grown.with_quarantined(rows)
    return ServedRun.of(served.trained, index, grown)


def change_of(served: ServedRun, items: pd.DataFrame) -> Change:
    """Return what known items become; columns that ``items`` lacks stay as they are.

    Raises:
        UnknownItemError: an id isn't in the catalog, or was removed.
        DataError: an item would have nothing to read, or a column holds another kind of value.
    """
    catalog = served.bundle.catalog
    rows = known_rows(served, [str(item) for item in items["item_id"]])
    before = catalog.frame.iloc[rows].reset_index(drop=True)
    after = conformed(items, catalog.frame, missing=before)
    texts = render(catalog.template, after)
    if not all(texts):
        raise DataError(
            f"item {items['item_id'].iloc[texts.index('')]!r} would have no text left under the "
            f"template {catalog.template!r}; give it one, or take it out with "
            "`longtail index remove`"
        )
    old = render(catalog.template, before)
    reread = [i for i, (was, now) in enumerate(zip(old, texts, strict=True)) if was != now]
    return Change(rows, after, np.array(reread, np.int64))


def changed(
    served: ServedRun,
    change: Change,
    vectors: NDArray[np.float32],
    held: NDArray[np.bool_] | None = None,
) -> ServedRun:
    """Return the run with changed items; ``vectors`` belong to ``change.reread``.

    Of those, the ones that are ``held``, bool, are quarantined; what was quarantined before stays.

    Raises:
        DataError: no item would be left to answer with.
    """
    popularity = served.bundle.popularity
    rows = change.rows[change.reread]
    index, state = opened(served, rows), served.state.with_items(change.rows, change.items)
    if len(rows):
        index = replace_items(
            index, rows, vectors, popularity.centred[rows], popularity.bucket[rows]
        )
    if held is not None and held.any():
        state = state.with_quarantined(rows[held])
    return ServedRun.of(served.trained, withheld(index, state), state)


def removed(served: ServedRun, item_ids: Sequence[str]) -> ServedRun:
    """Return the run without these items: they answer nobody from now on.

    In the histories of those who took them they still speak, until `compacted` forgets them.

    Raises:
        UnknownItemError: an id isn't in the catalog, or was removed before.
        DataError: no item would be left.
    """
    rows = np.unique(known_rows(served, item_ids))
    if len(rows) == served.bundle.catalog.n_offered:
        raise DataError("that would remove every item; an index needs at least one")
    gone = served.state.removed.copy()
    gone[rows] = True
    state = replace(served.state.with_quarantined(rows, False), removed=gone)
    return ServedRun.of(served.trained, withheld(served.index, state), state)


def compacted(served: ServedRun) -> ServedRun:
    """Return the run with removed items forgotten, and small segments merged.

    What users took of them is no longer in their histories.
    """
    index, kept = compact(opened(served), refill=False)
    state = served.state.take(kept)
    index = withheld(index, state)
    renewed = ServedRun.of(served.trained, index, state)
    return replace(renewed, index=restructured(renewed.bundle, served.index, index))


def refreshed(served: ServedRun, log: Interactions) -> ServedRun:
    """Return the run with popularity counted in another log, whose items are served rows.

    Counts, head, tail and cold, and log-probabilities are drawn anew, and the run's clock moves to
    the log's newest event. Vectors, evidence and the users' histories stay as they were. Where
    the log has parts, its train part counts.
    """
    counted = log if log.part is None else log.select(log.part == TRAIN)
    state, bundle = served.state, served.bundle
    counts = counted.user_counts(len(bundle.catalog))
    fresh = bundle.popularity.recounted(counts, bundle.catalog.item_ids)
    clock = bundle.clock
    if clock is not None:
        # An order is no time: what was known of the pace stays.
        clock = ItemClock.of(counted, len(counts), clock.half_lives) if log.has_clock else clock
    state = replace(
        state,
        clock=clock,
        counts=fresh.counts,
        bucket=fresh.bucket,
        scale=fresh.scale,
        refreshed=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    index = reassign(served.index, fresh.centred, fresh.bucket, refill=False)
    renewed = ServedRun.of(served.trained, index, state)
    return replace(renewed, index=restructured(renewed.bundle, served.index, index))


def moves(before: Popularity, after: Popularity) -> dict[tuple[str, str], int]:
    """Return how many items went from one bucket to another, by the names of both."""
    there = before.in_pool("all") & after.in_pool("all")
    pairs = Counter(zip(before.bucket[there].tolist(), after.bucket[there].tolist(), strict=True))
    return {
        (POOL_NAMES[old], POOL_NAMES[new]): count
        for (old, new), count in sorted(pairs.items())
        if old != new
    }


def refuse_known(served: ServedRun, item_ids: Sequence[str]) -> None:
    """Refuse items that the catalog has already.

    Raises:
        DataError: it has some.
    """
    known = np.flatnonzero(served.bundle.catalog.offered(item_ids) >= 0)
    if len(known):
        more = f" and {len(known) - 1:,} more are" if len(known) > 1 else " is"
        raise DataError(
            f"item {item_ids[int(known[0])]!r}{more} in the catalog already; change items with "
            "`longtail index update`"
        )


def known_rows(served: ServedRun, item_ids: Sequence[str]) -> NDArray[np.int64]:
    """Return the row of each item.

    Raises:
        UnknownItemError: some aren't in the catalog, or were removed; near ids are suggested.
    """
    catalog = served.bundle.catalog
    rows = catalog.offered(item_ids)
    missing = [item for item, row in zip(item_ids, rows, strict=True) if row < 0]
    if not missing:
        return rows
    more = f" and {len(missing) - 1:,} more" if len(missing) > 1 else ""
    near = near_ones(catalog.near_ids(missing[0]))
    gone = catalog.rows_of([missing[0]])[0] >= 0
    what = "was removed from" if gone else "isn't in"
    raise UnknownItemError(f"item {missing[0]!r}{more} {what} the catalog{near}")
