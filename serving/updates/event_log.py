"""Events are written ahead: on the disk first, then in the histories, then acknowledged."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from longtail.index.files import DISK_FULL, sync
from longtail.retrieval.data.events import NAME, UserEvent, append, cut_torn_end, read_events
from longtail.serving.http.http_errors import RefusedError
from longtail.serving.logs import log
from longtail.serving.metrics import Metrics
from longtail.serving.updates.user_histories import UserHistories

_Waiting = tuple[Sequence[UserEvent], "asyncio.Future[None]"]


@dataclass(eq=False)
class EventLog:
    """Appends events to a run's file; those of requests that come together share one sync."""

    histories: UserHistories
    metrics: Metrics
    _descriptor: int
    _end: int
    _waiting: list[_Waiting] = field(default_factory=list)
    _writing: asyncio.Task[None] | None = None
    _broken: bool = False
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="events")
    )

    @classmethod
    def open(
        cls,
        folder: Path,
        histories: UserHistories,
        metrics: Metrics,
    ) -> EventLog:
        """Return the log of a folder, its events replayed into ``histories``.

        Raises:
            DamagedFileError: a line in the middle was altered.
        """
        folder.mkdir(exist_ok=True)
        replayed = read_events(folder)
        if replayed.torn:
            log("torn event cut", level=logging.WARNING, bytes=replayed.torn)
            cut_torn_end(folder, replayed)
        descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o600)
        for changed in (folder, folder.parent):
            sync(changed)
        histories.add(replayed.events)
        return cls(histories, metrics, descriptor, replayed.size)

    async def append(self, events: Sequence[UserEvent]) -> None:
        """Return once these events are on the disk and in the histories.

        Raises:
            RefusedError: the disk doesn't take them; none of them is kept.
        """
        if self._broken:
            raise _disk_refusal()
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((events, future))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write())
        # Whoever hangs up leaves the others' events alone, and the own ones too.
        await asyncio.shield(future)

    async def close(self) -> None:
        """Write what is waiting, and close the file."""
        while self._writing is not None and not self._writing.done():
            await self._writing
        self._thread.shutdown()
        os.close(self._descriptor)

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            taken, self._waiting = self._waiting, []
            events = [event for batch, _ in taken for event in batch]
            try:
                self._end = await loop.run_in_executor(
                    self._thread, append, self._descriptor, events, self._end
                )
            except OSError as error:
                # After a failed sync nobody knows what the disk has: only a restart can tell.
                self._broken = not isinstance(error.errno, int) or error.errno not in DISK_FULL
                log("events not written", level=logging.ERROR, why=error.strerror)
                for _, future in taken:
                    if not future.done():
                        future.set_exception(_disk_refusal())
                        future.exception()
                continue
            self.histories.add(events)
            self.metrics.events.inc(len(events))
            for _, future in taken:
                if not future.done():
                    future.set_result(None)


def _disk_refusal() -> RefusedError:
    return RefusedError(
        503, "disk_full", "the events can't be written to the disk; none was kept", retry_after_s=30
    )
