"""What the machine can do at most, measured in the same run as what is compared with it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

REPEATS = 5


def timed(run: Callable[[], Any], repeats: int = REPEATS) -> dict[str, float]:
    """Return median, least and greatest seconds of several runs, after one that doesn't count."""
    run()
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        taken.append(time.perf_counter() - began)
    return {
        "seconds": float(np.median(taken)),
        "least": float(min(taken)),
        "greatest": float(max(taken)),
    }


def read_bandwidth(threads: int, megabytes: int = 1_024) -> dict[str, float]:
    """Return gigabytes a second that so many threads read; the sum of an array is the reading."""
    numbers = np.ones(megabytes * 2**20 // 4, np.float32)
    parts = np.array_split(numbers, threads)

    def read() -> None:
        if threads == 1:
            parts[0].sum()
            return
        list(pool.map(np.sum, parts))

    with ThreadPoolExecutor(threads) as pool:
        found = timed(read)
    return {"gb_per_second": numbers.nbytes / 1e9 / found["seconds"], **found}


def matrix_rate(threads: int, dim: int) -> dict[str, float]:
    """Return thousand million operations a second of a float32 matrix product."""
    rng = np.random.default_rng(0)
    queries = rng.standard_normal((2_048, dim), dtype=np.float32)
    items = rng.standard_normal((16_384, dim), dtype=np.float32)
    with threadpool_limits(threads):
        found = timed(lambda: queries @ items.T)
    return {"gflops": 2e-9 * len(queries) * len(items) * dim / found["seconds"], **found}


def ceilings(threads: int, dim: int) -> dict[str, Any]:
    """Return the reading rate with one and all threads, and the matrix rate."""
    return {
        "read_1_thread": read_bandwidth(1),
        f"read_{threads}_threads": read_bandwidth(threads),
        "matrix": matrix_rate(threads, dim),
    }
