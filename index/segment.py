"""One part of the catalog that is searched on its own: a FAISS flat index and its rows."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.banned import Banned
from index.exact import best_first, exact_scores, rounding_bound
from index.faiss_runtime import load_faiss, search_threads

# A filtered search of fewer queries reads the allowed vectors where they lie: copying them
# costs as much as two such readings, and 16 queries over a copy as much as 5.
GATHER_FROM_QUERIES = 8
GATHER_BYTES = 256 * 2**20
# The GPU's selection keeps k values in registers and shared memory and stops here.
GPU_MOST_K = 2_048

Found = tuple[NDArray[np.int64], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Segment:
    """Vectors of one segment, and the catalog rows they belong to.

    Attributes:
        name: the segment's name.
        rows: catalog rows, ascending, int64 [n]; position i of FAISS is ``rows[i]``.
        flat: ``faiss.IndexFlatIP`` over ``[vector ; popularity]``.
        stored: a view of FAISS's own memory, float32 [n, d + 1]; `flat` keeps it alive.
        longest: the greatest norm of a vector, popularity left out.
        largest_popularity: the greatest magnitude of a popularity.
        allowed: the positions an answer may have, ascending, or None for all.
        on_gpu: a GPU copy of ``flat``, or None.
        gpu_turn: held while the GPU searches: its scratch memory serves one search at a time.
    """

    name: str
    rows: NDArray[np.int64]
    flat: Any
    stored: NDArray[np.float32] = field(repr=False)
    longest: float
    largest_popularity: float
    allowed: NDArray[np.int64] | None = None
    on_gpu: Any = None
    gpu_turn: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def of_flat(cls, name: str, rows: NDArray[np.int64], flat: Any) -> Segment:
        """Return a segment around a FAISS flat index that was built or read."""
        n, dim = int(flat.ntotal), int(flat.d)
        stored = np.empty((0, dim), np.float32)
        if n:
            stored = load_faiss().rev_swig_ptr(flat.get_xb(), n * dim).reshape(n, dim)
        vectors, popularity = stored[:, :-1], stored[:, -1]
        squares = np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64)
        longest = float(np.sqrt(squares.max(initial=0.0)))
        return cls(name, rows, flat, stored, longest, float(np.abs(popularity).max(initial=0.0)))

    @classmethod
    def of_vectors(cls, name: str, rows: NDArray[np.int64], stored: NDArray[np.float32]) -> Segment:
        """Return a segment that holds a copy of the vectors, float32 [n, d + 1]."""
        flat = load_faiss().IndexFlatIP(stored.shape[1])
        flat.add(np.ascontiguousarray(stored, dtype=np.float32))
        return cls.of_flat(name, rows, flat)

    def __len__(self) -> int:
        return len(self.rows)

    def restricted(self, mask: NDArray[np.bool_], n_queries: int) -> Segment:
        """Return the segment that answers only from ``mask``, bool [n], made for n queries."""
        allowed = np.flatnonzero(mask)
        if len(allowed) == len(self):
            return self
        size = len(allowed) * self.stored.shape[1] * 4
        if n_queries < GATHER_FROM_QUERIES or size > GATHER_BYTES:
            return replace(self, allowed=allowed, on_gpu=None)
        return Segment.of_vectors(self.name, self.rows[allowed], self.stored[allowed])

    def best(self, queries: NDArray[np.float32], k: int, banned: Banned) -> Found:
        """Return the k best rows and scores of each query, exactly, padded with -1 and -inf.

        ``queries`` are ``[q ; weight]``, float32 [m, d + 1]; ``banned`` is in catalog rows.
        """
        available = len(self) if self.allowed is None else len(self.allowed)
        rows = np.full((len(queries), k), -1, np.int64)
        scores = np.full((len(queries), k), -np.inf, np.float32)
        if not available:
            return rows, scores
        banned = banned.among(self.rows)
        fetch = _fetch_sizes(k + banned.counts, available)
        # A few filtered queries, or answers that are most of the segment: FAISS's heap only
        # adds to the one reading of all vectors that such a query needs anyway.
        few = self.allowed is not None and len(queries) < GATHER_FROM_QUERIES
        read_all = np.full(len(queries), True) if few else fetch * 2 > available
        with search_threads(len(queries), available, self.stored.shape[1]):
            for size in np.unique(fetch[~read_all]).tolist():
                group = np.flatnonzero((fetch == size) & ~read_all)
                found = self._nearest(queries[group], k, int(size), banned.take(group))
                rows[group], scores[group], unsure = found
                read_all[group[unsure]] = True
        with search_threads(1, available, self.stored.shape[1]):
            for query in np.flatnonzero(read_all):
                found_rows, found_scores = self._read_all(queries[query], k, banned.of(int(query)))
                rows[query, : len(found_rows)] = found_rows
                scores[query, : len(found_rows)] = found_scores
        return rows, scores

    def _nearest(
        self, queries: NDArray[np.float32], k: int, size: int, banned: Banned
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.bool_]]:
        """Return answers among FAISS's ``size`` nearest, and which queries they may miss some of.

        What FAISS left out scores at most its last score plus the rounding bound; if the k-th
        answer isn't above that, a near tie was cut and FAISS's choice of it is arbitrary.
        """
        approximate, local = self._ask_faiss(queries, size)
        exact = exact_scores(queries, self.stored, local)
        exact[banned.hits(local)] = -np.inf
        positions, scores = best_first(local, exact, k)
        bound = rounding_bound(queries, self.longest, self.largest_popularity)
        unsure = ~(scores[:, -1].astype(np.float64) > approximate[:, -1] + bound)
        return np.where(positions < 0, -1, self.rows[positions]), scores, unsure

    def _ask_faiss(
        self, queries: NDArray[np.float32], size: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        if self.on_gpu is not None and size <= GPU_MOST_K:
            with self.gpu_turn:
                scores, local = self.on_gpu.search(queries, size)
        elif self.allowed is None:
            scores, local = self.flat.search(queries, size)
        else:
            faiss = load_faiss()
            mask = np.zeros(len(self), bool)
            mask[self.allowed] = True
            # The C++ selector keeps a raw pointer into `bits`, which must outlive the search.
            bits = np.packbits(mask, bitorder="little")
            chosen = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))
            scores, local = self.flat.search(queries, size, params=chosen)
            del bits
        return scores, local

    def _read_all(
        self, query: NDArray[np.float32], k: int, banned: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the best rows and scores of one query from every vector, at most k of them."""
        local = np.arange(len(self), dtype=np.int64) if self.allowed is None else self.allowed
        if len(banned):
            local = local[~np.isin(local, banned, assume_unique=True)]
        scores = exact_scores(query[None, :], self.stored, local[None, :])[0]
        if k < len(local):
            # Everything that ties with the k-th stays, so that the row decides and not chance.
            kept = scores >= np.partition(scores, len(scores) - k)[-k]
            local, scores = local[kept], scores[kept]
        order = np.lexsort((local, -scores))[:k]
        return self.rows[local[order]], scores[order]


def _fetch_sizes(needed: NDArray[np.int64], available: int) -> NDArray[np.int64]:
    """Return how many to ask FAISS for: a quarter and 16 more, rounded up to a power of two.

    The surplus lets the k-th answer be told from what was left out; the powers of two make
    few groups, so that one user with 10,000 seen items costs nobody else anything.

    >>> _fetch_sizes(np.array([10, 48, 10_000]), 50_000).tolist()
    [32, 128, 16384]
    """
    wanted = needed + needed // 4 + 16
    sizes = 2 ** np.ceil(np.log2(wanted)).astype(np.int64)
    return np.asarray(np.minimum(sizes, available), dtype=np.int64)
