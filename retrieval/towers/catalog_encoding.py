"""Reading a whole catalog through the item tower, in chunks that survive an interruption."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.kernels.row_blocks import row_blocks
from longtail.retrieval.progress import Progress, silent
from longtail.retrieval.towers.backends.backend import TextBackend
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.encoding import encode_pooled, reading_threads
from longtail.retrieval.towers.text.text_pieces import LongTexts, TextPieces, join_pieces
from longtail.retrieval.towers.vector_cache import VectorCache

# A chunk holds at least this many texts, or tokens; one that was interrupted is read again.
ITEMS_PER_CHUNK = 1_024
TOKENS_PER_CHUNK = 1 << 18
# A backend of larger batches reads as much faster (a GPU), and has chunks as much larger.
USUAL_BATCH = 1_024

# From catalog rows to their texts, as `Catalog.texts`.
Texts = Callable[[NDArray[np.int64]], list[str]]


@dataclass(frozen=True)
class PooledVectors:
    """The vectors of n texts before the tower's linear layer; they stay on the disk.

    Attributes:
        cache: where they are.
        numbers: of each text's vector there, int32 [n]; texts that read alike share one.
        longer: how many texts are longer than the tower reads at once.
        read: how many texts were read now; the others were there, or read like another.
    """

    cache: VectorCache
    numbers: NDArray[np.int32]
    longer: int
    read: int

    def __len__(self) -> int:
        return len(self.numbers)

    def part(self, rows: slice) -> NDArray[np.float32]:
        """Return the vectors of consecutive texts, float32 [m, dim]."""
        return self.cache.vectors(self.numbers[rows]).astype(np.float32)

    def all(self) -> NDArray[np.float32]:
        """Return all vectors in memory, float32 [n, dim]."""
        return self._filled(lambda part: part)

    def projected(self, tower: ItemTower) -> NDArray[np.float32]:
        """Return the item vectors, float32 [n, tower.dim]."""
        return self._filled(tower.project_all)

    def _filled(
        self, project: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        first, *others = row_blocks(len(self))
        begun = project(self.part(first))
        out = np.empty((len(self), begun.shape[1]), np.float32)
        out[first] = begun
        for rows in others:
            out[rows] = project(self.part(rows))
        return out


def text_blocks(
    tower: ItemTower, texts: Texts, n: int, long_texts: LongTexts = "cut"
) -> Iterator[TextPieces]:
    """Yield n texts as the tower reads them, block by block in their order.

    The next block is tokenised in a thread while the caller works on this one.
    """

    def block(rows: slice) -> TextPieces:
        return tower.pieces(texts(np.arange(rows.start, rows.stop)), long_texts)

    with ThreadPoolExecutor(1, thread_name_prefix="tokenise") as thread:
        ahead: Future[TextPieces] | None = None
        for rows in row_blocks(n, ITEMS_PER_CHUNK):
            coming = thread.submit(block, rows)
            if ahead is not None:
                yield ahead.result()
            ahead = coming
        if ahead is not None:
            yield ahead.result()


def embed_texts(
    tower: ItemTower,
    backend: TextBackend,
    blocks: Iterable[TextPieces],
    n: int,
    folder: Path,
    *,
    progress: Progress = silent,
) -> PooledVectors:
    """Return the pooled vectors of the n texts in the blocks, in their order.

    Each distinct text is read once. Finished chunks lie in ``folder`` as a `VectorCache`: a
    second call reads only texts that aren't there, by the same tower and backend. Beside one
    chunk, 24 bytes a text are in memory.

    Raises:
        DiskFullError: the disk ran out; what was read so far stays.
    """
    cache = VectorCache(folder, f"{tower.text_fingerprint()} {backend.name}")
    known = len(cache)
    numbers = np.empty(n, np.int32)
    waiting: list[TextPieces] = []
    start = longer = 0
    scale = max(backend.tokens_per_batch // USUAL_BATCH, 1)

    def read() -> None:
        chunk = join_pieces(waiting)

        def report(step: str, done: int, total: int) -> None:
            progress(step, start - len(chunk) + len(chunk) * done // total, n)

        pooled = encode_pooled(backend, chunk.tokens, threads=threads, progress=report)
        cache.write(chunk.average(pooled))
        waiting.clear()

    with reading_threads(backend) as threads:
        for block in blocks:
            keys = cache.keys(block.token_bytes(i) for i in range(len(block)))
            new = np.flatnonzero(cache.find(keys) < 0)
            if len(new):
                _, first = np.unique(keys[new], return_index=True)
                new = new[np.sort(first)]
                cache.reserve(keys[new])
                waiting.append(block.take(new))
            numbers[start : start + len(block)] = cache.find(keys)
            start += len(block)
            longer += block.longer
            texts = sum(map(len, waiting))
            tokens = sum(len(part.tokens.ids) for part in waiting)
            if texts >= scale * ITEMS_PER_CHUNK or tokens >= scale * TOKENS_PER_CHUNK:
                read()
            elif not waiting:
                progress("reading item texts", start, n)
        if waiting:
            read()
    return PooledVectors(cache, numbers, longer, len(cache) - known)


def list_texts(texts: list[str]) -> Texts:
    """Return a list of texts as what `text_blocks` reads."""
    return lambda rows: [texts[row] for row in rows.tolist()]
