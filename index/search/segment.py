"""One part of the catalog that is searched on its own: its vectors, rows and structure."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.index.ann.ann_index import AnnIndex
from longtail.index.ann.filter_plan import GATHER_FROM_QUERIES, plan_filter
from longtail.index.ann.setting import Setting
from longtail.index.faiss_runtime import exactly_threads, load_faiss
from longtail.index.search.exclusions import Exclusions
from longtail.index.search.oversampling import fetch_sizes, power_of_two
from longtail.index.vectors.scoring import Found, best_first, rounding_bound, score_reach
from longtail.index.vectors.stored_vectors import Storage, StoredVectors

# The GPU's selection keeps k values in registers and shared memory and stops here.
GPU_MOST_K = 2_048
# Widenings of a search that came back short, before everything is read.
EFFORTS = (1, 4, 16)

NOTHING = np.empty(0, np.int64)


@dataclass(frozen=True, eq=False)
class Segment:
    """Vectors of one segment, and the catalog rows they belong to.

    Attributes:
        name: the segment's name, of which its file names are made.
        rows: catalog rows, ascending, int64 [n]; position i of FAISS is ``rows[i]``.
        vectors: ``[vector ; popularity]`` of every position.
        pool: the pool it belongs to; several segments may share one.
        removed: positions that answer nobody, ascending, int64; may be empty.
        structure: proposes candidates in place of reading everything; None: exact.
        allowed: the positions an answer may have, ascending, or None for all but `removed`.
        on_gpu: a GPU copy of ``vectors.flat``, or None.
        gpu_turn: held while the GPU searches: its scratch memory serves one search at a time.
    """

    name: str
    rows: NDArray[np.int64]
    vectors: StoredVectors = field(repr=False)
    pool: str
    removed: NDArray[np.int64] = field(default_factory=lambda: NOTHING, repr=False)
    ann: AnnIndex | None = None
    allowed: NDArray[np.int64] | None = None
    on_gpu: Any = None
    gpu_turn: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def of_vectors(
        cls,
        name: str,
        rows: NDArray[np.int64],
        stored: NDArray[np.float32],
        *,
        pool: str | None = None,
        storage: Storage = "float32",
    ) -> Segment:
        """Return a segment that holds a copy of ``[vector ; popularity]``, float32 [n, d + 1]."""
        return cls(name, rows, StoredVectors.of_vectors(stored, storage), pool or name)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def flat(self) -> Any:
        """The FAISS index of the stored vectors, as it is written to the segment's file."""
        return self.vectors.flat

    @property
    def dim(self) -> int:
        """Dimensions of a vector, the popularity not counted."""
        return self.vectors.dim

    @property
    def longest(self) -> float:
        """The greatest norm of a stored vector, popularity left out."""
        return self.vectors.longest

    @property
    def largest_popularity(self) -> float:
        """The greatest magnitude of a stored popularity."""
        return self.vectors.largest_popularity

    def full(self, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return ``[vector ; popularity]`` of these positions, float32 [c, d + 1]."""
        return self.vectors.read(positions)

    def scores(self, queries: NDArray[np.float32], local: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return exact scores of each query's own positions [m, c]; position -1 gives -inf."""
        return self.vectors.scores(queries, local)

    def to_gpu(self, scratch: Any, turn: threading.Lock) -> Segment:
        """Return the segment searching on the GPUs that ``scratch`` stands for."""
        if self.ann is not None and self.ann.fits_gpu:
            return replace(self, ann=self.ann.to_gpus(turn))
        on_gpu = load_faiss().index_cpu_to_gpu(scratch, 0, self.flat)
        return replace(self, ann=None, on_gpu=on_gpu, gpu_turn=turn)

    def to_cpu(self) -> Segment:
        """Return the segment searching in main memory."""
        ann = self.ann.to_cpu() if self.ann is not None else None
        return replace(self, ann=ann, on_gpu=None)

    @property
    def n_live(self) -> int:
        """Number of positions that are not removed."""
        return len(self) - len(self.removed)

    def restricted(self, allowed: NDArray[np.int64], n_queries: int) -> Segment:
        """Return the segment that answers only from these positions, made for n queries.

        They are ascending; removed ones among them answer nobody still.
        """
        if len(self.removed):
            allowed = np.setdiff1d(allowed, self.removed, assume_unique=True)
        if len(allowed) == self.n_live:
            return self
        scanned = None if self.ann is None else self.ann.scanned
        plan = plan_filter(n_queries, len(allowed), len(self), self.dim + 1, scanned=scanned)
        if plan == "selector":
            return replace(self, allowed=allowed, on_gpu=None)
        if plan == "copy":
            return Segment(self.name, self.rows[allowed], self.vectors.copied(allowed), self.pool)
        return replace(self, allowed=allowed, on_gpu=None, ann=None)

    def best(self, queries: NDArray[np.float32], k: int, exclusions: Exclusions) -> Found:
        """Return the k best rows and scores of each query, padded with -1 and -inf.

        They are exact unless the segment has a structure. ``queries`` are ``[q ; weight]``,
        float32 [m, d + 1]; ``exclusions`` is in catalog rows.
        """
        available = self.n_live if self.allowed is None else len(self.allowed)
        if available:
            exclusions = exclusions.among(self.rows).within(self.allowed, self.removed)
            best = None if len(exclusions.keys) else self._best_by_one_setting(queries, k)
            if best is not None:
                return best
        positions = np.full((len(queries), k), -1, np.int64)
        scores = np.full((len(queries), k), -np.inf, np.float32)
        if not available:
            return positions, scores
        results, pending = (positions, scores), np.arange(len(queries))
        left = pending[:0]
        if self.ann is not None:
            level = self.ann.levels(queries, k)
            for served in sorted(set(level.tolist()) - {np.inf}):
                group, setting = pending[level == served], self.ann.setting_for(k, served)
                short = self._propose(
                    self.ann, setting, queries, group, exclusions, available, results
                )
                left = np.concatenate([left, short])
            pending = pending[level == np.inf]
        if len(pending):
            short = self._search(queries, pending, k, exclusions, available, results)
            left = np.concatenate([left, short])
        if len(left):
            with exactly_threads(1):
                for query in left.tolist():
                    local, exact = self._read_all(queries[query], k, exclusions.of(query))
                    positions[query] = -1
                    scores[query] = -np.inf
                    positions[query, : len(local)] = local
                    scores[query, : len(local)] = exact
        return np.where(positions < 0, -1, self.rows[positions]), scores

    def _best_by_one_setting(self, queries: NDArray[np.float32], k: int) -> Found | None:
        """Return what `best` does where the structure gives it at the first try, as it mostly does.

        None where queries differ in how far they must look, one came back short, there is a
        filter, or no structure. ``queries`` are at least one.
        """
        ann, live = self.ann, self.n_live
        if ann is None or self.allowed is not None or k > live:
            return None
        setting = ann.setting_of_all(queries, k)
        if setting is None:
            return None
        local = ann.propose(queries, setting, share=live / len(self))
        positions, scores = self._answers(queries, local, k, None)
        return None if positions[:, -1].min() < 0 else (self.rows[positions], scores)

    def _search(
        self,
        queries: NDArray[np.float32],
        pending: NDArray[np.int64],
        k: int,
        exclusions: Exclusions,
        available: int,
        results: Found,
    ) -> NDArray[np.int64]:
        """Fill in exact answers by FAISS; return the queries that must read every vector."""
        # A few filtered queries: reading what is allowed is all they need. FAISS reads float16
        # faster than it is decoded.
        few = len(pending) < GATHER_FROM_QUERIES and self.vectors.storage == "float32"
        if self.allowed is not None and few:
            return pending
        fetch = fetch_sizes(k + exclusions.counts, available)
        left = []
        for wider in EFFORTS:
            sizes = np.minimum(fetch[pending] * wider, available)
            # Answers that are most of the segment: FAISS's heap would only add to the reading.
            most = sizes * 2 > available
            left.append(pending[most])
            pending, sizes = pending[~most], sizes[~most]
            unsure = [pending[:0]]
            for size in np.unique(sizes).tolist():
                group = pending[sizes == size]
                best = self._nearest(queries[group], k, size, exclusions.take(group))
                results[0][group], results[1][group], sure = best
                unsure.append(group[~sure])
            pending = np.concatenate(unsure)
            if not len(pending):
                break
        return np.concatenate([*left, pending])

    def _nearest(
        self, queries: NDArray[np.float32], k: int, size: int, exclusions: Exclusions
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.bool_]]:
        """Return answers among FAISS's ``size`` nearest, and for which queries they are sure.

        What FAISS left out scores at most its last score plus the rounding bound; if the k-th
        answer isn't above that, a near tie was cut and FAISS's choice of it is arbitrary.
        """
        if self.on_gpu is not None and size <= GPU_MOST_K:
            with self.gpu_turn:
                approximate, local = self.on_gpu.search(self.vectors.flat_queries(queries), size)
        elif self.allowed is None:
            approximate, local = self.vectors.nearest(queries, size)
        else:
            approximate, local = self.vectors.nearest_among(queries, size, self.allowed)
        positions, scores = self._answers(queries, local, k, exclusions)
        reach = score_reach(queries, self.longest, self.largest_popularity)
        bound = rounding_bound(reach, queries.shape[1])
        sure = scores[:, -1].astype(np.float64) > approximate[:, -1] + bound
        return positions, scores, sure

    def _propose(
        self,
        ann: AnnIndex,
        setting: Setting,
        queries: NDArray[np.float32],
        pending: NDArray[np.int64],
        exclusions: Exclusions,
        available: int,
        results: Found,
    ) -> NDArray[np.int64]:
        """Fill in the best of what the structure proposes; return the queries still short."""
        k = results[0].shape[1]
        expected = np.minimum(k, available - exclusions.counts)
        pending = pending[expected[pending] > 0]
        extra, share = power_of_two(exclusions.counts), available / len(self)
        for effort in EFFORTS:
            short = [pending[:0]]
            for more in np.unique(extra[pending]).tolist() if len(exclusions.keys) else [0]:
                everybody = len(pending) == len(queries) and not len(exclusions.keys)
                group = pending if everybody else pending[extra[pending] == more]
                some = queries if everybody else queries[group]
                most = int(exclusions.counts[group].max()) if more else 0
                local = ann.propose(
                    some, setting, more=most, effort=effort, share=share, allowed=self.allowed
                )
                not_these = exclusions if everybody else exclusions.take(group)
                answers = self._answers(some, local, k, not_these)
                results[0][group], results[1][group] = answers
                short.append(group[(answers[0] >= 0).sum(axis=1) < expected[group]])
            pending = np.concatenate(short)
            if not len(pending):
                break
        return pending

    def _answers(
        self,
        queries: NDArray[np.float32],
        local: NDArray[np.int64],
        k: int,
        exclusions: Exclusions | None,
    ) -> Found:
        """Return the k best of the proposed positions that may be answered, scored exactly."""
        exact = self.vectors.scores(queries, local)
        if exclusions is not None and len(exclusions.keys):
            exact[exclusions.hits(local)] = -np.inf
        if self.allowed is None and len(self.removed):
            place = np.minimum(np.searchsorted(self.removed, local), len(self.removed) - 1)
            exact[self.removed[place] == local] = -np.inf
        return best_first(local, exact, k)

    def _read_all(
        self, query: NDArray[np.float32], k: int, exclusions: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the best positions and scores of one query from every vector, at most k."""
        if self.allowed is not None:
            local = self.allowed
        else:
            local = np.delete(np.arange(len(self), dtype=np.int64), self.removed)
        if len(exclusions):
            local = local[~np.isin(local, exclusions, assume_unique=True)]
        scores = self.vectors.scores_of_one(query, local)
        if k < len(local):
            # Everything that ties with the k-th stays, so that the row decides and not chance.
            kept = scores >= np.partition(scores, len(scores) - k)[-k]
            local, scores = local[kept], scores[kept]
        order = np.lexsort((local, -scores))[:k]
        return local[order], scores[order]
