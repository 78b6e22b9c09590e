"""What the default user tower takes for histories of 1 to 500 items."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.towers.user_tower import ItemSource
from longtail.retrieval.towers.vector_user_tower import VectorUserTower, VectorUserTowerShape

LENGTHS = (1, 2, 5, 10, 20, 50, 100, 200, 500)


def histories_part() -> list[dict[str, Any]]:
    """Return the cost of reading histories, by length and by the size of the BERT stack.

    One history on one thread; 128 of one item up to the length, in batches of 64, on all.
    """
    rng, threads = np.random.default_rng(0), torch.get_num_threads()
    items = rng.standard_normal((20_000, 384)).astype(np.float32)
    items /= np.linalg.norm(items, axis=1, keepdims=True)
    source = ItemSource(torch.from_numpy(items), torch.arange(len(items)))
    rows = []
    for layers in (0, 2):
        shape = VectorUserTowerShape(384, len(items), max(LENGTHS), layers=layers)
        tower = VectorUserTower(shape).eval()
        if layers:
            # As after training: at zero the stack isn't run.
            torch.nn.init.normal_(tower.outward.weight)
        for length in LENGTHS:
            one = Histories.from_lists([rng.integers(0, len(items), length).tolist()])
            many = Histories.from_lists(
                [rng.integers(0, len(items), rng.integers(1, length + 1)) for _ in range(128)]
            )
            # One request is small: a second thread would cost it more than it gives.
            torch.set_num_threads(1)
            alone = timed(partial(tower.encode, one, source), 50)
            torch.set_num_threads(threads)
            batch = timed(partial(tower.encode, many, source, batch_size=64), 3)
            rows.append(
                {
                    "layers": layers,
                    "length": length,
                    "one_ms": float(np.median(alone)) * 1e3,
                    "one_ms_p90": float(np.quantile(alone, 0.9)) * 1e3,
                    "histories_per_second": len(many) / float(np.median(batch)),
                    "resident_mb": resident_mb(),
                }
            )
    return rows


def timed(work: Callable[[], object], times: int) -> list[float]:
    """Return the seconds of each of so many calls, after one that warms up."""
    work()
    found = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return found


def resident_mb() -> float:
    """Return this process's resident set, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6
