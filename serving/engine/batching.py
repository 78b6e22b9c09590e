"""Concurrent requests share the engine: what waits while it works is its next batch."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from longtail.retrieval.ranking.query import Query
from longtail.serving.engine.batch_handler import Outcome
from longtail.serving.http.http_errors import RefusedError
from longtail.serving.limits import LARGEST_BATCH, Limits
from longtail.serving.metrics import Metrics

Versions = dict[str, str]
# Starts a batch: the versions of the engine that will answer, and its outcomes by place.
Answering = Callable[[Sequence[Query]], tuple[Versions, Iterable[list[tuple[int, Outcome]]]]]


@dataclass(eq=False)
class _Job:
    """Requests that are answered together, by one engine."""

    queries: Sequence[Query]
    future: asyncio.Future[tuple[Versions, list[Outcome]]]
    began: float
    outcomes: dict[int, Outcome] = field(default_factory=dict)


@dataclass(eq=False)
class Batcher:
    """One worker thread, and a bounded queue before it.

    A request that finds the engine idle starts at once. Requests that arrive while it works are
    the next batch, together. After a batch of several the next one waits up to ``gather_s`` for
    as many again: clients that ask one after the other come back at about the same time.
    """

    answering: Answering
    limits: Limits
    metrics: Metrics
    _waiting: deque[_Job] = field(default_factory=deque)
    _size: int = 0
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _enough: int = 1
    _closing: bool = False
    _task: asyncio.Task[None] | None = None
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="engine")
    )

    def start(self) -> None:
        """Begin to answer; call it in the event loop."""
        self._task = asyncio.get_running_loop().create_task(self._work())

    async def close(self) -> None:
        """Answer what is waiting, then stop."""
        self._closing = True
        self._arrived.set()
        if self._task is not None:
            await self._task
        self._thread.shutdown()

    async def submit(self, queries: Sequence[Query]) -> tuple[Versions, list[Outcome]]:
        """Return the outcomes of these requests, all from one version.

        Raises:
            RefusedError: 429 where too many wait, 503 while the service stops, 504 after the
                deadline.
        """
        if self._closing:
            raise RefusedError(503, "stopping", "the service is stopping", retry_after_s=5)
        if self._size + len(queries) > self.limits.waiting:
            raise RefusedError(
                429,
                "too_many_requests",
                f"{self._size} requests are waiting already; try again in a second",
                retry_after_s=1,
            )
        job = _Job(queries, asyncio.get_running_loop().create_future(), time.perf_counter())
        self._waiting.append(job)
        self._size += len(queries)
        self.metrics.waiting.set(self._size)
        self._arrived.set()
        try:
            async with asyncio.timeout(self.limits.deadline_s):
                return await job.future
        except TimeoutError:
            raise RefusedError(
                504,
                "deadline",
                f"no answer within {self.limits.deadline_s:g} seconds; ask for less, or later",
                retry_after_s=1,
            ) from None

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if not self._waiting:
                if self._closing:
                    return
                self._arrived.clear()
                await self._arrived.wait()
                continue
            if self._enough > self._size and not self._closing:
                await self._gather()
            jobs = self._next()
            if jobs:
                await loop.run_in_executor(self._thread, self._answer, jobs, loop)
            self._enough = sum(len(job.queries) for job in jobs)

    async def _gather(self) -> None:
        """Wait a moment for as many requests as the last batch had."""
        try:
            async with asyncio.timeout(self.limits.gather_s):
                while self._size < self._enough and not self._closing:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            pass

    def _next(self) -> list[_Job]:
        """Take the next batch; who has gone, or is past the deadline, isn't in it."""
        jobs: list[_Job] = []
        size, now = 0, time.perf_counter()
        while self._waiting and (not jobs or size + len(self._waiting[0].queries) <= LARGEST_BATCH):
            job = self._waiting.popleft()
            self._size -= len(job.queries)
            if not job.future.done():
                jobs.append(job)
                size += len(job.queries)
                self.metrics.stage("queue", now - job.began)
        self.metrics.waiting.set(self._size)
        if jobs:
            self.metrics.batch_size.observe(size)
        return jobs

    def _answer(self, jobs: list[_Job], loop: asyncio.AbstractEventLoop) -> None:
        """Answer a batch, in the worker thread; each group is handed over when it is ready."""
        owners = [(job, place) for job in jobs for place in range(len(job.queries))]
        try:
            versions, groups = self.answering([job.queries[place] for job, place in owners])
            for group in groups:
                handed_over = [(*owners[place], outcome) for place, outcome in group]
                loop.call_soon_threadsafe(_hand_over, handed_over, versions)
        except Exception as error:
            # A bug of ours must not stop the thread: each of its requests gets to know.
            loop.call_soon_threadsafe(_fail, jobs, error)


def _hand_over(handed_over: list[tuple[_Job, int, Outcome]], versions: Versions) -> None:
    for job, place, outcome in handed_over:
        job.outcomes[place] = outcome
        if len(job.outcomes) == len(job.queries) and not job.future.done():
            job.future.set_result((versions, [o for _, o in sorted(job.outcomes.items())]))


def _fail(jobs: list[_Job], error: Exception) -> None:
    for job in jobs:
        if not job.future.done():
            job.future.set_exception(error)
