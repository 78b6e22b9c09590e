"""The file of events: a line each, each with its own sum, so that a torn one is known as such.

``{"crc32":"5f3a9c01","user_id":"u1","item_id":"i1","timestamp":1700000000}``

What was not taken has its ``meaning`` behind, and what the client said stands there too. Any JSON
reader takes it. The sum is of the bytes behind its own comma up to the end of the line.
"""

from __future__ import annotations

import io
import json
import os
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from longtail.index.errors import DamagedFileError
from longtail.retrieval.data.meaning.behaviours import MEANINGS, Meaning

EVENTS = "events"  # the folder in a run
NAME = "events.jsonl"
_START, _BEHIND = b'{"crc32":"', 20  # the start, eight digits, a quote and a comma


@dataclass(frozen=True)
class UserEvent:
    """What a user did with an item.

    Attributes:
        timestamp: whole seconds since 1970.
        meaning: what it meant to the run when it came.
        type: what the client called it, None without a name.
        weight: a rating or an amount, None without one.
        request_id: of the list in which the item was shown, None where it isn't known.
    """

    user_id: str
    item_id: str
    timestamp: int
    meaning: Meaning = "taken"
    type: str | None = None
    weight: float | None = None
    request_id: str | None = None

    @property
    def code(self) -> int:
        """The meaning as `Interactions.label` codes it."""
        return MEANINGS.index(self.meaning)


# Of these a second holds one of an item.
_OPINIONS = frozenset({"taken", "rejected", "had", "dropped"})
_USUAL = {field.name: field.default for field in fields(UserEvent)}


@dataclass(frozen=True)
class Replayed:
    """What a file of events held.

    Attributes:
        events: all that were whole, in order.
        size: bytes up to the end of the last whole line.
        torn: bytes behind it, of a line that was being written when the process ended.
    """

    events: list[UserEvent]
    size: int
    torn: int


def line_of(event: UserEvent) -> bytes:
    """Return the line of an event, its end included.

    What is as usual isn't written.

    >>> line_of(UserEvent("u1", "i1", 1700000000, "seen"))[20:]
    b'"user_id":"u1","item_id":"i1","timestamp":1700000000,"meaning":"seen"}\\n'
    """
    told = {name: value for name, value in asdict(event).items() if value != _USUAL.get(name)}
    rest = json.dumps(told, ensure_ascii=False, separators=(",", ":"))[1:].encode() + b"\n"
    return _START + b"%08x" % zlib.crc32(rest) + b'",' + rest


def contradicts(event: UserEvent, earlier: UserEvent) -> bool:
    """Return whether an event says of the same item at the same second what the earlier denies.

    Then only it counts. A look, or being shown, denies nothing.

    >>> contradicts(UserEvent("u", "i", 1, "rejected"), UserEvent("u", "i", 1))
    True
    >>> contradicts(UserEvent("u", "i", 1, "seen"), UserEvent("u", "i", 1))
    False
    """
    said = {event.meaning, earlier.meaning}
    same = (event.item_id, event.timestamp) == (earlier.item_id, earlier.timestamp)
    return same and event.user_id == earlier.user_id and len(said) == 2 and said <= _OPINIONS


def last_said(events: Sequence[UserEvent]) -> list[UserEvent]:
    """Return the events without those that a later one of the same second contradicts."""
    latest = {
        (event.user_id, event.item_id, event.timestamp): event
        for event in events
        if event.meaning in _OPINIONS
    }
    return [
        event
        for event in events
        if event.meaning not in _OPINIONS
        or event.meaning == latest[event.user_id, event.item_id, event.timestamp].meaning
    ]


def is_service_log(path: Path) -> bool:
    """Return whether a file is what a service wrote, and not an owner's own of that name."""
    if path.name != NAME or not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(len(_START))
    return not start or start == _START


def read_events(folder: Path) -> Replayed:
    """Return what the file of events in a folder holds; nothing where there is none.

    Raises:
        DamagedFileError: a line in the middle isn't the one that was written. Only the last one
            can be torn by a crash, so this is damage, and dropping events is the owner's call.
    """
    path = folder / NAME
    if not path.is_file():
        return Replayed([], 0, 0)
    events: list[UserEvent] = []
    whole = read = bad = 0
    for number, line in enumerate(io.BytesIO(path.read_bytes()), 1):
        read += len(line)
        event = _event_of(line)
        if event is None:
            bad = bad or number
            continue
        if bad:
            raise DamagedFileError(
                f"{path}, line {bad}: is not the line that was written; remove the line to go on "
                "without that event"
            )
        events.append(event)
        whole = read
    return Replayed(events, whole, read - whole)


def cut_torn_end(folder: Path, replayed: Replayed) -> None:
    """Cut what a crash left behind the last whole line."""
    if replayed.torn:
        with (folder / NAME).open("rb+") as file:
            file.truncate(replayed.size)
            os.fsync(file.fileno())


def append(descriptor: int, events: Iterable[UserEvent], end: int) -> int:
    """Write events behind the others and return the new end, once the disk has them.

    Raises:
        OSError: the disk took not all of it; the file is as it was before, if that can be.
    """
    data = memoryview(b"".join(map(line_of, events)))
    try:
        written = 0
        while written < len(data):
            written += os.pwrite(descriptor, data[written:], end + written)
        os.fdatasync(descriptor)
    except OSError:
        os.ftruncate(descriptor, end)
        raise
    return end + len(data)


def _event_of(line: bytes) -> UserEvent | None:
    rest = line[_BEHIND:]
    if not line.startswith(_START) or not line.endswith(b"\n"):
        return None
    if line[len(_START) : len(_START) + 8] != b"%08x" % zlib.crc32(rest):
        return None
    try:
        event = UserEvent(**json.loads(b"{" + rest))
    except (ValueError, TypeError):
        return None
    return event if event.meaning in MEANINGS else None
