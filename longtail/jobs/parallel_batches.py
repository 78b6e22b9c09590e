"""Answers for many users, some hundred at a time, on all cores."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pandas as pd
import torch

from longtail.index.faiss_runtime import load_faiss
from longtail.jobs.thread_limits import pool_threads
from longtail.retrieval.data.interactions import Histories
from longtail.retrieval.ranking.pipeline import USERS_PER_BATCH

# Beyond, threads wait for one another's Python.
MOST_WORKERS = 8


def in_blocks(
    asked: Histories, answer: Callable[[Histories], pd.DataFrame]
) -> Iterator[tuple[int, pd.DataFrame]]:
    """Yield the answers to blocks of users in their order, and how many users are done.

    A block is worked on by one thread alone, several blocks at once: the loops leave Python's
    lock to one another, and nobody waits for the slowest part of a shared step. At most two
    blocks a worker are in memory.
    """
    workers = min(cores(), MOST_WORKERS)
    starts = range(0, len(asked), USERS_PER_BATCH)
    waiting: deque[tuple[int, Future[pd.DataFrame]]] = deque()
    with (
        _one_thread_each() as start_worker,
        ThreadPoolExecutor(workers, "answers", start_worker) as pool,
    ):
        try:
            for start in starts:
                stop = min(start + USERS_PER_BATCH, len(asked))
                part = asked.take(np.arange(start, stop))
                waiting.append((stop, pool.submit(answer, part)))
                if len(waiting) >= 2 * workers:
                    done, found = waiting.popleft()
                    yield done, found.result()
            while waiting:
                done, found = waiting.popleft()
                yield done, found.result()
        finally:
            for _, found in waiting:
                found.cancel()


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
