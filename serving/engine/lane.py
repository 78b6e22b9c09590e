"""A queue before the engine, and the batch that is being answered from it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from longtail.retrieval.ranking.query import Query
from longtail.serving.engine.batch_handler import Outcome
from longtail.serving.limits import LARGEST_BATCH
from longtail.serving.metrics import Metrics
from longtail.serving.room import Room

Versions = dict[str, str]
Groups = Iterable[list[tuple[int, Outcome]]]
# Starts a batch: the versions of the engine that will answer, and its outcomes by place; asked
# before each group whether anybody still waits for a place.
Answering = Callable[[Sequence[Query], Callable[[int], bool]], tuple[Versions, Groups]]


@dataclass(eq=False)
class Job:
    """Requests that are answered together, by one engine.

    Attributes:
        cost: their work (`query_cost`).
        room: what they take in their lane while they wait.
    """

    queries: Sequence[Query]
    cost: int
    future: asyncio.Future[tuple[Versions, list[Outcome]]]
    room: int = 0
    began: float = field(default_factory=time.perf_counter)
    outcomes: dict[int, Outcome] = field(default_factory=dict)


@dataclass(eq=False)
class Batch:
    """Jobs that are ranked together; the engine's thread makes one group after another."""

    jobs: list[Job]
    answering: Answering
    _versions: Versions = field(default_factory=dict)
    _groups: Iterator[list[tuple[int, Outcome]]] | None = None

    def step(self, loop: asyncio.AbstractEventLoop, whole: bool) -> bool:
        """Answer a group, or the ``whole`` batch, and return whether the batch is done.

        Each group is handed over to the loop when it is ready. Jobs that nobody waits for are
        left out from the next group on.
        """
        owners = [(job, place) for job in self.jobs for place in range(len(job.queries))]
        try:
            if self._groups is None:
                queries = [job.queries[place] for job, place in owners]
                self._versions, groups = self.answering(
                    queries, lambda place: not owners[place][0].future.done()
                )
                self._groups = iter(groups)
            for group in self._groups:
                handed_over = [(*owners[place], outcome) for place, outcome in group]
                loop.call_soon_threadsafe(_hand_over, handed_over, self._versions)
                if not whole:
                    return False
        except Exception as error:
            # A bug of ours must not stop the thread: each of its requests gets to know.
            loop.call_soon_threadsafe(_fail, self.jobs, error)
        return True


@dataclass(eq=False)
class Lane:
    """Jobs of up to so much work; those of one lane are answered in their order.

    Attributes:
        most_cost: work of a job, None for any.
        room: for what waits, in work.
        batch: what is being answered.
    """

    most_cost: int | None
    room: Room
    batch: Batch | None = None
    waiting: deque[Job] = field(default_factory=deque)

    @property
    def busy(self) -> bool:
        """Whether there is anything to do."""
        return self.batch is not None or bool(self.waiting)

    def takes(self, job: Job) -> bool:
        """Return whether a job belongs here."""
        return self.most_cost is None or job.cost <= self.most_cost

    def add(self, job: Job) -> bool:
        """Let a job wait, and return whether there was any room.

        The last one may be more than the room that is left: a full batch would else be kept out
        for as long as others ask for less.
        """
        job.room = min(job.cost, self.room.most - self.room.taken)
        if not job.room:
            return False
        self.room.take(job.room)
        self.waiting.append(job)
        return True

    def begin(self, answering: Answering, metrics: Metrics) -> Batch | None:
        """Take the next batch; who has gone, or is past the deadline, isn't in it."""
        jobs: list[Job] = []
        cost, now = 0, time.perf_counter()
        while self.waiting and (not jobs or cost + self.waiting[0].cost <= LARGEST_BATCH):
            job = self.waiting.popleft()
            self.room.give_back(job.room)
            if not job.future.done():
                jobs.append(job)
                cost += job.cost
                metrics.stage("queue", now - job.began)
        if jobs:
            metrics.batch_size.observe(sum(len(job.queries) for job in jobs))
        self.batch = Batch(jobs, answering) if jobs else None
        return self.batch


def _hand_over(handed_over: list[tuple[Job, int, Outcome]], versions: Versions) -> None:
    for job, place, outcome in handed_over:
        job.outcomes[place] = outcome
        if len(job.outcomes) == len(job.queries) and not job.future.done():
            job.future.set_result((versions, [o for _, o in sorted(job.outcomes.items())]))


def _fail(jobs: list[Job], error: Exception) -> None:
    for job in jobs:
        if not job.future.done():
            job.future.set_exception(error)
