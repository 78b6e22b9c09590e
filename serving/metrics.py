"""What the service counts, for Prometheus."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """The numbers of one service; each has its own registry, so that several can live here."""

    def __init__(self) -> None:
        # A second series for every counter, of when it was made: nobody asks for it.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        registry = self._registry = CollectorRegistry()
        self.requests = Counter(
            "longtail_requests", "Requests answered.", ["route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "longtail_request_seconds",
            "From the first byte of the body to the last of the answer.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.batch_size = Histogram(
            "longtail_batch_size",
            "Requests ranked at once.",
            buckets=_SIZES,
            registry=registry,
        )
        self._stages = Counter(
            "longtail_stage_seconds",
            "Seconds by stage: queue (summed over requests), and tower, search, score, rerank and "
            "body of the engine's thread.",
            ["stage"],
            registry=registry,
        )
        self.waiting = Gauge("longtail_waiting", "Requests in the queue.", registry=registry)
        self.events = Counter("longtail_events", "Events on the disk.", registry=registry)
        self.suspects = Counter(
            "longtail_suspects",
            "Items put that look made to game the engine, by what was seen.",
            ["reason"],
            registry=registry,
        )
        self.cut_off = Counter(
            "longtail_cut_off",
            "Connections ended because their clients were slow, or there were too many: by headers "
            "that didn't come, answers that nobody took, connections.",
            ["why"],
            registry=registry,
        )
        self.swaps = Counter(
            "longtail_swaps", "New versions, by what became of them.", ["result"], registry=registry
        )
        self._version = Gauge(
            "longtail_version_info",
            "1 for the version that is served.",
            ["index", "model"],
            registry=registry,
        )
        memory = Gauge("longtail_resident_bytes", "Resident memory.", registry=registry)
        memory.set_function(resident_bytes)

    def stage(self, name: str, seconds: float) -> None:
        """Count time that a stage took."""
        self._stages.labels(name).inc(max(seconds, 0.0))

    def stopwatch(self) -> Callable[[str], AbstractContextManager[None]]:
        """Return what times the stages of one thread's work, each less the stages within it."""
        inner: list[float] = []

        @contextmanager
        def timed(name: str) -> Iterator[None]:
            began = time.perf_counter()
            inner.append(0.0)
            try:
                yield
            finally:
                whole = time.perf_counter() - began
                within = inner.pop()
                if inner:
                    inner[-1] += whole
                self.stage(name, whole - within)

        return timed

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self.requests.labels(route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def serves(self, versions: dict[str, str]) -> None:
        """Note which version is served from now on."""
        self._version.clear()
        self._version.labels(versions["index"], versions["model"]).set(1)

    def text(self) -> bytes:
        """Return all of it in Prometheus' text format."""
        return generate_latest(self._registry)


def resident_bytes() -> float:
    """Return how much memory this process holds; 0 where the system doesn't say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return float(pages * os.sysconf("SC_PAGE_SIZE"))
