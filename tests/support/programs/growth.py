"""How work grows with its input, whatever else the machine does meanwhile."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FACTOR = 16
# Linear work grows by FACTOR, quadratic by its square, 256: between them there is room for noise.
MOST = 5 * FACTOR
# Below this a measurement says nothing.
_LEAST_S = 5e-5


def growth(work: Callable[[int], object], size: int, tries: int = 2) -> float:
    """Return how many times longer this thread works on an input that is `FACTOR` times longer.

    Of several tries the best is taken, in time of the processor: others don't count.
    """
    return _least(work, size * FACTOR, tries) / max(_least(work, size, tries), _LEAST_S)


def _least(work: Callable[[int], object], size: int, tries: int) -> float:
    times = []
    for _ in range(tries):
        began = time.thread_time()
        work(size)
        times.append(time.thread_time() - began)
    return min(times)
