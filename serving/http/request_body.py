"""The body of a request: read within bounds, or the connection ends with the answer."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from starlette.types import Message, Receive, Scope, Send

from longtail.serving.http.http_errors import RefusedError
from longtail.serving.limits import Limits
from longtail.serving.room import Room

# So much of every body needs no room among the others: small requests are always read.
_SMALL = 16_384
# So much takes the loop's time: to read as JSON, and to check.
_LARGE = 65_536
# How long and how much a client that still sends gets to notice its answer.
_LINGER_S, _LINGER_BYTES = 2.0, 8_000_000


@dataclass(eq=False)
class RequestBody:
    """What a client sends with one request, as far as it was read.

    Attributes:
        scope: of the request.
        received: the server's own ``receive``.
        room: for the bytes of all bodies that are being read.
        whole: whether nothing more comes.
        is_large: whether it may be more than takes no time to read.
    """

    scope: Scope
    received: Receive
    limits: Limits
    room: Room
    whole: bool = field(init=False)
    is_large: bool = field(init=False)

    def __post_init__(self) -> None:
        announced = [value for name, value in self.scope["headers"] if name == b"content-length"]
        chunked = any(name == b"transfer-encoding" for name, _ in self.scope["headers"])
        self.whole = not chunked and all(value == b"0" for value in announced)
        self.is_large = chunked or any(not v.isdigit() or int(v) > _LARGE for v in announced)

    async def read(self) -> bytes | None:
        """Return the whole body, None if the client goes first.

        Raises:
            RefusedError: 413 where it is too large, 408 where it is too slow, 503 where too many
                others are being read.
        """
        most = self.limits.body_bytes
        too_large = RefusedError(413, "body_too_large", f"the body is larger than {most:,} bytes")
        for name, value in self.scope["headers"]:
            if name == b"content-length" and (not value.isdigit() or int(value) > most):
                raise too_large
        parts: list[bytes] = []
        size = taken = 0
        try:
            async with asyncio.timeout(self.limits.client_s):
                while True:
                    message = await self.received()
                    if message["type"] == "http.disconnect":
                        return None
                    part = message.get("body", b"")
                    size += len(part)
                    if size > most:
                        raise too_large
                    more = max(size - _SMALL, 0) - taken
                    if not self.room.take(more):
                        raise RefusedError(
                            503,
                            "busy",
                            "too many large requests are being read; try again in a second",
                            retry_after_s=1,
                        )
                    taken += more
                    parts.append(part)
                    if not message.get("more_body", False):
                        self.whole = True
                        return b"".join(parts)
        except TimeoutError:
            raise RefusedError(
                408, "slow_body", f"the body did not arrive within {self.limits.client_s:g} seconds"
            ) from None
        finally:
            self.room.give_back(taken)

    def ending(self, send: Send) -> Send:
        """Return a ``send`` after which the connection ends, unless the body was read by then.

        What comes yet would be taken for the next request. It is thrown away for a moment, so
        that a client that sends everything before it reads gets its answer, too.
        """
        ends = False

        async def sent(message: Message) -> None:
            nonlocal ends
            if message["type"] == "http.response.start" and not self.whole:
                ends = True
                headers = [*message.get("headers", ()), (b"connection", b"close")]
                message = {**message, "headers": headers}
            last = message["type"] == "http.response.body" and not message.get("more_body", False)
            if not (ends and last):
                await send(message)
                return
            await send({**message, "more_body": True})
            await self._thrown_away()
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        return sent

    async def _thrown_away(self) -> None:
        thrown = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                while thrown < _LINGER_BYTES:
                    message = await self.received()
                    thrown += len(message.get("body", b""))
                    if not message.get("more_body", False):
                        return


def replayed(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives the body once, and then waits for the client to go."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
