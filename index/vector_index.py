"""The searchable catalog: vectors with their popularity, in segments, and the exact answers."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from index.banned import Banned
from index.checks import (
    check_allowed,
    check_columns,
    check_reach,
    check_rows,
    check_segment_names,
    checked_ids,
    weighted_queries,
)
from index.errors import VectorIndexError
from index.exact import best_first, exact_scores, score_reach
from index.faiss_runtime import gpu_count, load_faiss, search_threads
from index.segment import Segment

SEGMENT_NAMES = ("head", "tail", "cold")
QUERIES_AT_ONCE = 2_048

Device = Literal["cpu", "gpu"]
Excluded = tuple[NDArray[np.int64], NDArray[np.int32]]


@dataclass(frozen=True)
class SearchResult:
    """Answers of m queries.

    Attributes:
        rows: catalog rows, best first, padded with -1, int64 [m, k].
        scores: their scores, padded with -inf, float32 [m, k].
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class VectorIndex:
    """Item vectors and popularities in physical segments, searched exactly.

    The score of an item is ``query . vector + popularity_weight * popularity``. Answers are in
    order of score, ties in order of row, and a query gets the same answer, to the last bit,
    alone as in any batch. Several threads may search at once.

    Attributes:
        segments: one per segment name; some may be empty.
        item_ids: the owner's ids by catalog row, object [n].
        tower_fingerprint: which item tower made the vectors.
        device: ``cpu`` or ``gpu``.
    """

    segments: tuple[Segment, ...]
    item_ids: NDArray[np.object_]
    tower_fingerprint: str
    device: Device = "cpu"

    @classmethod
    def build(
        cls,
        vectors: NDArray[np.float32],
        popularity: NDArray[np.float32],
        segment_of: NDArray[np.int8],
        segment_names: Sequence[str] = SEGMENT_NAMES,
        *,
        item_ids: Sequence[str],
        tower_fingerprint: str,
    ) -> VectorIndex:
        """Return an index over float32 [n, d] vectors, their popularity [n] and segment [n].

        Vectors and popularity (log p, centred or not) are stored as given; ``segment_of``
        holds positions in ``segment_names``.

        Raises:
            VectorIndexError: shapes, types or lengths don't fit, a value isn't finite, a
                segment name is unfit, or an item id is no string or occurs twice.
        """
        ids = checked_ids(item_ids)
        check_columns(vectors, popularity, segment_of, len(ids), len(segment_names))
        check_segment_names(segment_names)
        segments = []
        for code, name in enumerate(segment_names):
            rows = np.flatnonzero(segment_of == code)
            stored = np.concatenate([vectors[rows], popularity[rows, None]], axis=1)
            segments.append(Segment.of_vectors(name, rows, stored))
        return cls(tuple(segments), ids, tower_fingerprint)

    @property
    def n_items(self) -> int:
        """Number of catalog rows."""
        return len(self.item_ids)

    @property
    def dim(self) -> int:
        """Dimensions of a vector, the popularity not counted."""
        return int(self.segments[0].flat.d) - 1

    @property
    def segment_sizes(self) -> dict[str, int]:
        """Number of items in each segment, by name."""
        return {segment.name: len(segment) for segment in self.segments}

    def search(
        self,
        queries: NDArray[np.float32],
        k: int,
        *,
        popularity_weight: float | NDArray[np.float32] = 0.0,
        segments: Collection[str] | None = None,
        excluded: Excluded | None = None,
        allowed: NDArray[np.bool_] | None = None,
    ) -> SearchResult:
        """Return the k best items of each query, float32 [m, d], out of the chosen segments.

        Args:
            queries: query vectors, already divided by the temperature.
            k: answers per query; where fewer items may be returned, the rest is padding.
            popularity_weight: one weight for all, or one for each query, float32 [m].
            segments: names to search; None searches all.
            excluded: ``(offsets [m + 1], rows)``: query i never gets
                ``rows[offsets[i]:offsets[i + 1]]``, and still gets k others where there are.
            allowed: bool [n]; False rows are returned to nobody.

        Raises:
            VectorIndexError: a value isn't finite, or shapes, names or rows don't fit.
        """
        full = self._with_weight(queries, popularity_weight)
        if k < 1:
            raise VectorIndexError(f"k must be at least 1, not {k}")
        banned = Banned.of_catalog(
            *(excluded or (np.zeros(len(full) + 1, np.int64), np.empty(0, np.int32))),
            len(full),
            self.n_items,
        )
        # Longer answers than the catalog are padding: don't carry it through every step.
        width = min(k, self.n_items)
        chosen = self._chosen(segments, allowed, len(full))
        rows = np.full((len(full), k), -1, np.int64)
        scores = np.full((len(full), k), -np.inf, np.float32)
        for start in range(0, len(full), QUERIES_AT_ONCE):
            part = np.arange(start, min(start + QUERIES_AT_ONCE, len(full)))
            not_these = banned.take(part)
            found = [segment.best(full[part], width, not_these) for segment in chosen]
            if found:
                rows[part], scores[part] = best_first(
                    np.concatenate([found_rows for found_rows, _ in found], axis=1),
                    np.concatenate([found_scores for _, found_scores in found], axis=1),
                    k,
                )
        return SearchResult(rows, scores)

    def score(
        self,
        queries: NDArray[np.float32],
        rows: NDArray[np.int64],
        *,
        popularity_weight: float | NDArray[np.float32] = 0.0,
    ) -> NDArray[np.float32]:
        """Return the scores that `search` gives these rows, float32 [m, c]; row -1 gives -inf.

        ``rows`` holds each query's own candidates, [m, c].
        """
        full = self._with_weight(queries, popularity_weight)
        rows = np.asarray(rows, np.int64)
        if rows.ndim != 2 or len(rows) != len(full):
            raise VectorIndexError(
                f"candidate rows must be [{len(full)}, c], one line a query; got {rows.shape}"
            )
        check_rows(rows, least=-1, n_items=self.n_items)
        scores = np.full(rows.shape, -np.inf, np.float32)
        with search_threads(len(full), rows.shape[1], self.dim + 1):
            for segment, inside, local in self._located(rows):
                wanted = np.where(inside, local, -1)
                scores = np.maximum(scores, exact_scores(full, segment.stored, wanted))
        return scores

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the stored vectors of these rows, float32 [len(rows), d], without popularity."""
        return np.ascontiguousarray(self._stored(rows)[:, :-1])

    def popularity(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the stored popularity of these rows, float32 [len(rows)]."""
        return np.ascontiguousarray(self._stored(rows)[:, -1])

    def segment_codes(self) -> NDArray[np.int8]:
        """Return the position in ``segments`` of each row's segment, int8 [n]."""
        codes = np.empty(self.n_items, np.int8)
        for code, segment in enumerate(self.segments):
            codes[segment.rows] = code
        return codes

    def to_device(self, device: Device) -> VectorIndex:
        """Return the same index searching on that device; the answers are the same.

        The vectors stay in main memory too: final scores, filters and answers of more than
        2,048 are computed there.

        Raises:
            VectorIndexError: ``gpu`` was asked for and FAISS sees none.
        """
        if device == "cpu":
            segments = tuple(replace(segment, on_gpu=None) for segment in self.segments)
            return replace(self, segments=segments, device="cpu")
        if device != "gpu":
            raise VectorIndexError(f"there is no device {device!r}; use cpu or gpu")
        if gpu_count() == 0:
            raise VectorIndexError(
                "FAISS sees no GPU here; use the cpu device, or install "
                '`pip install "longtail[gpu]"` in place of the cpu wheel on a machine with one'
            )
        faiss, turn = load_faiss(), threading.Lock()
        scratch = faiss.StandardGpuResources()  # one for all segments: it takes over 1 GB
        segments = tuple(
            replace(s, on_gpu=faiss.index_cpu_to_gpu(scratch, 0, s.flat), gpu_turn=turn)
            for s in self.segments
        )
        return replace(self, segments=segments, device="gpu")

    def _with_weight(
        self, queries: NDArray[np.float32], weight: float | NDArray[np.float32]
    ) -> NDArray[np.float32]:
        full = weighted_queries(queries, weight, self.dim)
        for segment in self.segments:
            check_reach(full, score_reach(full, segment.longest, segment.largest_popularity))
        return full

    def _chosen(
        self, names: Collection[str] | None, allowed: NDArray[np.bool_] | None, n_queries: int
    ) -> list[Segment]:
        known = [segment.name for segment in self.segments]
        unknown = sorted(set(known if names is None else names) - set(known))
        if unknown:
            raise VectorIndexError(f"no segment {unknown[0]!r}; there are {', '.join(known)}")
        chosen = [s for s in self.segments if names is None or s.name in names]
        if allowed is None:
            return chosen
        check_allowed(allowed, self.n_items)
        return [segment.restricted(allowed[segment.rows], n_queries) for segment in chosen]

    def _located(
        self, rows: NDArray[np.int64]
    ) -> list[tuple[Segment, NDArray[np.bool_], NDArray[np.int64]]]:
        """Return for each segment which of the rows it holds, and their positions there."""
        found = []
        for segment in self.segments:
            if len(segment):
                local = np.searchsorted(segment.rows, rows)
                local = np.minimum(local, len(segment) - 1)
                found.append((segment, segment.rows[local] == rows, local))
        return found

    def _stored(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        rows = np.asarray(rows, np.int64)
        if rows.ndim != 1:
            raise VectorIndexError(f"rows must be a flat list, not {list(rows.shape)}")
        check_rows(rows, least=0, n_items=self.n_items)
        stored = np.empty((len(rows), self.dim + 1), np.float32)
        for segment, inside, local in self._located(rows):
            stored[inside] = segment.stored[local[inside]]
        return stored
