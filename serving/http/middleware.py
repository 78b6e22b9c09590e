"""What every request passes before a route sees it: id, key, size, time, log and metrics."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from longtail.index.errors import LongtailError
from longtail.serving.access import Access, Keys, changes_nothing, is_open, names_this_machine
from longtail.serving.http.foreign_pages import refuse_foreign_pages, refuse_other_content
from longtail.serving.http.http_errors import RefusedError, internal, too_many
from longtail.serving.http.refusals import refused
from longtail.serving.http.request_body import RequestBody, replayed
from longtail.serving.limits import BODIES_BYTES, REQUEST_ID, Limits
from longtail.serving.logs import log, logger
from longtail.serving.metrics import Metrics
from longtail.serving.room import Room

_ID = re.compile(REQUEST_ID.encode())
_RANKING = "/v1/recommend"
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
    While ``crowded()`` large requests for recommendations are refused unread.
    """

    app: ASGIApp
    limits: Limits
    metrics: Metrics
    keys: Keys
    local_only: bool = False
    crowded: Callable[[], bool] = bool
    bodies: Room = field(default_factory=lambda: Room(BODIES_BYTES))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        method, status = scope["method"], 0
        if method == "HEAD":
            # Answered as a GET would be; the server leaves the body out.
            scope = {**scope, "method": "GET"}
        body = RequestBody(scope, receive, self.limits, self.bodies)
        ending = body.ending(send)

        async def named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", request_id.encode()),
                ]
            elif method == "HEAD":
                message = {**message, "body": b""}
            await ending(message)

        try:
            status_of_gone = await self._pass(scope, receive, named, body)
            status = status or status_of_gone
        except LongtailError as error:
            await refused(error, request_id)(scope, receive, named)
        except Exception:
            logger.exception("bug", extra={"fields": {"request_id": request_id}})
            if not status:
                await internal().answer(request_id)(scope, receive, named)
        finally:
            took = time.perf_counter() - began
            self._account({**scope, "method": method}, request_id, status or HUNG_UP, took)

    async def _pass(self, scope: Scope, receive: Receive, send: Send, body: RequestBody) -> int:
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
            if body.is_large and scope["path"].startswith(_RANKING) and self.crowded():
                raise too_many(1)
            whole = await body.read()
            if whole is None:
                return HUNG_UP
            receive = replayed(whole, receive)
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


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _ID.fullmatch(value):
            return str(value.decode("ascii"))
    return secrets.token_hex(8)
