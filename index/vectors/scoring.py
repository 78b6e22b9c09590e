"""Scores that don't depend on the batch, and the order of answers that follows from them.

BLAS sums a dot product in another order for a batch than for a single query, so the last bits
of FAISS's scores, and with them the order of near ties, change with the batch. Every score
that leaves this package is therefore computed here, one pair at a time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtail.index.faiss_runtime import exactly_threads, load_faiss

# A pair whose vector lies anywhere takes 0.2 to 0.4 us: fewer a thread don't pay for waking it.
PAIRS_PER_THREAD = 2_048
UNIT_ROUNDOFF = 2.0**-24
TOP_BIT = np.uint32(2**31)
LOW = np.uint64(2**32 - 1)
# One short line is sorted by two columns: making keys of them takes longer.
LEXSORT_BELOW = 256
# Lines up to so many times as long as the answer are sorted as they are.
SORTED_WHOLE = 4

Found = tuple[NDArray[np.int64], NDArray[np.float32]]


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
        pointer, threads = faiss.swig_ptr, max(1, local.size // PAIRS_PER_THREAD)
        with exactly_threads(min(threads, int(faiss.omp_get_max_threads()))):
            faiss.fvec_inner_products_by_idx(
                pointer(scores), pointer(queries), pointer(stored), pointer(local),
                stored.shape[1], local.shape[0], local.shape[1],
            )  # fmt: skip
    return scores


def exact_scores_of_pairs(
    queries: NDArray[np.float32],
    query: NDArray[np.int64],
    stored: NDArray[np.float32],
    local: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Return the inner product of ``queries[query[i]]`` and ``stored[local[i]]``, float32 [p].

    The bits are those of `exact_scores`.
    """
    faiss = load_faiss()
    scores = np.empty(len(local), np.float32)
    if len(local):
        pointer = faiss.swig_ptr
        faiss.pairwise_indexed_inner_product(
            stored.shape[1], len(local), pointer(queries), pointer(query), pointer(stored),
            pointer(local), pointer(scores),
        )  # fmt: skip
    return scores


def rounding_bound(reach: NDArray[np.float64], dim: int) -> NDArray[np.float64]:
    """Return how far two float32 sums of the same inner product can lie apart, float64 [m].

    ``reach`` is `score_reach`, ``dim`` the number of products that are summed. Two summation
    orders differ by at most ``2 d u |q| |v|`` (Higham, Accuracy and Stability of Numerical
    Algorithms, 2002, equation 3.5).
    """
    # float16 holds a popularity in three parts: two terms more, and their rounding.
    bound: NDArray[np.float64] = 2.01 * (dim + 2) * UNIT_ROUNDOFF * reach
    return bound + float(np.finfo(np.float32).tiny)


def score_reach(
    queries: NDArray[np.float32], longest: float, largest_popularity: float
) -> NDArray[np.float64]:
    """Return the greatest magnitude that any score of each ``[q ; w]`` can have, float64 [m].

    ``longest`` is the greatest norm among the stored vectors, ``largest_popularity`` the
    greatest magnitude of their last dimension, which is bounded apart because it is by far
    the largest entry.
    """
    return reach_of(lengths(queries[:, :-1]), queries[:, -1], longest, largest_popularity)


def reach_of(
    norms: NDArray[np.float64],
    weights: NDArray[np.float32],
    longest: float,
    largest_popularity: float,
) -> NDArray[np.float64]:
    """Return `score_reach` of queries with these norms and weights, [m] each."""
    return norms * longest + np.abs(weights.astype(np.float64)) * largest_popularity


def lengths(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the Euclidean norms of vectors [m, d], float64 [m]."""
    wide = vectors.astype(np.float64)
    return np.asarray(np.sqrt(np.vecdot(wide, wide)))


def best_first(rows: NDArray[np.int64], scores: NDArray[np.float32], k: int) -> Found:
    """Return the k best of each line: score descending, ties by row ascending.

    Entries of score -inf are padding; a line shorter than k is padded with -1 and -inf. Rows
    are below 2**32.

    >>> rows, scores = np.array([[7, 2, 5]]), np.array([[1.0, 1.0, 3.0]], dtype=np.float32)
    >>> best_first(rows, scores, 2)[0].tolist(), best_first(rows, scores, 4)[0].tolist()
    ([[5, 2]], [[5, 2, 7, -1]])
    """
    if len(rows) == 1 and k <= rows.shape[1] <= LEXSORT_BELOW:
        order = np.lexsort((rows[0], -scores[0]))[:k]
        best, line = rows[0][order], scores[0][order]
        if line[-1] == -np.inf:
            best[line == -np.inf] = -1
        return best[None], line[None]
    return from_sort_keys(sort_keys(rows, scores), k)


def sort_keys(rows: NDArray[np.int64], scores: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Return one number a pair: score descending above row ascending.

    NumPy sorts those ten times faster than two columns.
    """
    bits = (scores + np.float32(0.0)).view(np.uint32)  # + 0 makes -0 and 0 the same
    descending = np.where(bits >> 31, bits, ~bits ^ TOP_BIT)
    keys: NDArray[np.uint64] = descending.astype(np.uint64) << np.uint64(32)
    keys |= rows.astype(np.uint64) & LOW
    return keys


def from_sort_keys(keys: NDArray[np.uint64], k: int) -> Found:
    """Return rows and scores of the k least keys of each line, ascending, padded to k."""
    width = min(k, keys.shape[1])
    if 0 < width * SORTED_WHOLE < keys.shape[1]:
        keys = np.partition(keys, width - 1, axis=1)[:, :width]
    keys = np.sort(keys, axis=1)[:, :width]
    bits = (keys >> np.uint64(32)).astype(np.uint32)
    scores = np.where(bits >> 31, bits, ~bits ^ TOP_BIT).view(np.float32)
    rows = (keys & LOW).astype(np.int64)
    rows[np.isneginf(scores)] = -1
    if width < k:
        missing = ((0, 0), (0, k - width))
        rows = np.pad(rows, missing, constant_values=-1)
        scores = np.pad(scores, missing, constant_values=-np.inf)
    return rows, scores
