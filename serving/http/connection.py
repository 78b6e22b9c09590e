"""A client's connection: who neither sends nor takes is cut off, and there is an end to all."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from longtail.serving.limits import ANSWERS_BYTES, CONNECTIONS, Limits
from longtail.serving.metrics import Metrics
from longtail.serving.room import Room

# Of an answer, so much may wait in this process before its client is watched; the system holds
# some more for each connection (`SEND_BUFFER_BYTES`).
_WATCHED_BYTES = 16_384
SEND_BUFFER_BYTES = 262_144
# Request line and headers together.
_LONGEST_HEAD = 65_536
# Some clients offer HTTP/2 with whatever they send. The parser would take the request for the last
# of its kind, and what it carries for something else; nothing but HTTP/1.1 is spoken here.
_UPGRADE = re.compile(rb"(?im)^upgrade(?=[ \t]*:)")
_TOO_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)


@dataclass(eq=False)
class Connections:
    """What all connections of a service share.

    Attributes:
        room: for connections.
        slow: those whose answers wait to be taken, the longest first, with the bytes of each.
    """

    limits: Limits
    metrics: Metrics
    room: Room = field(default_factory=lambda: Room(CONNECTIONS))
    slow: dict[Connection, int] = field(default_factory=dict)

    def protocol(self, **arguments: Any) -> Connection:
        """Return what the server makes for each new connection."""
        return Connection(self, **arguments)

    def waits(self, connection: Connection, size: int) -> None:
        """Note that bytes wait for a client; the longest waiting goes where there are too many."""
        self.slow[connection] = size
        while sum(self.slow.values()) > ANSWERS_BYTES:
            next(iter(self.slow)).cut_off("answers")


class Connection(HttpToolsProtocol):
    """The server's HTTP connection with a time for each thing that its client has to do.

    A client gets ``client_s`` to send the headers of a request, and as much to take an answer.
    Where there are too many connections the one that has been idle longest makes room.
    """

    def __init__(self, shared: Connections, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._shared = shared
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._head = 0
        self._in_head = True
        self._idle_since: float | None = None
        self._has_room = False
        self._unanswered: list[RequestResponseCycle] = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or another's place."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=_WATCHED_BYTES)
        self._has_room = self._shared.room.take(1)
        if not self._has_room:
            idle = [c for c in self._shared_connections() if c._idle_since is not None]
            if not idle:
                self.cut_off("connections")
                return
            min(idle, key=lambda c: c._idle_since or 0.0).cut_off("connections")
            self._has_room = self._shared.room.take(1)
        self._idle_since = self.loop.time()
        self._expect("headers")

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        super().connection_lost(exc)
        self._hang_up()
        self._left()

    def data_received(self, data: bytes) -> None:
        """Take what a client sent; a head without an end is refused."""
        self._idle_since = None
        if self._in_head:
            self._head += len(data)
            if "headers" not in self._timers:
                self._expect("headers")
            head, end, rest = data.partition(b"\r\n\r\n")
            data = _UPGRADE.sub(b"x-upgrade", head) + end + rest
        super().data_received(data)
        if self._in_head and self._head > _LONGEST_HEAD and not self.transport.is_closing():
            self.transport.write(_TOO_LONG)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """The client has said what it wants."""
        self._in_head = False
        self._relax("headers")
        super().on_headers_complete()
        asked = [*self._unanswered, self.cycle]
        self._unanswered = [one for one in asked if one is not None and not one.response_complete]

    def on_message_complete(self) -> None:
        """The next bytes begin another request."""
        super().on_message_complete()
        self._in_head, self._head = True, 0

    def on_response_complete(self) -> None:
        """An answer is written, though not always taken."""
        super().on_response_complete()
        self._idle_since = self.loop.time()
        if self._waiting_bytes():
            self._expect("answers")

    def pause_writing(self) -> None:
        """The client doesn't take what is written."""
        super().pause_writing()
        self._expect("answers")
        self._shared.waits(self, self._waiting_bytes())

    def resume_writing(self) -> None:
        """It does again."""
        super().resume_writing()
        self._shared.slow.pop(self, None)
        self._relax("answers")
        if self._waiting_bytes():
            self._expect("answers")

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, whether or not the last answer was taken."""
        if self._waiting_bytes():
            self.cut_off("answers")
        super().timeout_keep_alive_handler()

    def cut_off(self, why: str) -> None:
        """End the connection at once; what wasn't taken is lost."""
        self._left()
        self._shared.metrics.cut_off.labels(why).inc()
        # Known before the system says so: nothing is written to it any more.
        self._hang_up()
        self.transport.abort()

    def _hang_up(self) -> None:
        """Tell every request that is answered or waits; the server tells the newest alone."""
        for one in self._unanswered:
            if not one.response_complete:
                one.disconnected = True
                one.message_event.set()
        self._unanswered = []
        self.pipeline.clear()

    def _shared_connections(self) -> list[Connection]:
        return [c for c in self.connections if isinstance(c, Connection) and c._has_room]

    def _waiting_bytes(self) -> int:
        try:
            return self.transport.get_write_buffer_size()
        except RuntimeError:
            return 0  # it is closed already

    def _expect(self, what: str) -> None:
        """Give the client its time from now on."""
        self._relax(what)
        self._timers[what] = self.loop.call_later(
            self._shared.limits.client_s, self._too_slow, what
        )

    def _relax(self, what: str) -> None:
        if (timer := self._timers.pop(what, None)) is not None:
            timer.cancel()

    def _too_slow(self, what: str) -> None:
        del self._timers[what]
        if what == "headers" or self._waiting_bytes():
            self.cut_off(what)

    def _left(self) -> None:
        for what in tuple(self._timers):
            self._relax(what)
        self._idle_since = None
        self._shared.slow.pop(self, None)
        if self._has_room:
            self._has_room = False
            self._shared.room.give_back(1)
