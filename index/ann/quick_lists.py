"""Inverted lists for a few queries, found by 4-bit codes of the lists' own centroids."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.index.faiss_runtime import load_faiss
from longtail.index.vectors.scoring import exact_scores

# Lists whose centroids are compared exactly, for each list that is looked at, and at least so
# many. Measured at 2,048 lists, 0.9995 of the lists are then those of a search of them all.
COMPARED_A_LIST = 8
LEAST_COMPARED = 64
# Comparing more than a part of the centroids takes as long as comparing them all.
MOST_COMPARED_SHARE = 0.25


@dataclass(frozen=True, eq=False)
class QuickLists:
    """The way of a few queries through an ``IndexPreTransform`` of ``IndexIVFPQFastScan``.

    FAISS compares a query with every centroid, in float32: for a few queries that is reading
    megabytes, and takes longer than the lists themselves. The product quantiser of the items
    describes centroids as well as it does items, so that scanning their codes leaves a few
    centroids to compare. Lists and candidates are those of the index but for rare ones.

    Made from what the index holds; nothing of it is stored.

    Attributes:
        transform: the random rotation.
        lists: the index behind it.
        codes: an ``IndexPQFastScan`` of the centroids.
        centroids: the centroids, float32 [lists, width].
    """

    transform: Any = field(repr=False)
    lists: Any = field(repr=False)
    codes: Any = field(repr=False)
    centroids: NDArray[np.float32] = field(repr=False)
    _parameters: dict[int, Any] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, index: Any) -> QuickLists | None:
        """Return the way through this index, or None where it is of another kind."""
        faiss = load_faiss()
        outer = faiss.downcast_index(index)
        if not isinstance(outer, faiss.IndexPreTransform) or outer.chain.size() != 1:
            return None
        lists = faiss.downcast_index(outer.index)
        if not isinstance(lists, faiss.IndexIVFPQFastScan) or lists.by_residual:
            return None
        coarse = faiss.downcast_index(lists.quantizer)
        metrics = {lists.metric_type, coarse.metric_type}
        if not isinstance(coarse, faiss.IndexFlat) or metrics != {faiss.METRIC_INNER_PRODUCT}:
            return None
        centroids = coarse.reconstruct_n(0, int(coarse.ntotal))
        plain = faiss.IndexPQ(int(lists.d), int(lists.pq.M), 4, faiss.METRIC_INNER_PRODUCT)
        plain.pq = lists.pq
        plain.is_trained = True
        plain.add(centroids)
        transform = faiss.downcast_VectorTransform(outer.chain.at(0))
        return cls(transform, lists, faiss.IndexPQFastScan(plain), centroids)

    def search(
        self, queries: NDArray[np.float32], candidates: int, nprobe: int
    ) -> NDArray[np.int64] | None:
        """Return so many candidates of each query, int64 [m, candidates], padded with -1.

        None where so many lists are to be looked at that comparing all centroids is no slower.
        ``queries`` are float32 [m, width], contiguous. The caller sees to it that one thread
        runs: FAISS would wake others for nothing.
        """
        compared = max(LEAST_COMPARED, COMPARED_A_LIST * nprobe)
        if compared > MOST_COMPARED_SHARE * len(self.centroids):
            return None
        faiss, m = load_faiss(), len(queries)
        pointer = faiss.swig_ptr
        turned = np.empty((m, self.centroids.shape[1]), np.float32)
        at = pointer(turned)
        self.transform.apply_noalloc(m, pointer(queries), at)
        rough, near = np.empty((m, compared), np.float32), np.empty((m, compared), np.int64)
        self.codes.search_c(m, at, compared, pointer(rough), pointer(near))
        chosen, scores = _best(near, exact_scores(turned, self.centroids, near), nprobe)
        distances, local = (
            np.empty((m, candidates), np.float32),
            np.empty((m, candidates), np.int64),
        )
        self.lists.search_preassigned_c(
            m, at, candidates, pointer(chosen), pointer(scores), pointer(distances), pointer(local),
            False, self._parameters_for(nprobe),
        )  # fmt: skip
        return local

    def _parameters_for(self, nprobe: int) -> Any:
        """Return search parameters, kept: making them takes as long as the rotation."""
        parameters = self._parameters.get(nprobe)
        if parameters is None:
            parameters = load_faiss().SearchParametersIVF(nprobe=nprobe)
            self._parameters[nprobe] = parameters
        return parameters


def _best(
    near: NDArray[np.int64], scores: NDArray[np.float32], nprobe: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the ``nprobe`` lists of greatest score of each line, in no order, and the scores."""
    first = scores.shape[1] - nprobe
    if len(scores) == 1:
        order = scores[0].argpartition(first)[first:]
        return near[0][order], scores[0][order]
    order = scores.argpartition(first, axis=1)[:, first:]
    return np.take_along_axis(near, order, 1), np.take_along_axis(scores, order, 1)
