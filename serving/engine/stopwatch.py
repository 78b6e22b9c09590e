"""Seconds by stage, for the service's metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Stopwatch:
    """Seconds by stage of the work at hand; of one thread, and inner stages aren't counted twice.

    Attributes:
        report: gets stage and seconds whenever a stage ends.
    """

    report: Callable[[str, float], None]
    _inner: list[float] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage, less the stages within it."""
        began = time.perf_counter()
        self._inner.append(0.0)
        try:
            yield
        finally:
            whole = time.perf_counter() - began
            within = self._inner.pop()
            if self._inner:
                self._inner[-1] += whole
            self.report(name, whole - within)
