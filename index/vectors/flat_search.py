"""Exact inner-product search over plain arrays, by the fastest route for its size."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.index.faiss_runtime import (
    BLAS_FROM,
    exactly_threads,
    load_faiss,
    reading_threads,
    search_threads,
)

Nearest = tuple[NDArray[np.float32], NDArray[np.int64]]


def nearest_flat(flat: Any, queries: NDArray[np.float32], size: int) -> Nearest:
    """Return scores and positions of the ``size`` nearest, of a ``faiss.IndexFlatIP``.

    A batch is a matrix product, which FAISS makes at about the speed of BLAS itself. A few
    queries are bound by reading the vectors, which FAISS gives to one core a query: here each
    core reads its own part of the vectors, for all the queries.
    """
    n, dim = int(flat.ntotal), int(flat.d)
    parts = reading_threads(n * dim * 4)
    if parts == 1 or len(queries) * dim >= BLAS_FROM:
        with search_threads(len(queries), n, dim):
            scores, positions = flat.search(queries, size)
        return scores, positions
    return nearest_in_parts(flat, np.ascontiguousarray(queries), size, parts)


def nearest_in_parts(flat: Any, queries: NDArray[np.float32], size: int, parts: int) -> Nearest:
    """Return what `nearest_flat` does, the vectors read in ``parts`` by as many threads."""
    faiss = load_faiss()
    n, dim, m = int(flat.ntotal), int(flat.d), len(queries)
    edges = np.linspace(0, n, parts + 1).astype(np.int64).tolist()
    # Where every part starts: the pointer's own arithmetic stays in FAISS's bytes.
    content = faiss.rev_swig_ptr(flat.codes.data(), n * dim * 4)
    nearest: list[Nearest] = [
        (np.empty((m, size), np.float32), np.empty((m, size), np.int64)) for _ in range(parts)
    ]

    def read(part: int) -> None:
        start, end = edges[part], edges[part + 1]
        scores, positions = nearest[part]
        with exactly_threads(1):
            faiss.knn_inner_product(
                faiss.swig_ptr(queries), _float_pointer(content[start * dim * 4 :]),
                dim, m, end - start, size, faiss.swig_ptr(scores), faiss.swig_ptr(positions),
            )  # fmt: skip
        positions[positions >= 0] += start

    # Threads of its own for each search: a shared pool would make searches wait in line.
    with ThreadPoolExecutor(parts - 1, "longtail-search") as workers:
        rest = [workers.submit(read, part) for part in range(1, parts)]
        read(0)
        for done in rest:
            done.result()
    return merge_nearest(nearest, size)


def best_of_blocks(
    queries: NDArray[np.float32],
    n: int,
    size: int,
    block: int,
    read: Callable[[slice], NDArray[np.float32]],
) -> Nearest:
    """Return the ``size`` nearest of n vectors that ``read`` gives a block at a time.

    Lines are padded with -1 and -inf where there are fewer vectors.
    """
    faiss = load_faiss()
    best: Nearest | None = None
    for start in range(0, n, block):
        vectors = read(slice(start, min(start + block, n)))
        with search_threads(len(queries), *vectors.shape):
            scores, positions = faiss.knn(
                queries, vectors, min(size, len(vectors)), metric=faiss.METRIC_INNER_PRODUCT
            )
        nearest = (scores, positions + start)
        best = nearest if best is None else merge_nearest([best, nearest], size)
    if best is None:
        best = np.empty((len(queries), 0), np.float32), np.empty((len(queries), 0), np.int64)
    missing = size - best[0].shape[1]
    if missing > 0:
        best = (
            np.pad(best[0], ((0, 0), (0, missing)), constant_values=-np.inf),
            np.pad(best[1], ((0, 0), (0, missing)), constant_values=-1),
        )
    return best


def merge_nearest(parts: list[Nearest], size: int) -> Nearest:
    """Return the ``size`` best of several lists a query, best first.

    >>> left = np.array([[3.0, 1.0]], np.float32), np.array([[7, 8]])
    >>> right = np.array([[2.0, 0.5]], np.float32), np.array([[1, 2]])
    >>> merge_nearest([left, right], 3)[1].tolist()
    [[7, 1, 8]]
    """
    scores = np.concatenate([part for part, _ in parts], axis=1)
    positions = np.concatenate([part for _, part in parts], axis=1)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :size]
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(positions, order, axis=1)


def _float_pointer(content: NDArray[np.uint8]) -> Any:
    """Return FAISS's pointer to float32 numbers at this place, which need not be aligned."""
    faiss = load_faiss()
    return faiss.cast_integer_to_float_ptr(int(content.ctypes.data))
