"""Who has no history is ranked by what is taken lately, and by what is known beside it."""

from __future__ import annotations

import numpy as np
import pytest

from longtail.retrieval.data.clock.item_clock import DAY_S, ItemClock
from longtail.retrieval.ranking.eligible import Eligible
from longtail.retrieval.ranking.fallback import most_popular, taken_lately
from longtail.retrieval.ranking.rerank.rerank import Rerank
from longtail.retrieval.ranking.retriever import Retriever


@pytest.fixture(scope="module")
def clock(retriever: Retriever) -> ItemClock:
    bundle = retriever.bundle
    return ItemClock.of(bundle.log, len(bundle.catalog), [DAY_S])


def lately(
    retriever: Retriever, clock: ItemClock, lift: np.ndarray | None, debias: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and scores of somebody whose columns add this."""
    bundle, nobody = retriever.bundle, np.array([0])
    setting = Rerank("fixed", debias)
    rows, scores = taken_lately(
        retriever.served.index,
        bundle.popularity,
        clock,
        Eligible("all"),
        nobody,
        5,
        setting,
        [lift],
    )
    return rows[0], scores[0]


@pytest.mark.parametrize("debias", [0.0, 0.5])
def test_what_the_columns_add_is_added_to_what_is_taken_lately(
    retriever: Retriever, clock: ItemClock, debias: float
) -> None:
    plain, _ = lately(retriever, clock, None, debias)
    n_items = len(retriever.bundle.catalog)
    none, _ = lately(retriever, clock, np.zeros(n_items, np.float32), debias)
    assert none.tolist() == plain.tolist()
    rare = int(clock.log_rate.argmin())
    lift = np.zeros(n_items, np.float32)
    lift[rare] = 20.0
    rows, scores = lately(retriever, clock, lift, debias)
    assert rows[0] == rare
    popularity = retriever.bundle.popularity.centred[rare]
    assert scores[0] == pytest.approx(clock.log_rate[rare] + 20.0 - debias * popularity, abs=1e-4)


def test_without_a_clock_it_is_added_to_the_log_of_popularity(retriever: Retriever) -> None:
    popularity = retriever.bundle.popularity
    lift = np.zeros(len(popularity.counts), np.float32)
    rare = int(popularity.counts.argmin())
    lift[rare] = 20.0
    assert most_popular(popularity, Eligible("all"), 0, 5, lift)[0] == rare
    plain = most_popular(popularity, Eligible("all"), 0, 5, None)
    assert plain.tolist() == np.argsort(-popularity.counts, kind="stable")[:5].tolist()
