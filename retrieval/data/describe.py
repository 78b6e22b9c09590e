"""What a catalog and a log look like: sizes, popularity, histories, texts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.popularity import HEAD, Popularity

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)

# Gives the number of tokens of each text, special tokens included, int64 [n].
TokenCounter = Callable[[Sequence[str]], NDArray[np.int64]]


@dataclass(frozen=True)
class Description:
    """Figures about a catalog and its log; quantiles are at `QUANTILES`.

    Attributes:
        n_users: users with at least one taken event.
        n_items: items in the catalog.
        n_interactions: taken events; rejected ones (label 0) are in `n_rejected`.
        n_rejected: events shown and not taken.
        density: share of all (user, item) pairs that occur.
        popularity_deciles: share of the popularity that each tenth of the catalog holds, most
            popular tenth first; sums to 1.
        gini: inequality of popularity over the whole catalog; 0 all alike, 1 one item has all.
        bucket_rule: the rule, e.g. ``items:0.2``.
        bucket_sizes: items in head, tail and cold.
        head_threshold: smallest count in the head; 0 when the head is empty.
        ties_at_threshold: items with that count, and how many of them are outside the head;
            which ones is settled by item_id.
        history_quantiles: taken events per user.
        users_with_one_event: their number.
        items_without_events: their number.
        token_quantiles: tokens per text, or None without a tokenizer.
        unknown_tokens: the share of tokens that the tokenizer doesn't know, in words, or None.
        texts_cut: texts longer than ``max_tokens``, or None.
        max_tokens: the tower's limit, or None.
        time_range: first and last time, or None without a clock.
    """

    n_users: int
    n_items: int
    n_interactions: int
    n_rejected: int
    density: float
    popularity_deciles: tuple[float, ...]
    gini: float
    bucket_rule: str
    bucket_sizes: dict[str, int]
    head_threshold: int
    ties_at_threshold: tuple[int, int]
    history_quantiles: tuple[float, ...]
    users_with_one_event: int
    items_without_events: int
    token_quantiles: tuple[float, ...] | None
    unknown_tokens: str | None
    texts_cut: int | None
    max_tokens: int | None
    time_range: tuple[int, int] | None


def describe(
    catalog: Catalog,
    interactions: Interactions,
    popularity: Popularity,
    *,
    tokenizer: TokenCounter | None = None,
    max_tokens: int | None = None,
    unknown_tokens: str | None = None,
) -> Description:
    """Return the figures that are worth a look before an hour is spent on training.

    ``popularity`` says over which part of the log popularity is counted (usually train);
    everything else is about the log as given.
    """
    taken = interactions.taken()
    lengths = np.bincount(taken.user, minlength=len(interactions.user_ids))
    lengths = lengths[lengths > 0]
    events = np.bincount(taken.item, minlength=len(catalog))
    pairs = int(taken.user_counts(len(catalog)).sum())
    in_head = popularity.counts[popularity.bucket == HEAD]
    threshold = int(in_head.min()) if len(in_head) else 0
    tied = (popularity.counts == threshold) & (threshold > 0)
    tokens = tokenizer(catalog.texts()) if tokenizer is not None else None
    return Description(
        n_users=len(lengths),
        n_items=len(catalog),
        n_interactions=len(taken),
        n_rejected=len(interactions) - len(taken),
        density=pairs / max(len(lengths) * len(catalog), 1),
        popularity_deciles=deciles(popularity.counts),
        gini=gini(popularity.counts),
        bucket_rule=popularity.rule,
        bucket_sizes=popularity.sizes(),
        head_threshold=threshold,
        ties_at_threshold=(int(tied.sum()), int((tied & (popularity.bucket != HEAD)).sum())),
        history_quantiles=quantiles(lengths),
        users_with_one_event=int((lengths == 1).sum()),
        items_without_events=int((events == 0).sum()),
        token_quantiles=None if tokens is None else quantiles(tokens),
        unknown_tokens=unknown_tokens,
        texts_cut=(
            None if tokens is None or max_tokens is None else int((tokens > max_tokens).sum())
        ),
        max_tokens=max_tokens,
        time_range=(
            (int(interactions.time.min()), int(interactions.time.max()))
            if interactions.has_clock and len(interactions)
            else None
        ),
    )


def quantiles(values: NDArray[np.int64]) -> tuple[float, ...]:
    """Return the values at `QUANTILES`; zeros when there are none.

    >>> quantiles(np.array([1, 2, 3, 4, 5]))
    (1.0, 2.0, 3.0, 4.0, 4.0, 4.0, 5.0)
    """
    if not len(values):
        return (0.0,) * len(QUANTILES)
    bounds = np.quantile(values, QUANTILES, method="lower")
    return tuple(float(v) for v in bounds)


def deciles(counts: NDArray[np.int64]) -> tuple[float, ...]:
    """Return the share of all counts in each tenth of the items, most popular tenth first.

    >>> deciles(np.array([5, 1, 1, 1, 1, 1, 0, 0, 0, 0]))
    (0.5, 0.1, 0.1, 0.1, 0.1, 0.1, 0.0, 0.0, 0.0, 0.0)
    """
    ordered = np.sort(counts)[::-1]
    edges = np.linspace(0, len(ordered), 11).round().astype(int)
    total = max(int(ordered.sum()), 1)
    sums = [int(ordered[a:b].sum()) for a, b in itertools.pairwise(edges)]
    return tuple(s / total for s in sums)


def gini(counts: NDArray[np.int64]) -> float:
    """Return the Gini coefficient of the counts, 0 (all alike) to nearly 1 (one has all).

    >>> gini(np.array([3, 3, 3])), gini(np.array([0, 0, 0, 8]))
    (0.0, 0.75)
    """
    ordered = np.sort(counts).astype(np.float64)
    total = ordered.sum()
    if not total:
        return 0.0
    n = len(ordered)
    return float((2 * np.arange(1, n + 1) - n - 1) @ ordered / (n * total))
