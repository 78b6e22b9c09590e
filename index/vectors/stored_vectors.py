"""The vectors of one segment as FAISS holds them, in float32 or float16, and exact answers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from longtail.index.faiss_runtime import load_faiss, search_threads
from longtail.index.vectors.flat_search import best_of_blocks, merge_nearest, nearest_flat
from longtail.index.vectors.float16 import (
    decoded,
    empty_float16,
    float16_columns,
    float16_queries,
    is_float16,
)
from longtail.index.vectors.huge_pages import use_huge_pages
from longtail.index.vectors.scoring import exact_scores

Storage = Literal["float32", "float16"]
STORAGES: tuple[Storage, ...] = ("float32", "float16")

# FAISS scans float16 query by query; from here on it pays to decode blocks for a matrix product.
DECODE_FROM_QUERIES = 12
BLOCK_BYTES = 64 * 2**20
ROWS_AT_ONCE = 65_536

Nearest = tuple[NDArray[np.float32], NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class StoredVectors:
    """``[vector ; popularity]`` of n items in one FAISS index.

    float32 lies in an ``IndexFlatIP`` of d + 1 dimensions. float16 lies in an
    ``IndexScalarQuantizer`` of at least d + 3: the popularity in three parts, then zeros up to
    a multiple of 16. Plain FAISS reads and searches both: the query is ``[q ; w]`` or
    ``[q ; w ; w / 2**8 ; w / 2**16 ; 0 ...]``.

    Attributes:
        flat: the FAISS index; it may be memory-mapped.
        dim: dimensions of a vector, the popularity not counted.
        storage: how a number is stored.
        longest: the greatest norm of a stored vector, popularity left out.
        largest_popularity: the greatest magnitude of a popularity.
        content: FAISS's own memory as bytes [n, code size]; ``flat`` keeps it alive.
    """

    flat: Any
    dim: int
    storage: Storage
    longest: float
    largest_popularity: float
    content: NDArray[np.uint8] = field(repr=False)

    @classmethod
    def of_vectors(cls, stored: NDArray[np.float32], storage: Storage = "float32") -> StoredVectors:
        """Return a copy of ``[vector ; popularity]``, float32 [n, d + 1].

        Raises:
            VectorIndexError: a number is too large for float16.
        """
        blocks = (
            stored[start : start + ROWS_AT_ONCE] for start in range(0, len(stored), ROWS_AT_ONCE)
        )
        return cls.of_blocks(blocks, len(stored), stored.shape[1] - 1, storage)

    @classmethod
    def of_blocks(
        cls, blocks: Iterable[NDArray[np.float32]], n: int, dim: int, storage: Storage = "float32"
    ) -> StoredVectors:
        """Return copies of blocks of ``[vector ; popularity]``, float32 [b, d + 1], n in all.

        No more than a block is in memory twice.

        Raises:
            VectorIndexError: a number is too large for float16.
        """
        if storage == "float32":
            flat = load_faiss().IndexFlatIP(dim + 1)
        else:
            flat, blocks = empty_float16(dim), float16_columns(blocks)
        # All the memory at once: while it grew, FAISS would hold the vectors in it twice.
        flat.codes.resize(n * int(flat.code_size))
        for block in blocks:
            flat.add(np.ascontiguousarray(block, dtype=np.float32))
        return cls.of_flat(flat, dim)

    @classmethod
    def of_flat(
        cls,
        flat: Any,
        dim: int,
        *,
        longest: float | None = None,
        largest_popularity: float | None = None,
    ) -> StoredVectors:
        """Return the vectors of a FAISS index that was built or read.

        The two bounds are measured where they aren't given, which reads everything once.

        Raises:
            ValueError: it is no index that `of_vectors` makes for ``dim`` dimensions.
        """
        faiss, n = load_faiss(), int(flat.ntotal)
        if isinstance(flat, faiss.IndexFlatIP) and flat.d == dim + 1:
            storage, width = STORAGES[0], 4 * (dim + 1)
        elif is_float16(flat, dim):
            storage, width = STORAGES[1], 2 * int(flat.d)
        else:
            raise ValueError(f"no flat index of {dim + 1} dimensions in float32 or float16")
        content = np.empty((0, width), np.uint8)
        if n:
            content = faiss.rev_swig_ptr(flat.codes.data(), n * width).reshape(n, width)
        stored = cls(flat, dim, storage, longest or 0.0, largest_popularity or 0.0, content)
        if longest is not None and largest_popularity is not None:
            return stored
        return cls(flat, dim, storage, *stored._bounds(), content)

    def __len__(self) -> int:
        return len(self.content)

    def read(self, positions: NDArray[np.int64] | slice) -> NDArray[np.float32]:
        """Return ``[vector ; popularity]`` of these positions, float32 [c, d + 1]."""
        chosen = self.content[positions]
        if self.storage == "float32":
            # From bytes: a mapped file's numbers don't lie on multiples of four.
            return np.array(chosen.view(np.float32).reshape(len(chosen), self.dim + 1))
        return decoded(self.flat, chosen, self.dim)

    def gather_in_huge_pages(self) -> None:
        """Make reading here and there faster, as a structure's candidates are read.

        Vectors in a mapped file stay there.
        """
        if self.flat.codes.is_owned:
            use_huge_pages(self.content)

    def part(self, start: int, end: int) -> NDArray[np.float32]:
        """Return neighbouring positions as `read` does, but float32 where it lies.

        The numbers of a mapped file need not lie on multiples of four.
        """
        if self.storage == "float32":
            return self._whole()[start:end]
        return self.read(slice(start, end))

    def copied(self, positions: NDArray[np.int64]) -> StoredVectors:
        """Return a float32 copy of these positions."""
        flat = load_faiss().IndexFlatIP(self.dim + 1)
        flat.add(self.read(positions))
        # The bounds of all hold for some: measuring them anew would take as long as the copy.
        longest, largest = self.longest, self.largest_popularity
        return StoredVectors.of_flat(flat, self.dim, longest=longest, largest_popularity=largest)

    def scores(self, queries: NDArray[np.float32], local: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return `exact_scores` of the stored vectors: queries [m, d + 1], local [m, c]."""
        if self.storage == "float32":
            return exact_scores(queries, self._whole(), local)
        at_once = max(1, self._block // max(local.shape[1], 1))
        if len(queries) > at_once:
            parts = range(0, len(queries), at_once)
            return np.concatenate(
                [self.scores(queries[i : i + at_once], local[i : i + at_once]) for i in parts]
            )
        distinct, where = np.unique(local, return_inverse=True)
        padding = int(np.searchsorted(distinct, 0))  # 1 where -1 is among them
        return exact_scores(
            queries, self.read(distinct[padding:]), where.reshape(local.shape) - padding
        )

    def scores_of_one(
        self, query: NDArray[np.float32], positions: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Return `exact_scores` of one query [d + 1] and many positions, float32 [c]."""
        if self.storage == "float32":
            line: NDArray[np.float32] = exact_scores(
                query[None, :], self._whole(), positions[None, :]
            )[0]
            return line
        scores: NDArray[np.float32] = np.empty(len(positions), np.float32)
        for start in range(0, len(positions), self._block):
            part = positions[start : start + self._block]
            everything = np.arange(len(part), dtype=np.int64)[None, :]
            scores[start : start + len(part)] = exact_scores(
                query[None, :], self.read(part), everything
            )[0]
        return scores

    def nearest(self, queries: NDArray[np.float32], size: int) -> Nearest:
        """Return the ``size`` nearest by FAISS's scores, float32 and int64 [m, size]."""
        if self.storage == "float32":
            return nearest_flat(self.flat, queries, size)
        if len(queries) < DECODE_FROM_QUERIES:
            with search_threads(len(queries), len(self), int(self.flat.d)):
                scores, local = self.flat.search(self.flat_queries(queries), size)
            return scores, local
        return best_of_blocks(queries, len(self), size, self._block, self.read)

    def nearest_among(
        self, queries: NDArray[np.float32], size: int, allowed: NDArray[np.int64]
    ) -> Nearest:
        """Return the ``size`` nearest among these positions, ascending."""
        if self.storage == "float16" and len(queries) < DECODE_FROM_QUERIES:
            return self._nearest_codes(queries, size, allowed)
        scores, local = best_of_blocks(
            queries,
            len(allowed),
            size,
            self._block,
            lambda part: self.read(allowed[part]),
        )
        return scores, np.where(local < 0, -1, allowed[local])

    def _nearest_codes(
        self, queries: NDArray[np.float32], size: int, allowed: NDArray[np.int64]
    ) -> Nearest:
        """Return the nearest among these positions, whose float16 numbers FAISS reads as they are.

        It decodes by SIMD where it searches, and number by number where it only decodes: ten
        times as slow.
        """
        codes, step = float16_queries(queries), max(1, BLOCK_BYTES // self.content.shape[1])
        nearest = []
        for start in range(0, len(allowed), step):
            part = empty_float16(self.dim)
            part.add_sa_codes(np.ascontiguousarray(self.content[allowed[start : start + step]]))
            with search_threads(len(queries), int(part.ntotal), int(part.d)):
                scores, local = part.search(codes, size)
            nearest.append((scores, np.where(local < 0, -1, allowed[start:][local])))
        return merge_nearest(nearest, size)

    def flat_queries(self, queries: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return ``[q ; w]`` [m, d + 1] in the dimensions of ``flat``."""
        if self.storage == "float32":
            return queries
        return float16_queries(queries)

    @property
    def _block(self) -> int:
        return max(1_024, BLOCK_BYTES // (4 * (self.dim + 1)))

    def _whole(self) -> NDArray[np.float32]:
        whole: NDArray[np.float32] = self.content.view(np.float32).reshape(len(self), self.dim + 1)
        return whole

    def _bounds(self) -> tuple[float, float]:
        longest = largest = 0.0
        for start in range(0, len(self), self._block):
            part = self.read(slice(start, start + self._block))
            squares = np.einsum("nd,nd->n", part[:, :-1], part[:, :-1], dtype=np.float64)
            longest = max(longest, float(np.sqrt(squares.max())))
            largest = max(largest, float(np.abs(part[:, -1]).max()))
        return longest, largest
