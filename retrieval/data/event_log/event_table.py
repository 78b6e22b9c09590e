"""Events as columns: what millions of them take is tens of bytes each, and seconds to read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from longtail.retrieval.data.event_log.reading import whole_lines
from longtail.retrieval.data.event_log.segments import OpenSegment
from longtail.retrieval.data.event_log.whole_lines import (
    ITEM,
    SIZES,
    USER,
    WholeLines,
    scanned,
)
from longtail.retrieval.data.events import UserEvent, event_of
from longtail.retrieval.data.meaning.behaviours import TAKEN
from longtail.retrieval.kernels.event_lines import gathered


@dataclass(frozen=True, eq=False)
class EventTable:
    """Events in the order in which they came.

    Attributes:
        user, item: places in ``user_ids`` and ``item_ids``, int32 [n].
        time: seconds since 1970, int64 [n].
        code: what each means, as in `Interactions.label`, int8 [n].
        user_ids, item_ids: each id once, Arrow strings.
    """

    user: NDArray[np.int32]
    item: NDArray[np.int32]
    time: NDArray[np.int64]
    code: NDArray[np.int8]
    user_ids: Any
    item_ids: Any

    def __len__(self) -> int:
        return len(self.time)

    @classmethod
    def of(cls, events: Sequence[UserEvent]) -> EventTable:
        """Return the table of some events."""
        return cls._joined([_Block.of(events)])

    @classmethod
    def read(cls, segments: Iterable[OpenSegment]) -> EventTable:
        """Return the events of files; what is torn at the end of the newest is left out.

        Raises:
            DamagedFileError: a line isn't the one that was written.
        """
        return cls._joined([block for one in segments for block in _blocks_of(one)])

    @classmethod
    def _joined(cls, blocks: list[_Block]) -> EventTable:
        blocks = blocks or [_Block.of(())]
        user, user_ids = _unified([block.user for block in blocks])
        item, item_ids = _unified([block.item for block in blocks])
        time = np.concatenate([block.time for block in blocks])
        code = np.concatenate([block.code for block in blocks])
        return cls(user, item, time, code, user_ids, item_ids)


@dataclass(frozen=True, eq=False)
class _Block:
    """Some events; users and items are Arrow's dictionaries."""

    user: Any
    item: Any
    time: NDArray[np.int64]
    code: NDArray[np.int8]

    @classmethod
    def of(cls, events: Sequence[UserEvent]) -> _Block:
        users = pa.array([event.user_id for event in events], pa.string())
        items = pa.array([event.item_id for event in events], pa.string())
        time = np.array([event.timestamp for event in events], np.int64)
        code = np.array([event.code for event in events], np.int8)
        return cls(users.dictionary_encode(), items.dictionary_encode(), time, code)

    @classmethod
    def of_lines(cls, lines: WholeLines) -> _Block:
        """Return the events of lines that were taken apart."""
        odd = np.fromiter(lines.odd, np.int64, len(lines.odd))
        events = cls.of(list(lines.odd.values()))
        time, told = lines.told[:, 0].copy(), lines.told[:, 1]
        code = np.where(told < 0, TAKEN, told).astype(np.int8)
        time[odd], code[odd] = events.time, events.code
        users, items = (_texts(lines, column) for column in (USER, ITEM))
        if len(odd):
            mask = np.zeros(len(time), np.bool_)
            mask[odd] = True
            users, items = (
                pc.replace_with_mask(texts, mask, own.dictionary_decode())
                for texts, own in ((users, events.user), (items, events.item))
            )
        return cls(users.dictionary_encode(), items.dictionary_encode(), time, code)


def _blocks_of(segment: OpenSegment) -> Iterator[_Block]:
    file, lines_before = segment.file, 0
    file.seek(0)
    for lines in scanned(file):
        yield _Block.of_lines(lines)
        lines_before += len(lines.told)
        if lines.rest:
            rest = lines.rest + file.read()
            full = segment.segment is not None
            kept = whole_lines(rest, segment.path, full=full, before=lines_before)
            yield _Block.of([event for line in kept if (event := event_of(line)) is not None])


def _texts(lines: WholeLines, column: int) -> Any:
    starts, sizes = lines.places[:, column], lines.places[:, column + SIZES]
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    out = np.empty(int(offsets[-1]), np.uint8)
    if len(out):
        gathered(lines.data, starts, offsets, out)
    return pa.StringArray.from_buffers(len(sizes), pa.py_buffer(offsets), pa.py_buffer(out))


def _unified(parts: list[Any]) -> tuple[NDArray[np.int32], Any]:
    joined = pa.chunked_array(parts).unify_dictionaries()
    codes = [np.asarray(chunk.indices, np.int32) for chunk in joined.chunks]
    return np.concatenate(codes), joined.chunk(0).dictionary
