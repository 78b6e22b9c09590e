"""Each item's nearest items by text, for catalogs of any size."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from longtail.index.faiss_runtime import load_faiss
from longtail.retrieval.kernels.row_blocks import row_blocks

# Below, every pair is compared: 50,000 x 50,000 pairs of 384 dimensions take half a minute.
COMPARE_ALL_BELOW = 50_000
# A catalog of n items is cut into this many times sqrt(n) groups of like items.
GROUPS_PER_ROOT = 2
GROUPS_COMPARED = 4
TRAINED_ON_PER_GROUP = 64
TRAINING_ROUNDS = 6


def text_neighbours(
    vectors: NDArray[np.float32] | NDArray[np.float16],
    most: int,
    *,
    compare_all_below: int = COMPARE_ALL_BELOW,
) -> sp.csr_matrix:
    """Return the cosines of each item's ``most`` nearest others, float32 [n, n], sorted columns.

    ``vectors`` [n, d], unit rows. Only cosines above 0 are kept. From ``compare_all_below`` items
    on, the catalog is cut into ``2 * sqrt(n)`` groups by k-means (FAISS, fixed seed), and an item
    is compared with its own group and the three whose centres are nearest to that group's: some
    neighbours across a border are missed.
    """
    n = len(vectors)
    most = min(most, n - 1)
    if most < 1:
        empty = np.empty(0, np.int32)
        return sp.csr_matrix((np.empty(0, np.float32), empty, np.zeros(n + 1, np.int32)), (n, n))
    columns = np.full((n, most), -1, np.int32)
    cosines = np.zeros((n, most), np.float32)
    for queries, candidates in _comparisons(vectors, grouped=n >= compare_all_below):
        scores = _float32(vectors[queries]) @ _float32(vectors[candidates]).T
        # Both are ascending, and the queries are among the candidates.
        scores[np.arange(len(queries)), np.searchsorted(candidates, queries)] = 0.0
        width = min(most, len(candidates))
        best = np.argpartition(scores, len(candidates) - width, axis=1)[:, -width:]
        columns[queries, :width] = candidates[best]
        cosines[queries, :width] = np.take_along_axis(scores, best, axis=1)
    kept = cosines > 0
    lengths = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    neighbours = sp.csr_matrix((cosines[kept], columns[kept], lengths), shape=(n, n))
    neighbours.sort_indices()
    return neighbours


def _comparisons(
    vectors: NDArray[np.float32] | NDArray[np.float16], *, grouped: bool
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield rows, each once, and the rows they are compared with, both ascending."""
    everything = np.arange(len(vectors))
    if not grouped:
        for rows in row_blocks(len(vectors)):
            yield everything[rows], everything
        return
    group, near_groups = _groups(vectors)
    members = np.split(
        np.argsort(group, kind="stable"), np.cumsum(np.bincount(group, minlength=len(near_groups)))
    )[:-1]
    for rows_here, near in zip(members, near_groups, strict=True):
        candidates = np.sort(np.concatenate([members[other] for other in near]))
        # A catalog of a few kinds has groups of many thousand.
        for rows in row_blocks(len(rows_here)):
            yield rows_here[rows], candidates


def _groups(
    vectors: NDArray[np.float32] | NDArray[np.float16],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each row's group, [n], and each group's nearest groups, itself first, [groups, 4]."""
    n, dim = vectors.shape
    number = max(int(GROUPS_PER_ROOT * np.sqrt(n)), 1)
    sample = np.linspace(0, n - 1, min(n, number * TRAINED_ON_PER_GROUP)).astype(np.int64)
    means = load_faiss().Kmeans(
        dim,
        number,
        niter=TRAINING_ROUNDS,
        spherical=True,
        seed=1,
        min_points_per_centroid=1,
    )
    means.train(_float32(vectors[sample]))
    centres = np.asarray(means.centroids, np.float32)
    group = np.concatenate(
        [(_float32(vectors[rows]) @ centres.T).argmax(axis=1) for rows in row_blocks(n)]
    )
    likeness = centres @ centres.T
    np.fill_diagonal(likeness, np.inf)
    return group, np.argsort(-likeness, axis=1, kind="stable")[:, :GROUPS_COMPARED]


def _float32(vectors: NDArray[np.float32] | NDArray[np.float16]) -> NDArray[np.float32]:
    return np.ascontiguousarray(vectors, np.float32)
