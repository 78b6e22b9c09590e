"""The owner's ids by catalog row: packed text that opens at once, whatever its length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.index.checks import checked_ids
from longtail.index.errors import VectorIndexError

IDS_AT_ONCE = 500_000
_HASH_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that its powers never vanish modulo 2^64


@dataclass(frozen=True, eq=False)
class IdChunk:
    """Ids that were added together, one after the other.

    Attributes:
        text: their UTF-8 bytes, lone surrogates allowed, uint8.
        ends: where each id ends in ``text``, int64 [n].
    """

    text: NDArray[np.uint8]
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, ids: Sequence[str]) -> IdChunk:
        """Return the packed ids."""
        encoded = [item_id.encode("utf-8", "surrogatepass") for item_id in ids]
        ends = np.cumsum(np.array([len(each) for each in encoded], np.int64))
        return cls(np.frombuffer(b"".join(encoded), np.uint8), ends)

    def __len__(self) -> int:
        return len(self.ends)

    def slice(self, start: int, stop: int) -> IdChunk:
        """Return ids ``start`` to ``stop``."""
        first = int(self.ends[start - 1]) if start else 0
        last = int(self.ends[stop - 1]) if stop > start else first
        return IdChunk(self.text[first:last], self.ends[start:stop] - first)

    def decoded(self) -> list[str]:
        """Return the ids as strings."""
        raw, ends = self.text.tobytes(), self.ends.tolist()
        starts = [0, *ends[:-1]]
        return [
            raw[start:end].decode("utf-8", "surrogatepass")
            for start, end in zip(starts, ends, strict=True)
        ]

    def hashes(self) -> NDArray[np.uint64]:
        """Return a number for each id, uint64 [n]; equal ids have equal numbers.

        It is ``sum (byte_i + 1) base^i`` modulo 2^64.

        >>> first, other, again = IdChunk.of(["a", "b", "a"]).hashes().tolist()
        >>> first == again, first == other
        (True, False)
        """
        lengths = np.diff(self.ends, prepend=0)
        place = np.arange(len(self.text)) - np.repeat(self.ends - lengths, lengths)
        powers = np.full(int(lengths.max(initial=0)) + 1, _HASH_BASE)
        powers[0] = 1
        terms = (self.text.astype(np.uint64) + np.uint64(1)) * np.cumprod(powers)[place]
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms, dtype=np.uint64)])
        hashes: NDArray[np.uint64] = sums[self.ends] - sums[self.ends - lengths]
        return hashes


@dataclass(frozen=True, eq=False)
class ItemIds:
    """The ids of all rows, in chunks; a sequence of strings that decodes what is asked.

    Attributes:
        chunks: the ids in the order of the rows.
    """

    chunks: tuple[IdChunk, ...]

    @classmethod
    def of(cls, ids: Sequence[str]) -> ItemIds:
        """Return these ids.

        Raises:
            VectorIndexError: one is no string, or occurs twice.

        >>> ids = ItemIds.of(["007", "épée"])
        >>> ids[1], ids.tolist(), len(ids)
        ('épée', ['007', 'épée'], 2)
        """
        return cls((IdChunk.of(checked_ids(ids).tolist()),))

    def __len__(self) -> int:
        return sum(map(len, self.chunks))

    def __getitem__(self, row: int) -> str:
        row = int(row)
        for chunk in self.chunks:
            if 0 <= row < len(chunk):
                return chunk.slice(row, row + 1).decoded()[0]
            row -= len(chunk)
        raise IndexError("there is no such row")

    def __iter__(self) -> Iterator[str]:
        for _, block in self._blocks():
            yield from block.decoded()

    def tolist(self) -> list[str]:
        """Return all ids by row."""
        return list(self)

    def extended(self, ids: Sequence[str]) -> ItemIds:
        """Return these ids followed by others.

        Later chunks that are no longer than what follows them are joined with it, so that n
        additions leave some log2(n) chunks, and each id is written again as few times.
        """
        chunks, fresh = list(self.chunks), IdChunk.of(ids)
        while len(chunks) > 1 and len(chunks[-1]) <= len(fresh):
            fresh = _joined(chunks.pop(), fresh)
        return ItemIds((*chunks, fresh))

    def taken(self, rows: NDArray[np.int64]) -> ItemIds:
        """Return the ids of these rows, as one chunk."""
        ids = self.tolist()
        return ItemIds((IdChunk.of([ids[row] for row in rows.tolist()]),))

    def rows_of(self, item_ids: Sequence[str], alive: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the row of each wanted id among the ``alive`` [n] rows; -1 where there is none.

        Raises:
            VectorIndexError: a wanted id is no string.
        """
        unfit = next((item_id for item_id in item_ids if not isinstance(item_id, str)), None)
        if unfit is not None:
            raise VectorIndexError(f"item id {unfit!r} is no string; ids are never cast")
        places = {item_id: place for place, item_id in enumerate(item_ids)}
        if len(places) < len(item_ids):
            known = list(places)
            row_of = dict(zip(known, self.rows_of(known, alive).tolist(), strict=True))
            return np.array([row_of[item_id] for item_id in item_ids], np.int64)
        rows = np.full(len(item_ids), -1, np.int64)
        hashes = np.sort(IdChunk.of(item_ids).hashes())
        for start, block in self._blocks():
            here = block.hashes()
            near = np.minimum(np.searchsorted(hashes, here), max(len(hashes) - 1, 0))
            same = (hashes[near] == here) if len(hashes) else np.zeros(len(here), bool)
            for offset in np.flatnonzero(same & alive[start : start + len(block)]).tolist():
                place = places.get(block.slice(offset, offset + 1).decoded()[0])
                if place is not None:
                    rows[place] = start + offset
        return rows

    def _blocks(self) -> Iterator[tuple[int, IdChunk]]:
        start = 0
        for chunk in self.chunks:
            for first in range(0, len(chunk), IDS_AT_ONCE):
                block = chunk.slice(first, min(first + IDS_AT_ONCE, len(chunk)))
                yield start + first, block
            start += len(chunk)


def _joined(first: IdChunk, second: IdChunk) -> IdChunk:
    return IdChunk(
        np.concatenate([first.text, second.text]),
        np.concatenate([first.ends, second.ends + len(first.text)]),
    )
