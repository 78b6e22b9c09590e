"""Events: a line each, each with its own sum, so that a torn one is known as such.

``{"crc32":"5f3a9c01","user_id":"u1","item_id":"i1","timestamp":1700000000}``

What was not taken has its ``meaning`` behind, and what the client said stands there too. Any JSON
reader takes it. The sum is of the bytes behind its own comma up to the end of the line.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

from longtail.retrieval.data.meaning.behaviours import MEANINGS, Meaning

EVENTS = "events"  # the folder in a run
START, _BEHIND = b'{"crc32":"', 20  # the start, eight digits, a quote and a comma


@dataclass(frozen=True, slots=True)
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


def line_of(event: UserEvent) -> bytes:
    """Return the line of an event, its end included.

    What is as usual isn't written.

    >>> line_of(UserEvent("u1", "i1", 1700000000, "seen"))[20:]
    b'"user_id":"u1","item_id":"i1","timestamp":1700000000,"meaning":"seen"}\\n'
    """
    told = {name: value for name, value in asdict(event).items() if value != _USUAL.get(name)}
    rest = json.dumps(told, ensure_ascii=False, separators=(",", ":"))[1:].encode() + b"\n"
    return START + b"%08x" % zlib.crc32(rest) + b'",' + rest


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


def event_of(line: bytes) -> UserEvent | None:
    """Return the event of a line, its end included; None where it isn't as it was written."""
    rest = line[_BEHIND:]
    if not line.startswith(START) or not line.endswith(b"\n"):
        return None
    if line[len(START) : len(START) + 8] != b"%08x" % zlib.crc32(rest):
        return None
    try:
        event = UserEvent(**json.loads(b"{" + rest))
    except (ValueError, TypeError):
        return None
    return event if event.meaning in MEANINGS else None
