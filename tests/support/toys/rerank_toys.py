"""Random candidates and users for the tests of reranking."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from longtail.retrieval.ranking.rerank.popularity_profile import PopularityProfile
from longtail.retrieval.ranking.rerank.scored_candidates import Candidates

USERS, PLACES, BANDS = 4, 20, 3

STRENGTHS = st.integers(0, 100).map(lambda percent: percent / 100)
"""Strengths as people set them; ends included."""


def toy_candidates(
    rng: np.random.Generator, users: int = USERS, places: int = PLACES, *, gaps: bool = True
) -> Candidates:
    """Return candidates with many equal logits, and padding that holds nonsense."""
    rows = np.stack([rng.permutation(50)[:places] for _ in range(users)]).astype(np.int64)
    logits = rng.normal(0, 2, rows.shape).round(1).astype(np.float32)
    log_p = rng.normal(0, 1.5, rows.shape).round(1).astype(np.float32)
    bands = rng.integers(0, BANDS, rows.shape).astype(np.int8)
    vectors = rng.normal(size=(*rows.shape, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    gone = rng.random(rows.shape) < (rng.choice([0.0, 0.2, 0.9, 1.0]) if gaps else 0.0)
    rows[gone], logits[gone], log_p[gone], bands[gone] = -1, np.nan, np.nan, 100
    vectors[gone] = np.nan
    unknown = rng.random(rows.shape) < (0.05 if gaps else 0.0)
    logits[unknown] = -np.inf
    return Candidates(rows, logits, log_p, bands, vectors)


def toy_leaning(rng: np.random.Generator, users: int = USERS) -> PopularityProfile:
    """Return users of whom the first has a long history and the last has none."""
    lengths = rng.integers(0, 30, users)
    lengths[0], lengths[-1] = 30, 0
    shares = rng.dirichlet(np.full(BANDS, 0.5), users)
    known = lengths > 0
    return PopularityProfile(lengths, rng.normal(0, 1, users) * known, shares * known[:, None])
