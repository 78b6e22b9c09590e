"""Connections whose clients take their time, or too much room, before a request begins."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# In bytes; what is read at once may come on top.
LARGEST_HEAD = 64 * 1024


class PromptClients(HttpToolsProtocol):
    """The server's protocol, which by itself takes headers as late and as long as they come.

    Bodies have their own deadline in `longtail.serving.http.middleware`.
    """

    headers_s: float
    _headers_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0

    @classmethod
    def within(cls, seconds: float) -> type[PromptClients]:
        """Return the protocol with this deadline: the server wants a class."""
        return type(cls.__name__, (cls,), {"headers_s": seconds})

    def connection_made(self, transport: Any) -> None:
        """Give a new connection its time."""
        super().connection_made(transport)
        self._start()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the time of a connection that is over."""
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Close a connection whose headers don't end."""
        if self._headers_timer is not None:
            if self._head_bytes > LARGEST_HEAD:
                self._stop()
                self.transport.close()
                return
            self._head_bytes += len(data)
        super().data_received(data)

    def on_message_begin(self) -> None:
        """Give the next request on a connection its time."""
        super().on_message_begin()
        self._stop()
        self._start()

    def on_headers_complete(self) -> None:
        """The client was prompt."""
        self._stop()
        super().on_headers_complete()

    def _start(self) -> None:
        self._head_bytes = 0
        self._headers_timer = self.loop.call_later(self.headers_s, self._close)

    def _stop(self) -> None:
        if self._headers_timer is not None:
            self._headers_timer.cancel()
            self._headers_timer = None

    def _close(self) -> None:
        # Answers to earlier requests of the same connection are still on their way.
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
