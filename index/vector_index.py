"""The searchable catalog: vectors with their popularity, in segments, and the best answers."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from longtail.index.checks import check_allowed, check_columns, check_segment_names
from longtail.index.errors import VectorIndexError
from longtail.index.faiss_runtime import gpu_count, load_faiss
from longtail.index.item_ids import ItemIds
from longtail.index.search.exclusions import Exclusions
from longtail.index.search.merging import answers
from longtail.index.search.query import SearchQuery, SearchResult
from longtail.index.search.row_locations import Locations
from longtail.index.search.segment import Segment
from longtail.index.search.stored_rows import read_rows, score_rows
from longtail.index.search.validation import checked_questions
from longtail.index.stored_parts import StoredParts
from longtail.index.vectors.stored_vectors import Storage, StoredVectors

SEGMENT_NAMES = ("head", "tail", "cold")
ROWS_AT_ONCE = 65_536

Device = Literal["cpu", "gpu"]
Excluded = tuple[NDArray[np.int64], NDArray[np.int32]]


@dataclass(frozen=True, eq=False)
class VectorIndex:
    """Item vectors and popularities in physical segments: an immutable value.

    The score of an item is ``query . vector + popularity_weight * popularity``. Answers are in
    order of score, ties in order of row, and a query gets the same answer, to the last bit,
    alone as in any batch. Several threads may search at once. What changes an index makes
    another one of it: see `longtail.index.updates`.

    Attributes:
        segments: in the order they were made; a pool has one or more of them, some empty. Where
            a row is in several, the last one holds it and the others hold what it was.
        pools: names of the pools, in the order of their codes.
        item_ids: the owner's ids by catalog row.
        tower_fingerprint: which item tower made the vectors.
        storage: how numbers are stored, ``float32`` or ``float16``.
        device: ``cpu`` or ``gpu``.
        stored_parts: where its parts lie on the disk.
    """

    segments: tuple[Segment, ...]
    pools: tuple[str, ...]
    item_ids: ItemIds
    tower_fingerprint: str
    storage: Storage = "float32"
    device: Device = "cpu"
    stored_parts: StoredParts = field(default_factory=StoredParts, repr=False)

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
        storage: Storage = "float32",
    ) -> VectorIndex:
        """Return an exact index over float32 [n, d] vectors, their popularity [n] and pool [n].

        Vectors and popularity (log p, centred or not) are stored as given, or as the nearest
        float16; ``segment_of`` holds positions in ``segment_names``, the pools.

        Raises:
            VectorIndexError: shapes, types or lengths don't fit, a value isn't finite, a
                vector is all zeros, a pool's name is unfit, or an item id is no string or
                occurs twice.
        """
        ids = ItemIds.of(item_ids)
        check_columns(vectors, popularity, segment_of, len(ids), len(segment_names))
        check_segment_names(segment_names)
        segments = []
        for code, name in enumerate(segment_names):
            rows = np.flatnonzero(segment_of == code)
            blocks = _blocks(vectors, popularity, rows)
            stored = StoredVectors.of_blocks(blocks, len(rows), vectors.shape[1], storage)
            segments.append(Segment(name, rows, stored, name))
        return cls(tuple(segments), tuple(segment_names), ids, tower_fingerprint, storage)

    @property
    def n_items(self) -> int:
        """Number of catalog rows, those of removed items counted."""
        return len(self.item_ids)

    @property
    def n_live(self) -> int:
        """Number of items that may be answers."""
        return self.n_items - int(self.removed.sum())

    @property
    def dim(self) -> int:
        """Dimensions of a vector, the popularity not counted."""
        return self.segments[0].dim

    @property
    def segment_sizes(self) -> dict[str, int]:
        """Number of items in each pool, by name; removed ones don't count."""
        sizes = dict.fromkeys(self.pools, 0)
        for segment in self.segments:
            sizes[segment.pool] += len(segment) - len(segment.removed)
        return sizes

    @cached_property
    def locations(self) -> Locations:
        """Where each row lies."""
        return Locations.of(self.segments, self.n_items)

    @cached_property
    def removed(self) -> NDArray[np.bool_]:
        """Which rows belong to removed items, bool [n]."""
        return self.locations.removed(self.segments)

    def rows_of(self, item_ids: Sequence[str]) -> NDArray[np.int64]:
        """Return the row of each id, int64 [m]; -1 where it is unknown or was removed."""
        return self.item_ids.rows_of(item_ids, ~self.removed)

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
        """Return the k best items of each query, float32 [m, d], out of the chosen pools.

        Args:
            queries: query vectors, already divided by the temperature.
            k: answers per query; where fewer items may be returned, the rest is padding.
            popularity_weight: one weight for all, or one for each query, float32 [m].
            segments: names of the pools to search; None searches all.
            excluded: ``(offsets [m + 1], rows)``: query i never gets
                ``rows[offsets[i]:offsets[i + 1]]``, and still gets k others where there are.
            allowed: bool [n]; False rows are returned to nobody.

        Raises:
            VectorIndexError: a value isn't finite, or shapes, names or rows don't fit.
        """
        search_query = SearchQuery(k, popularity_weight, segments)
        return self.search_each(queries, [search_query], excluded=excluded, allowed=allowed)[0]

    def search_each(
        self,
        vectors: NDArray[np.float32],
        search_queries: Sequence[SearchQuery],
        *,
        excluded: Excluded | None = None,
        allowed: NDArray[np.bool_] | None = None,
    ) -> list[SearchResult]:
        """Return what `search` does for each question, and compare the vectors only once.

        That holds for segments that are searched exactly; a structure is asked each question.

        Args:
            vectors: query vectors of all questions, float32 [m, d], divided by the temperature.
            search_queries: how many answers, with which popularity weight, out of which pools.
            excluded: as in `search`.
            allowed: as in `search`.

        Raises:
            VectorIndexError: a value isn't finite, or shapes, names or rows don't fit.
        """
        checked = checked_questions(vectors, search_queries, self.segments, self.pools)
        m = len(vectors)
        exclusions = (
            Exclusions.of_catalog(*excluded, m, self.n_items)
            if excluded is not None
            else Exclusions.nothing(m, self.n_items)
        )
        numbers = {number for search_query in checked for number in search_query.segments}
        return answers(self._restricted(numbers, allowed, m), checked, exclusions, self.n_items)

    def score(
        self,
        queries: NDArray[np.float32],
        rows: NDArray[np.int64],
        *,
        popularity_weight: float | NDArray[np.float32] = 0.0,
    ) -> NDArray[np.float32]:
        """Return the scores that `search` gives these rows, float32 [m, c].

        ``rows`` holds each query's own candidates, [m, c]. Row -1 and the rows of removed items
        get -inf.
        """
        search_query = SearchQuery(1, popularity_weight)
        checked = checked_questions(queries, [search_query], self.segments, self.pools)[0]
        return score_rows(self.segments, self.locations, self.removed, checked.queries, rows)

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the stored vectors of these rows, float32 [len(rows), d], without popularity.

        A removed item's vector is there until the index is compacted.
        """
        rows = np.asarray(rows, np.int64)
        vectors = np.empty((len(rows), self.dim), np.float32)
        for start in range(0, len(rows), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            vectors[part] = self.stored(rows[part])[:, :-1]
        return vectors

    def popularity(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the stored popularity of these rows, float32 [len(rows)]."""
        rows = np.asarray(rows, np.int64)
        blocks = range(0, max(len(rows), 1), ROWS_AT_ONCE)
        return np.concatenate([self.stored(rows[i : i + ROWS_AT_ONCE])[:, -1] for i in blocks])

    def stored(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return ``[vector ; popularity]`` of these rows, float32 [len(rows), d + 1]."""
        return read_rows(self.segments, self.locations, rows)

    def pool_codes(self) -> NDArray[np.int8]:
        """Return the position in ``pools`` of each row's pool, or of its last one, int8 [n]."""
        codes = np.array([self.pools.index(segment.pool) for segment in self.segments], np.int8)
        return codes[self.locations.code]

    def to_device(self, device: Device) -> VectorIndex:
        """Return the same index searching on that device; the answers are the same.

        The vectors stay in main memory too: final scores, filters and answers of more than
        2,048 are computed there.

        Raises:
            VectorIndexError: ``gpu`` was asked for and FAISS sees none.
        """
        if device == "cpu":
            segments = tuple(segment.to_cpu() for segment in self.segments)
            return replace(self, segments=segments, device="cpu")
        if device != "gpu":
            raise VectorIndexError(f"there is no device {device!r}; use cpu or gpu")
        if gpu_count() == 0:
            raise VectorIndexError(
                "FAISS sees no GPU here; use the cpu device, or install "
                '`pip install "longtail[gpu]"` in place of the cpu wheel on a machine with one'
            )
        scratch = load_faiss().StandardGpuResources()  # one for all: it takes over 1 GB
        turn = threading.Lock()
        segments = tuple(segment.to_gpu(scratch, turn) for segment in self.segments)
        return replace(self, segments=segments, device="gpu")

    def _restricted(
        self, numbers: Collection[int], allowed: NDArray[np.bool_] | None, n_queries: int
    ) -> dict[int, Segment]:
        """Return these segments, by number, answering only with what is allowed."""
        if allowed is None:
            return {number: self.segments[number] for number in sorted(numbers)}
        check_allowed(allowed, self.n_items)
        # By the rows that are allowed, not by those of the segments: mostly there are fewer.
        code, position = self.locations.of_rows(np.flatnonzero(allowed))
        return {
            number: self.segments[number].restricted(position[code == number], n_queries)
            for number in sorted(numbers)
        }


def _blocks(
    vectors: NDArray[np.float32], popularity: NDArray[np.float32], rows: NDArray[np.int64]
) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(rows), ROWS_AT_ONCE):
        part = rows[start : start + ROWS_AT_ONCE]
        yield np.concatenate([vectors[part], popularity[part, None]], axis=1)
