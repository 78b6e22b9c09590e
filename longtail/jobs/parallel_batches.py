"""Answers for many users, some hundred at a time, on all cores."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from longtail.index.faiss_runtime import load_faiss
from longtail.jobs.thread_limits import pool_threads
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.ranking.pipeline import USERS_PER_BATCH
from longtail.retrieval.ranking.query import Query

# Beyond, threads wait for one another's Python.
MOST_WORKERS = 8


@dataclass(frozen=True)
class UserBatch:
    """Users and one question about all of them.

    Attributes:
        names: what the answers are called: user ids [m].
        queries: returns the queries of some of the users, by their positions.
    """

    names: Sequence[str]
    queries: Callable[[range], list[Query]]

    def __len__(self) -> int:
        return len(self.names)

    @classmethod
    def of_users(cls, users: Sequence[str], request: Query) -> UserBatch:
        """Return users of the log, each asked what ``request`` asks."""
        return cls(users, lambda part: [replace(request, user=users[i]) for i in part])

    @classmethod
    def of_histories(
        cls, histories: Histories, item_ids: NDArray[np.object_], request: Query
    ) -> UserBatch:
        """Return users who need not be known, by what they took."""

        def queries(part: range) -> list[Query]:
            ids = [item_ids[histories[i]].tolist() for i in part]
            return [replace(request, user=None, history=items) for items in ids]

        return cls([str(user) for user in histories.user_ids], queries)


def in_blocks(
    count: int, answer: Callable[[range], pd.DataFrame]
) -> Iterator[tuple[int, pd.DataFrame]]:
    """Yield the answers to blocks of ``count`` users in their order, and how many are done.

    A block is worked on by one thread alone, several blocks at once: the loops leave Python's
    lock to one another, and nobody waits for the slowest part of a shared step. At most two
    blocks a worker are in memory.
    """
    workers = min(cores(), MOST_WORKERS)
    waiting: deque[tuple[int, Future[pd.DataFrame]]] = deque()
    with (
        _one_thread_each() as start_worker,
        ThreadPoolExecutor(workers, "answers", start_worker) as pool,
    ):
        try:
            for start in range(0, count, USERS_PER_BATCH):
                stop = min(start + USERS_PER_BATCH, count)
                waiting.append((stop, pool.submit(answer, range(start, stop))))
                if len(waiting) >= 2 * workers:
                    done, frame = waiting.popleft()
                    yield done, frame.result()
            while waiting:
                done, frame = waiting.popleft()
                yield done, frame.result()
        finally:
            for _, frame in waiting:
                frame.cancel()


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _one_thread_each() -> Iterator[Callable[[], None]]:
    """Give what each worker calls first; afterwards the pools have their own sizes again."""

    def start_worker() -> None:
        load_faiss().omp_set_num_threads(1)
        torch.set_num_threads(1)

    # The matrix libraries' pools are the process's: a worker can't be given one of its own.
    with pool_threads(1):
        yield start_worker
