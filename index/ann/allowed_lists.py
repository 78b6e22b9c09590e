"""What a filter lets through, in the inverted lists nearest to a few queries."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.index.ann.parameters import core_of
from longtail.index.faiss_runtime import load_faiss

# Looked at: this share of the allowed positions, so many of them for each answer, and this share
# of the lists. The last is for filters that have to do with the vectors, a brand say, whose
# positions lie in few lists or far from the query.
LEAST_SHARE = 0.2
LEAST_AN_ANSWER = 50
LEAST_LISTS = 0.2


@dataclass(frozen=True, eq=False)
class AllowedLists:
    """The list of every position, and where the lists lie.

    A filter that lets through a few thousand positions leaves a handful in each list: scoring
    those of the near lists exactly takes less than reading all of them, or than scanning the
    codes of all that is forbidden too.

    Made from what an index holds; nothing of it is stored.

    Attributes:
        transforms: what a query goes through before it meets the centroids.
        centroids: float32 [lists, width].
        list_of: the list of each position, int32 [n].
    """

    transforms: tuple[Any, ...] = field(repr=False)
    centroids: NDArray[np.float32] = field(repr=False)
    list_of: NDArray[np.int32] = field(repr=False)

    @classmethod
    def of(cls, index: Any) -> AllowedLists:
        """Return the lists of an index that `has_near_lists`."""
        faiss, core = load_faiss(), core_of(index)
        transforms, outer = [], faiss.downcast_index(index)
        while outer.this != core.this:
            if isinstance(outer, faiss.IndexPreTransform):
                chain = (outer.chain.at(i) for i in range(outer.chain.size()))
                transforms += [faiss.downcast_VectorTransform(part) for part in chain]
            inner = outer.base_index if isinstance(outer, faiss.IndexRefine) else outer.index
            outer = faiss.downcast_index(inner)
        coarse = faiss.downcast_index(core.quantizer)
        centroids = coarse.reconstruct_n(0, int(core.nlist))
        list_of = np.zeros(int(core.ntotal), np.int32)
        for number in range(int(core.nlist)):
            size = core.invlists.list_size(number)
            if size:
                list_of[faiss.rev_swig_ptr(core.invlists.get_ids(number), size)] = number
        return cls(tuple(transforms), centroids, list_of)

    def near(
        self, queries: NDArray[np.float32], allowed: NDArray[np.int64], k: int, effort: int = 1
    ) -> NDArray[np.int64]:
        """Return the allowed positions in the lists nearest to each query, padded with -1.

        Args:
            queries: in the index's space, float32 [m, width].
            allowed: positions, ascending, at least one.
            k: how many answers are looked for.
            effort: how many times further to look than usual.

        Returns:
            int64 [m, most of any query].
        """
        for transform in self.transforms:
            queries = transform.apply(queries)
        nearness = self._nearness(queries)
        list_of = self.list_of[allowed]
        counts = np.bincount(list_of, minlength=len(self.centroids))
        held = np.flatnonzero(counts)
        least = effort * max(LEAST_SHARE * len(allowed), LEAST_AN_ANSWER * k)
        least_lists = min(len(held), ceil(LEAST_LISTS * effort * len(counts)))
        found = []
        for line in nearness[:, held]:
            looked = np.zeros(len(counts), bool)
            nearest = held[np.argpartition(-line, least_lists - 1)[:least_lists]]
            if counts[nearest].sum() < least:
                order = held[np.argsort(-line)]
                reached = np.cumsum(counts[order])
                nearest = order[: int(np.searchsorted(reached, least)) + 1]
            looked[nearest] = True
            found.append(allowed[looked[list_of]])
        near = np.full((len(found), max(map(len, found))), -1, np.int64)
        for line, positions in zip(near, found, strict=True):
            line[: len(positions)] = positions
        return near

    def _nearness(self, queries: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return each query's inner products with all centroids, float32 [m, lists].

        By FAISS, on this thread: NumPy's product would wake others for it, which takes longer.
        """
        faiss, queries = load_faiss(), np.ascontiguousarray(queries)
        n, width = self.centroids.shape
        nearness = np.empty((len(queries), n), np.float32)
        for line, query in zip(nearness, queries, strict=True):
            faiss.fvec_inner_products_ny(
                faiss.swig_ptr(line), faiss.swig_ptr(query), faiss.swig_ptr(self.centroids),
                width, n,
            )  # fmt: skip
        return nearness


def has_near_lists(index: Any) -> bool:
    """Return whether it has inverted lists whose centroids are there as numbers, not as codes."""
    faiss, core = load_faiss(), core_of(index)
    if not isinstance(core, faiss.IndexIVF):
        return False
    return isinstance(faiss.downcast_index(core.quantizer), (faiss.IndexFlat, faiss.IndexHNSW))
