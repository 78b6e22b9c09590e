"""Events are written ahead: on the disk first, then in the histories, then acknowledged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from longtail.index.errors import LongtailError
from longtail.retrieval.data.event_log.checkpoint import FULL_BYTES, newer_pages, open_log
from longtail.retrieval.data.event_log.log_writer import LogWriter, MovedLogError, UnknownEndError
from longtail.retrieval.data.event_log.segments import Segment
from longtail.retrieval.data.events import UserEvent
from longtail.retrieval.errors import LeaseError
from longtail.serving.http.http_errors import RefusedError
from longtail.serving.limits import MOST_EVENTS
from longtail.serving.logs import log
from longtail.serving.metrics import Metrics
from longtail.serving.updates.user_histories import UserHistories

# Opens the log of the folder that is at the path now; returns it with what it says.
NextWriter = Callable[[LogWriter], tuple[LogWriter, UserHistories]]
_Waiting = tuple[Sequence[UserEvent], "asyncio.Future[None]"]


@dataclass(eq=False)
class EventLog:
    """Appends events to a run's file; those of requests that come together share one sync.

    Attributes:
        writer: of the file that is at the path, as far as anybody knows.
        moved: set when the file isn't at the path any more, until `follow` was called.
    """

    histories: UserHistories
    metrics: Metrics
    writer: LogWriter
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    _trouble: str | None = None
    _broken: bool = False
    _waiting: list[_Waiting] = field(default_factory=list)
    _writing: asyncio.Task[None] | None = None
    _paging: asyncio.Task[None] | None = None
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
        opened = open_log(folder)
        if opened.torn:
            log("torn event cut", level=logging.WARNING, bytes=opened.torn)
        histories.replace(UserHistories.of(opened.pages, opened.recent))
        return cls(histories, metrics, opened.writer)

    @property
    def stuck(self) -> bool:
        """Whether the last try to take events again has failed."""
        return self._trouble is not None

    @property
    def trouble(self) -> str | None:
        """Why no events are taken as of now, None while they are."""
        if self._trouble is None and not self.writer.is_at_path:
            self.moved.set()
        return self._trouble or (_NOT_FOLLOWED if self.moved.is_set() else None)

    async def append(self, events: Sequence[UserEvent]) -> None:
        """Return once these events are on the disk at the run's path, and in the histories.

        Raises:
            RefusedError: the disk doesn't take them, or the run's folder was replaced and isn't
                followed yet; none of them is kept.
        """
        if self._broken:
            raise _disk_refusal()
        if self.moved.is_set():
            raise _moved_refusal()
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((events, future))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write())
        # Whoever hangs up leaves the others' events alone, and the own ones too.
        await asyncio.shield(future)

    async def follow(self, next_writer: NextWriter) -> None:
        """Go on in the folder that is at the path now, if it is another one.

        ``next_writer`` opens it, with what it lacks of the events that were acknowledged; it runs
        between two batches, in the thread that writes. While it can't, no events are taken.
        """
        loop = asyncio.get_running_loop()
        if self._broken:
            return
        if await loop.run_in_executor(self._thread, _at_path, self.writer):
            self._trouble = None
            self.moved.clear()
            return
        self.moved.set()
        try:
            opened, histories = await loop.run_in_executor(self._thread, next_writer, self.writer)
        except (LongtailError, OSError) as error:
            # Where the folder lies, and who holds it, is no client's business.
            locked = isinstance(error, LeaseError)
            self._trouble = _OTHER_WRITER if locked else _NOT_FOLLOWED
            log("run not followed", level=logging.ERROR, why=" ".join(str(error).split()))
            return
        # In the loop, between two answers to clients: nobody is told of an event in between.
        self.histories.replace(histories)
        before, self.writer, self._trouble = self.writer, opened, None
        self.moved.clear()
        before.close()
        log("run followed", events=len(self.histories))

    async def close(self) -> None:
        """Write what is waiting, and close the file."""
        while self._writing is not None and not self._writing.done():
            await self._writing
        if self._paging is not None:
            await self._paging
        self._thread.shutdown()
        self.writer.close()

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            taken = self._next()
            events = [event for batch, _ in taken for event in batch]
            try:
                full = await loop.run_in_executor(self._thread, _append, self, events)
            except (OSError, ValueError) as error:
                self._refuse(taken, error)
                continue
            self.histories.add(events)
            self.metrics.events.inc(len(events))
            for _, future in taken:
                if not future.done():
                    future.set_result(None)
            if full is not None:
                sealed = self.histories.seal()
                if self._paging is None or self._paging.done():
                    self._paging = loop.create_task(self._turn_to_pages(full, sealed))

    async def _turn_to_pages(self, last: Segment, sealed: int) -> None:
        """Let pages on the disk say what memory holds of full files, while more comes."""
        writer, before = self.writer, self.histories.pages
        try:
            pages = await asyncio.to_thread(newer_pages, writer.folder, before, last)
        except (LongtailError, OSError) as error:
            # In memory it is all the same, until the next file is full.
            log("pages not made", level=logging.ERROR, why=" ".join(str(error).split()))
            return
        if pages is not None and writer is self.writer:
            self.histories.turn_to(pages, sealed)

    def _next(self) -> list[_Waiting]:
        """Return the requests that share the next sync: events of one, or no more than of one."""
        n, count = 0, len(self._waiting[0][0])
        while count <= MOST_EVENTS:
            n += 1
            if n == len(self._waiting):
                break
            count += len(self._waiting[n][0])
        n = max(n, 1)
        taken, self._waiting = self._waiting[:n], self._waiting[n:]
        return taken

    def _refuse(self, taken: Sequence[_Waiting], error: Exception) -> None:
        """Tell clients that nothing of theirs was kept."""
        refusal = _disk_refusal()
        if isinstance(error, MovedLogError):
            self.moved.set()
            refusal = _moved_refusal()
        elif isinstance(error, UnknownEndError):
            self._broken, self._trouble = True, _DISK_FAILED
        log("events not written", level=logging.ERROR, why=str(error))
        for _, future in taken:
            if not future.done():
                future.set_exception(refusal)
                future.exception()


def _append(events: EventLog, batch: Sequence[UserEvent]) -> Segment | None:
    """Write some events, and return the file that is full with them, if one is."""
    # Here, in the thread that writes: the folder may have been followed since they came.
    writer = events.writer
    writer.append(batch)
    if writer.end < FULL_BYTES:
        return None
    try:
        return writer.turn()
    except OSError as error:
        log("file not turned", level=logging.ERROR, why=str(error))
        return None


def _at_path(writer: LogWriter) -> bool:
    return writer.is_at_path


_OTHER_WRITER = "events aren't taken: another process writes those of this run"
_NOT_FOLLOWED = "events aren't taken: the run's folder was replaced, and can't be written to yet"
_DISK_FAILED = "events aren't taken: the disk failed; only a start can tell what it has"


def _disk_refusal() -> RefusedError:
    return RefusedError(
        503, "disk_full", "the events can't be written to the disk; none was kept", retry_after_s=30
    )


def _moved_refusal() -> RefusedError:
    return RefusedError(
        503,
        "run_replaced",
        "the run's folder was replaced; its events are taken again once the service has followed; "
        "none was kept",
        retry_after_s=1,
    )
