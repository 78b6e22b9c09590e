"""Several questions about the same vectors, answered from one matrix product.

A question's score is ``q . v + w * popularity``: only the second part differs between questions
that share their vectors, and it is one number an item.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from longtail.index.faiss_runtime import BLAS_FROM, load_faiss, reading_threads, search_threads
from longtail.index.search.exclusions import Exclusions
from longtail.index.search.query import Asked
from longtail.index.search.segment import Segment
from longtail.index.vectors.scoring import Found, exact_scores_of_pairs, rounding_bound
from longtail.index.vectors.stored_vectors import DECODE_FROM_QUERIES
from longtail.index.vectors.streaming_top_k import RunningBest

# Products held at once: they stay in a processor's cache between the steps.
PRODUCT_BYTES = 16 * 2**20
# Vectors held at once where they are decoded or gathered.
VECTOR_BYTES = 64 * 2**20
QUERIES_AT_ONCE = 256
# Vectors copied for FAISS's matrix product; measured, the copy costs less than 5 % of it.
VECTORS_A_PRODUCT = 2_048
# Where fewer than one in so many may be answered, only these are read.
SPARSE = 4

# One question to fewer items is answered from all their products. Measured with 384 dimensions,
# one thread: at 12,000 items in half of the time that FAISS's own selection takes for 100
# answers and in 0.9 of it for 10; at 100,000 in 0.9 and 1.1.
PRODUCTS_BELOW = 65_536


class _Piece(NamedTuple):
    """Neighbouring columns of a block: where they start, and what they are of which segment."""

    start: int
    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]
    number: int
    first: int

    @property
    def end(self) -> int:
        return self.start + len(self.rows)


class _Source(NamedTuple):
    """Positions of a segment that are read, and the columns among them that answer nobody."""

    segment: Segment
    positions: NDArray[np.int64] | None
    rows: NDArray[np.int64]
    closed: NDArray[np.int64]
    exclusions: Exclusions

    def read(self, start: int, end: int) -> NDArray[np.float32]:
        if self.positions is None:
            return self.segment.vectors.part(start, end)
        return self.segment.vectors.read(self.positions[start:end])


def shares_products(segment: Segment, n_queries: int, n_questions: int) -> bool:
    """Return whether `best_of_each` is the faster way to exact answers of this segment."""
    if segment.ann is not None or segment.on_gpu is not None:
        return False
    if segment.vectors.storage == "float16" and n_queries < DECODE_FROM_QUERIES:
        return False  # FAISS reads float16 as it lies; products need it decoded
    if n_questions == 1:
        return len(segment) < PRODUCTS_BELOW
    width = segment.dim + 1
    few = n_queries * width < BLAS_FROM
    return not few or n_questions > reading_threads(len(segment) * width * 4)


def best_of_each(
    segments: Mapping[int, Segment], queries: Sequence[Asked], exclusions: Exclusions
) -> list[Found]:
    """Return the exact k best rows and scores of each query for each question.

    The questions share their vectors. Answers are those of `Segment.best` on each question's
    segments that are given here, merged, to the last bit. Takes some 100 MiB at most, whatever
    the number of queries and items.
    """
    m, at_once = len(queries[0]), QUERIES_AT_ONCE
    parts = [
        _of_some(
            segments, [q.part(i, i + at_once) for q in queries], exclusions.part(i, i + at_once)
        )
        for i in range(0, m, at_once)
    ]
    if len(parts) == 1:
        return parts[0]
    return [
        (np.concatenate([rows for rows, _ in each]), np.concatenate([some for _, some in each]))
        for each in zip(*parts, strict=True)
    ]


def _of_some(
    segments: Mapping[int, Segment], queries: Sequence[Asked], exclusions: Exclusions
) -> list[Found]:
    plain = queries[0].queries.copy()
    plain[:, -1] = 0.0
    m, dim = plain.shape
    sources = {number: _source(segment, exclusions) for number, segment in segments.items()}
    running = [RunningBest(q.k, rounding_bound(q.reach, dim)) for q in queries]
    width = max(VECTORS_A_PRODUCT, min(PRODUCT_BYTES // m, VECTOR_BYTES // dim) // 4)
    with search_threads(m, sum(len(s.rows) for s in sources.values()), dim):
        for pieces in _blocks(sources, width):
            products = _products(plain, pieces)
            for piece in pieces:
                _close(products, piece, sources[piece.number])
            popularity = np.concatenate([piece.vectors[:, -1] for piece in pieces])
            for search_query, best in zip(queries, running, strict=True):
                of_query = [piece for piece in pieces if piece.number in search_query.segments]
                if of_query:
                    columns = _columns(of_query)
                    scores = _weighted(products[:, columns], search_query, popularity[columns])
                    best.offer(scores, _Exact(search_query.queries, of_query))
    return [best.best() for best in running]


def _weighted(
    products: NDArray[np.float32], search_query: Asked, popularity: NDArray[np.float32]
) -> NDArray[np.float32]:
    weights = search_query.queries[:, -1:]
    if not weights.any():
        return products
    # One line to add where all weights are the same, as they mostly are.
    return products + (weights[:1] if (weights == weights[0]).all() else weights) * popularity


class _Exact:
    """Exact scores and rows of pairs whose columns are those of these pieces, one after another."""

    def __init__(self, queries: NDArray[np.float32], pieces: Sequence[_Piece]) -> None:
        self._queries = queries
        self._pieces = pieces
        self._ends = np.cumsum([len(piece.rows) for piece in pieces])

    def __call__(
        self, query: NDArray[np.int64], column: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        if len(self._pieces) == 1:
            return self._of_piece(self._pieces[0], query, column)
        scores, rows = np.empty(len(query), np.float32), np.empty(len(query), np.int64)
        place = np.searchsorted(self._ends, column, side="right")
        for number, piece in enumerate(self._pieces):
            inside = np.flatnonzero(place == number)
            if len(inside):
                local = column[inside] - (self._ends[number] - len(piece.rows))
                scores[inside], rows[inside] = self._of_piece(piece, query[inside], local)
        return scores, rows

    def _of_piece(
        self, piece: _Piece, query: NDArray[np.int64], local: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        exact = exact_scores_of_pairs(self._queries, query, piece.vectors, local)
        return exact, piece.rows[local]


def _source(segment: Segment, exclusions: Exclusions) -> _Source:
    positions, rows, closed = None, segment.rows, segment.removed
    if segment.allowed is not None and len(segment.allowed) * SPARSE < len(segment):
        positions, rows, closed = segment.allowed, segment.rows[segment.allowed], closed[:0]
    elif segment.allowed is not None:
        closed = np.delete(np.arange(len(segment), dtype=np.int64), segment.allowed)
    return _Source(segment, positions, rows, closed, exclusions.among(rows))


def _blocks(sources: Mapping[int, _Source], width: int) -> Iterator[list[_Piece]]:
    """Yield pieces of at most ``width`` columns together, every position of the sources once."""
    pieces: list[_Piece] = []
    filled = 0
    for number, source in sources.items():
        first = 0
        while first < len(source.rows):
            end = min(len(source.rows), first + width - filled)
            read = source.read(first, end)
            pieces.append(_Piece(filled, source.rows[first:end], read, number, first))
            filled, first = pieces[-1].end, end
            if filled == width:
                yield pieces
                pieces, filled = [], 0
    if pieces:
        yield pieces


def _products(queries: NDArray[np.float32], pieces: Sequence[_Piece]) -> NDArray[np.float32]:
    """Return the inner products of queries [m, d] and the pieces' vectors, float32 [m, b]."""
    faiss = load_faiss()
    m, dim = queries.shape
    products = np.empty((m, pieces[-1].end), np.float32)
    pointer = faiss.swig_ptr
    if m * dim < BLAS_FROM:
        for piece in pieces:
            vectors = pointer(piece.vectors)
            for line, query in zip(products, queries, strict=True):
                faiss.fvec_inner_products_ny(
                    pointer(line[piece.start : piece.end]), pointer(query), vectors,
                    dim, len(piece.rows),
                )  # fmt: skip
        return products
    # The one way to FAISS's matrix product that gives the whole of it, with its threads.
    product: Any = faiss.LinearTransform(dim, VECTORS_A_PRODUCT)
    product.A.resize(dim * VECTORS_A_PRODUCT)
    product.is_trained = True
    copy = faiss.rev_swig_ptr(product.A.data(), dim * VECTORS_A_PRODUCT).reshape(-1, dim)
    for piece in pieces:
        for start in range(0, len(piece.rows), VECTORS_A_PRODUCT):
            part = piece.vectors[start : start + VECTORS_A_PRODUCT]
            if product.d_out != len(part):  # the memory stays where it is
                product.d_out = len(part)
                product.A.resize(dim * len(part))
            copy[: len(part)] = part
            at = piece.start + start
            products[:, at : at + len(part)] = product.apply(queries)
    return products


def _close(products: NDArray[np.float32], piece: _Piece, source: _Source) -> None:
    """Write -inf over what is no answer: to nobody, or to the query that bans it."""
    end = piece.first + len(piece.rows)
    if len(source.closed):
        low, high = np.searchsorted(source.closed, [piece.first, end])
        products[:, source.closed[low:high] - piece.first + piece.start] = -np.inf
    if len(source.exclusions.keys):
        query, position = np.divmod(source.exclusions.keys, source.exclusions.width)
        here = (position >= piece.first) & (position < end)
        products[query[here], position[here] - piece.first + piece.start] = -np.inf


def _columns(pieces: Sequence[_Piece]) -> slice | NDArray[np.int64]:
    """Return the columns of these pieces; a slice, which copies nothing, where they adjoin."""
    if all(left.end == right.start for left, right in pairwise(pieces)):
        return slice(pieces[0].start, pieces[-1].end)
    return np.concatenate([np.arange(piece.start, piece.end) for piece in pieces])
