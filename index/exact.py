"""Scores that don't depend on the batch, and the order of answers that follows from them.

BLAS sums a dot product in another order for a batch than for a single query, so the last bits
of FAISS's scores, and with them the order of near ties, change with the batch. Every score
that leaves this package is therefore computed here, one pair at a time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from index.faiss_runtime import load_faiss

UNIT_ROUNDOFF = 2.0**-24
TOP_BIT = np.uint32(2**31)
LOW = np.uint64(2**32 - 1)


def exact_scores(
    queries: NDArray[np.float32], stored: NDArray[np.float32], local: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the inner product of each query with its own list of stored vectors.

    Shapes: queries [m, d], stored [n, d], local [m, c] positions in ``stored`` -> [m, c].
    Position -1 gives -inf. A pair's score is the same bits whatever else is asked with it.
    """
    faiss = load_faiss()
    scores = np.full(local.shape, -np.inf, np.float32)
    if len(stored) and local.size:
        queries, local = np.ascontiguousarray(queries), np.ascontiguousarray(local)
        pointer = faiss.swig_ptr
        faiss.fvec_inner_products_by_idx(
            pointer(scores), pointer(queries), pointer(stored), pointer(local),
            stored.shape[1], local.shape[0], local.shape[1],
        )  # fmt: skip
    return scores


def rounding_bound(
    queries: NDArray[np.float32], longest: float, largest_popularity: float
) -> NDArray[np.float64]:
    """Return how far two float32 sums of the same inner product can lie apart, float64 [m].

    ``longest`` is the greatest norm among the stored vectors, ``largest_popularity`` the
    greatest magnitude of their last dimension, which is bounded apart because it is by far
    the largest entry. Two summation orders differ by at most ``2 d u |q| |v|`` (Higham,
    Accuracy and Stability of Numerical Algorithms, 2002, equation 3.5).
    """
    reach = score_reach(queries, longest, largest_popularity)
    # float16 holds a popularity in three parts: two terms more, and their rounding.
    bound: NDArray[np.float64] = 2.01 * (queries.shape[1] + 2) * UNIT_ROUNDOFF * reach
    return bound + float(np.finfo(np.float32).tiny)


def score_reach(
    queries: NDArray[np.float32], longest: float, largest_popularity: float
) -> NDArray[np.float64]:
    """Return the greatest magnitude that any score of each query can have, float64 [m]."""
    wide = queries.astype(np.float64)
    norms: NDArray[np.float64] = np.sqrt((wide[:, :-1] ** 2).sum(axis=1))
    reach: NDArray[np.float64] = norms * longest + np.abs(wide[:, -1]) * largest_popularity
    return reach


def best_first(
    rows: NDArray[np.int64], scores: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the k best of each line: score descending, ties by row ascending.

    Entries of score -inf are padding; a line shorter than k is padded with -1 and -inf. Rows
    are below 2**32.

    >>> rows, scores = np.array([[7, 2, 5]]), np.array([[1.0, 1.0, 3.0]], dtype=np.float32)
    >>> best_first(rows, scores, 2)[0].tolist(), best_first(rows, scores, 4)[0].tolist()
    ([[5, 2]], [[5, 2, 7, -1]])
    """
    # One number a pair, score above row: NumPy sorts those ten times faster than two columns.
    bits = (scores + np.float32(0.0)).view(np.uint32)  # + 0 makes -0 and 0 the same
    descending = np.where(bits >> 31, bits, ~bits ^ TOP_BIT)
    keys = (descending.astype(np.uint64) << np.uint64(32)) | (rows.astype(np.uint64) & LOW)
    width = min(k, keys.shape[1])
    if 0 < width < keys.shape[1]:
        keys = np.partition(keys, width - 1, axis=1)[:, :width]
    keys.sort(axis=1)
    found = (keys >> np.uint64(32)).astype(np.uint32)
    best_rows = np.full((len(rows), k), -1, np.int64)
    best_scores = np.full((len(rows), k), -np.inf, np.float32)
    best_scores[:, :width] = np.where(found >> 31, found, ~found ^ TOP_BIT).view(np.float32)
    best_rows[:, :width] = (keys & LOW).astype(np.int64)
    best_rows[np.isneginf(best_scores)] = -1
    return best_rows, best_scores
