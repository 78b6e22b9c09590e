"""A made-up log of any size with what real ones have: topics, a long tail, and texts that fit."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

ITEMS_PER_TOPIC = 200
TOPICS_PER_USER = 3
DIM = 384


def make_log(
    n_items: int, n_interactions: int, *, seed: int = 0
) -> tuple[sp.csr_matrix, NDArray[np.float16]]:
    """Return who took what, bool [n_users, n_items], and the items' unit vectors.

    20 interactions a user on average, lengths log-normal. Four of five go to the user's topics,
    the rest anywhere; within either, popularity falls like a power of the rank. An item's vector
    is its topic's plus as much noise. Items are in random order.
    """
    rng = np.random.default_rng(seed)
    n_users = n_interactions // 20
    n_topics = max(n_items // ITEMS_PER_TOPIC, 1)
    topic = np.sort(rng.integers(0, n_topics, n_items))
    first = np.searchsorted(topic, np.arange(n_topics + 1))
    name = rng.permutation(n_items).astype(np.int32)
    lengths = rng.lognormal(0.0, 0.8, n_users)
    # Users take some items twice, which counts once: a quarter more makes up for it.
    lengths = np.maximum(lengths / lengths.sum() * n_interactions * 1.25, 1).astype(np.int64)
    user = np.repeat(np.arange(n_users), lengths)
    user_states = rng.integers(0, n_topics, (n_users, TOPICS_PER_USER))
    chosen = user_states[user, rng.integers(0, TOPICS_PER_USER, len(user))]
    size = first[chosen + 1] - first[chosen]
    item = first[chosen] + (size * rng.random(len(user)) ** 2.5).astype(np.int64)
    anywhere = rng.random(len(user)) < 0.2
    # The most popular items of all are spread over the topics.
    rank = (n_items * rng.random(int(anywhere.sum())) ** 4).astype(np.int64)
    item[anywhere] = rng.permutation(n_items)[rank]
    pairs = np.unique(user * np.int64(n_items) + np.minimum(item, n_items - 1))
    pairs = rng.permutation(pairs)[:n_interactions]
    taken = sp.csr_matrix(
        (np.ones(len(pairs), bool), (pairs // n_items, name[pairs % n_items])),
        shape=(n_users, n_items),
    )
    centres = rng.normal(size=(n_topics, DIM)).astype(np.float32)
    vectors = np.empty((n_items, DIM), np.float16)
    for start in range(0, n_items, 50_000):
        part = slice(start, min(start + 50_000, n_items))
        drawn = centres[topic[part]] + rng.standard_normal((part.stop - start, DIM), np.float32)
        vectors[name[part]] = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return taken, vectors
