"""Reads of the catalog and the log beside the engine: one thread, a bounded queue, a deadline."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any, ParamSpec

from starlette.responses import Response

from longtail.serving.http.http_errors import RefusedError, too_many
from longtail.serving.http.json_response import JsonAnswer
from longtail.serving.limits import MOST_READS, Limits
from longtail.serving.room import Room

_P = ParamSpec("_P")


@dataclass(eq=False)
class Reads:
    """Answers reads one after the other; who is late gets a 504 and isn't read for any more."""

    limits: Limits
    _room: Room = field(default_factory=lambda: Room(MOST_READS))
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="reads")
    )

    def queued(self, read: Callable[_P, dict[str, Any]]) -> Callable[_P, Awaitable[Response]]:
        """Return a route that has a read done, and written as JSON, when its turn has come.

        The route raises `RefusedError`: 429 where too many wait, 504 after the deadline.
        """

        @wraps(read)
        async def route(*arguments: _P.args, **named: _P.kwargs) -> Response:
            return await self._done(lambda: self._read(partial(read, *arguments, **named)))

        # The names in its annotations are those of its own module, which older FastAPIs don't ask.
        route.__dict__["__signature__"] = inspect.signature(read, eval_str=True)
        return route

    def _read(self, read: Callable[[], dict[str, Any]]) -> Response:
        began = time.perf_counter()
        try:
            return JsonAnswer(read())
        finally:
            if self._room.taken > 1:
                # Where reads crowd, half of the time is for the others: the engine and the loop.
                with suppress(RuntimeError):  # the service stops
                    self._thread.submit(time.sleep, time.perf_counter() - began)

    async def _done(self, work: Callable[[], Response]) -> Response:
        if not self._room.take(1):
            raise too_many(MOST_READS)
        try:
            async with asyncio.timeout(self.limits.deadline_s):
                return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except TimeoutError:
            raise RefusedError(
                504,
                "deadline",
                f"no answer within {self.limits.deadline_s:g} seconds; try again later",
                retry_after_s=1,
            ) from None
        finally:
            self._room.give_back(1)

    def close(self) -> None:
        """Stop; what waits is not read."""
        self._thread.shutdown(wait=False, cancel_futures=True)
