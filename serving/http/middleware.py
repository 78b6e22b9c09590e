"""What every request passes before a route sees it: id, key, size, time, log and metrics."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from longtail.index.errors import LongtailError
from longtail.serving.access import Access, Keys, changes_nothing, is_open, names_this_machine
from longtail.serving.http.foreign_pages import refuse_foreign_pages, refuse_other_content
from longtail.serving.http.http_errors import RefusedError, internal
from longtail.serving.http.refusals import refused
from longtail.serving.limits import REQUEST_ID, Limits
from longtail.serving.logs import log, logger
from longtail.serving.metrics import Metrics

_ID = re.compile(REQUEST_ID.encode())
_HAS_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# Most requests are over by then; only longer ones are worth a look at who is waiting.
_WATCHED_AFTER_S = 0.05
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
HUNG_UP = 499


@dataclass(frozen=True, eq=False)
class Gate:
    """ASGI middleware around the whole service; nothing gets past it as a traceback.

    With ``local_only`` the request must name this machine: a page of another site, open in a
    browser here, could otherwise reach the service under a name that leads here (DNS rebinding).
    """

    app: ASGIApp
    limits: Limits
    metrics: Metrics
    keys: Keys
    local_only: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        try:
            status_of_gone = await self._pass(scope, receive, named)
            status = status or status_of_gone
        except LongtailError as error:
            await refused(error, request_id)(scope, receive, named)
        except Exception:
            logger.exception("bug", extra={"fields": {"request_id": request_id}})
            if not status:
                await internal().answer(request_id)(scope, receive, named)
        finally:
            self._account(scope, request_id, status or HUNG_UP, time.perf_counter() - began)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> int:
        """Let a request through; return `HUNG_UP` if its client has gone, else 0."""
        if self.local_only and not names_this_machine(scope["headers"]):
            raise RefusedError(
                403,
                "other_host",
                "without an API key only 127.0.0.1 and localhost are answered as host names",
            )
        refuse_foreign_pages(scope["method"], scope["headers"])
        self._ask_for_key(scope)
        refuse_other_content(scope["method"], scope["path"], scope["headers"])
        if scope["method"] in _HAS_BODY:
            body = await self._body(scope, receive)
            if body is None:
                return HUNG_UP
            receive = _replayed(body, receive)
        watch = _Watch(receive)
        try:
            await self.app(scope, receive, send)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not watch.gone or task is None:
                raise
            task.uncancel()
            return HUNG_UP
        finally:
            watch.stop()
        return 0

    def _ask_for_key(self, scope: Scope) -> None:
        if is_open(scope["path"]):
            return
        access = self.keys.access(scope["headers"])
        if access is Access.NONE:
            raise RefusedError(401, "unauthorized", "send the API key in the header X-API-Key")
        if access is Access.READ and not changes_nothing(scope["method"], scope["path"]):
            raise RefusedError(403, "read_only", "this API key asks, and changes nothing")

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """Return the whole body, None if the client goes first; refused while it is read."""
        most = self.limits.body_bytes
        too_large = RefusedError(413, "body_too_large", f"the body is larger than {most:,} bytes")
        for name, value in scope["headers"]:
            if name == b"content-length" and (not value.isdigit() or int(value) > most):
                raise too_large
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(self.limits.client_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    part = message.get("body", b"")
                    size += len(part)
                    if size > most:
                        raise too_large
                    parts.append(part)
                    if not message.get("more_body", False):
                        return b"".join(parts)
        except TimeoutError:
            raise RefusedError(
                408, "slow_body", f"the body did not arrive within {self.limits.client_s:g} seconds"
            ) from None

    def _account(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None) or "unmatched"
        self.metrics.answered(route, status, seconds)
        if route in _PROBES and status < 400:
            return  # asked every few seconds by machines: lines that nobody reads
        log(
            "request",
            level=logging.WARNING if status >= 500 else logging.INFO,
            request_id=request_id,
            method=scope["method"],
            route=route,
            status=status,
            ms=round(seconds * 1000, 2),
        )


class _Watch:
    """Cancels the task at hand when its client hangs up; only long requests are watched."""

    def __init__(self, receive: Receive) -> None:
        self.gone = False
        self._receive = receive
        self._task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_WATCHED_AFTER_S, self._start)
        self._watching: asyncio.Task[None] | None = None

    def _start(self) -> None:
        self._watching = asyncio.get_running_loop().create_task(self._look())

    async def _look(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        if self._task is not None:
            self._task.cancel()

    def stop(self) -> None:
        """Stop looking."""
        self._timer.cancel()
        if self._watching is not None:
            self._watching.cancel()


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that gives the body once, and then waits for the client to go."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _ID.fullmatch(value):
            return str(value.decode("ascii"))
    return secrets.token_hex(8)
