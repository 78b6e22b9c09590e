"""The ranking with a stopwatch at each stage, for the service's metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.question import SearchResult
from retrieval.interactions import Histories
from retrieval.ranking import Ranked, Ranking
from retrieval.taste import Taste


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


@dataclass(frozen=True)
class TimedRanking(Ranking):
    """A ranking whose stages are timed: tower, search, score, and rerank for the rest."""

    stopwatch: Stopwatch

    def taste(self, histories: Histories) -> Taste:
        """As `Ranking.taste`."""
        with self.stopwatch.stage("tower"):
            return super().taste(histories)

    def text_taste(self, texts: list[str]) -> Taste:
        """As `Ranking.text_taste`."""
        with self.stopwatch.stage("tower"):
            return super().text_taste(texts)

    def search(self, taste: Taste, k: int, **how: Any) -> SearchResult:
        """As `Ranking.search`."""
        with self.stopwatch.stage("search"):
            return super().search(taste, k, **how)

    def candidates(self, taste: Taste, k: int, **how: Any) -> NDArray[np.int64]:
        """As `Ranking.candidates`."""
        with self.stopwatch.stage("search"):
            return super().candidates(taste, k, **how)

    def logits(self, taste: Taste, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """As `Ranking.logits`."""
        with self.stopwatch.stage("score"):
            return super().logits(taste, rows)

    def rank(self, taste: Taste, k: int, hows: Any, **how: Any) -> list[Ranked]:
        """As `Ranking.rank`."""
        with self.stopwatch.stage("rerank"):
            return super().rank(taste, k, hows, **how)
