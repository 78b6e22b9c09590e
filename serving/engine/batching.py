"""Concurrent requests share the engine: what waits while it works is its next batch."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from longtail.retrieval.ranking.query import Query
from longtail.retrieval.ranking.query_cost import query_cost
from longtail.serving.engine.batch_handler import Outcome
from longtail.serving.engine.lane import Answering, Job, Lane, Versions
from longtail.serving.http.http_errors import RefusedError, too_many
from longtail.serving.limits import LANES, REFUSED_AFTER_S, Limits
from longtail.serving.metrics import Metrics
from longtail.serving.room import Room


@dataclass(eq=False)
class Batcher:
    """One worker thread, and bounded queues before it: lanes for light and for heavy work.

    A request that finds the engine idle starts at once. Requests that arrive while it works are
    the next batch, together. After a batch of several the next one waits up to ``gather_s`` for
    as many again: clients that ask one after the other come back at about the same time.

    The lanes take turns: a group of one that is heavier, then all that is lightest. So nobody waits
    for the whole of what another has asked, and what is heavy goes on beside what is light.
    """

    answering: Answering
    limits: Limits
    metrics: Metrics
    _lanes: list[Lane] = field(init=False)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _enough: int = 1
    _closing: bool = False
    _task: asyncio.Task[None] | None = None
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="engine")
    )

    def __post_init__(self) -> None:
        self._lanes = [Lane(most, Room(self.limits.waiting)) for most in (*LANES, None)]

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

    def crowded(self) -> bool:
        """Return whether heavy work has no room, so that it needn't even be read."""
        room = self._lanes[-1].room
        return room.taken >= room.most

    async def submit(self, queries: Sequence[Query]) -> tuple[Versions, list[Outcome]]:
        """Return the outcomes of these requests, all from one version.

        Raises:
            RefusedError: 429 where too much waits, 503 while the service stops, 504 after the
                deadline.
        """
        if self._closing:
            raise RefusedError(503, "stopping", "the service is stopping", retry_after_s=5)
        future: asyncio.Future[tuple[Versions, list[Outcome]]]
        future = asyncio.get_running_loop().create_future()
        job = Job(queries, sum(map(query_cost, queries)), future)
        lane = next(lane for lane in self._lanes if lane.takes(job))
        if not lane.add(job):
            if lane is not self._lanes[0]:
                # Reading it has cost something, too: who asks again at once is slowed down.
                await asyncio.sleep(min(REFUSED_AFTER_S, self.limits.deadline_s))
            raise too_many(len(lane.waiting))
        self._count()
        self._arrived.set()
        try:
            async with asyncio.timeout(self.limits.deadline_s):
                return await future
        except TimeoutError:
            raise RefusedError(
                504,
                "deadline",
                f"no answer within {self.limits.deadline_s:g} seconds; ask for less, or later",
                retry_after_s=1,
            ) from None

    async def _work(self) -> None:
        lightest, *heavier = self._lanes
        turns = deque(heavier)
        while True:
            busy = [lane for lane in self._lanes if lane.busy]
            if not busy:
                if self._closing:
                    return
                self._arrived.clear()
                await self._arrived.wait()
                continue
            if busy == [lightest] and self._enough > self._waiting() and not self._closing:
                await self._gather()
            if lightest.busy:
                await self._step(lightest)
            for _ in heavier:
                turns.rotate(-1)
                if turns[-1].busy:
                    await self._step(turns[-1])
                    break

    async def _step(self, lane: Lane) -> None:
        """Have all that waits in the lightest lane answered, or a group of another's batch."""
        batch = lane.batch or lane.begin(self.answering, self.metrics)
        self._count()
        if batch is None:
            return
        whole = lane is self._lanes[0]
        if whole:
            self._enough = sum(len(job.queries) for job in batch.jobs)
        loop = asyncio.get_running_loop()
        if await loop.run_in_executor(self._thread, batch.step, loop, whole):
            lane.batch = None

    async def _gather(self) -> None:
        """Wait a moment for as many requests as the last batch had."""
        try:
            async with asyncio.timeout(self.limits.gather_s):
                while self._waiting() < self._enough and not self._closing:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            pass

    def _waiting(self) -> int:
        return sum(len(job.queries) for lane in self._lanes for job in lane.waiting)

    def _count(self) -> None:
        self.metrics.waiting.set(self._waiting())
