"""All that the full files of events hold, sorted by user, in arrays that are read from the disk."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from longtail.index.files import FileRecord
from longtail.retrieval.data.event_log.event_table import EventTable
from longtail.retrieval.data.event_log.said import heard_first, still_said
from longtail.retrieval.data.meaning.behaviours import TAKEN

_AT_ONCE = 1 << 18


@dataclass(frozen=True, eq=False)
class EventPages:
    """The events of full files: those of one user lie together, by time, ties by arrival.

    Attributes:
        covered: the files that they are of, with sizes and sums.
        starts: user i's events are ``starts[i]:starts[i + 1]``, int64 [users + 1].
        item: places in ``item_ids``, int32 [n].
        time: seconds since 1970, int64 [n].
        code: what each means, int8 [n].
        said: no later event contradicts it, bool [n].
        first: it is the first in which this user took this item, as they came, bool [n].
        user_ids, item_ids: Arrow strings; users by the bytes of their ids.
    """

    covered: Mapping[str, FileRecord]
    starts: NDArray[np.int64]
    item: NDArray[np.int32]
    time: NDArray[np.int64]
    code: NDArray[np.int8]
    said: NDArray[np.bool_]
    first: NDArray[np.bool_]
    user_ids: Any
    item_ids: Any

    def __len__(self) -> int:
        return len(self.time)

    @classmethod
    def of(
        cls, table: EventTable, covered: Mapping[str, FileRecord], before: EventPages | None = None
    ) -> EventPages:
        """Return the pages of events that came after those of the pages before."""
        user, item, time, code = table.user, table.item, table.time, table.code
        # Of the earlier ones the first takings stay what they are.
        candidate = code == TAKEN
        user_ids, item_ids = table.user_ids, table.item_ids
        if before is not None:
            user_ids, earlier, user = _merged_ids(before.user_ids, user_ids, user)
            user = np.concatenate([earlier[before.users], user])
            item_ids, earlier, item = _merged_ids(before.item_ids, item_ids, item)
            item = np.concatenate([earlier[before.item], item])
            time = np.concatenate([before.time, time])
            code = np.concatenate([before.code, code])
            candidate = np.concatenate([before.first, candidate])
        by_id = np.asarray(pc.sort_indices(user_ids), np.int64)
        place = np.empty(len(by_id), np.int32)
        place[by_id] = np.arange(len(by_id), dtype=np.int32)
        user = place[user]
        order = np.lexsort((time, user))
        user, item, time, code = user[order], item[order], time[order], code[order]
        candidate = candidate[order]
        starts = np.searchsorted(user, np.arange(len(by_id) + 1)).astype(np.int64)
        first, said = np.zeros(len(order), np.bool_), np.zeros(len(order), np.bool_)
        for part in _whole_users(starts):
            own = user[part], item[part]
            first[part] = heard_first(*own, candidate[part], order[part])
            said[part] = still_said(*own, time[part], code[part])
        return cls(covered, starts, item, time, code, said, first, user_ids.take(by_id), item_ids)

    @cached_property
    def _users(self) -> TextList:
        return TextList(self.user_ids)

    @property
    def users(self) -> NDArray[np.int32]:
        """Places in ``user_ids``, of each event's user, int32 [n]."""
        places = np.arange(len(self.starts) - 1, dtype=np.int32)
        return np.repeat(places, np.diff(self.starts))

    def taken_by(self, user_id: str) -> frozenset[str]:
        """Return the items that a user took."""
        part = self.part_of(user_id)
        first = np.flatnonzero(self.first[part]) + part.start
        return frozenset(self.item_ids.take(pa.array(self.item[first])).to_pylist())

    def part_of(self, user_id: str) -> slice:
        """Return where a user's events lie; nowhere for an unknown one."""
        text = user_id.encode()
        place = bisect_left(self._users, text)
        if place == len(self._users) or self._users[place] != text:
            return slice(0, 0)
        return slice(int(self.starts[place]), int(self.starts[place + 1]))


def _whole_users(starts: NDArray[np.int64]) -> Iterator[slice]:
    """Yield parts of the events that are no user's in part: to sort all at once takes more room."""
    begin = 0
    while begin < starts[-1]:
        user = int(np.searchsorted(starts, begin + _AT_ONCE, side="right")) - 1
        end = int(starts[user]) if starts[user] > begin else int(starts[user + 1])
        yield slice(begin, end)
        begin = end


class TextList(Sequence[bytes]):
    """The bytes of Arrow strings, one at a time, from where they lie."""

    def __init__(self, texts: Any) -> None:
        _, offsets, data = texts.buffers()
        self._offsets = np.frombuffer(offsets, np.int32, len(texts) + 1, texts.offset * 4)
        self._data = memoryview(data) if data is not None else memoryview(b"")

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, place: Any) -> Any:
        return bytes(self._data[self._offsets[place] : self._offsets[place + 1]])


def _merged_ids(
    before: Any, after: Any, places: NDArray[np.int32]
) -> tuple[Any, NDArray[np.int32], NDArray[np.int32]]:
    """Return ids of two lists, where those of the first are, and what places in the second are."""
    joined = pa.concat_arrays([before, after]).dictionary_encode()
    there = np.asarray(joined.indices, np.int32)
    return joined.dictionary, there[: len(before)], there[len(before) :][places]
