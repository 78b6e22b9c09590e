"""The ranking with a stopwatch at each stage, for the service's metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.index.search.query import SearchResult
from longtail.retrieval.data.interactions import Histories
from longtail.retrieval.features.user_state import UserState
from longtail.retrieval.ranking.pipeline import Ranked, RankingPipeline


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
class TimedPipeline(RankingPipeline):
    """A ranking whose stages are timed: tower, search, score, and rerank for the rest."""

    stopwatch: Stopwatch

    def user_state(self, histories: Histories) -> UserState:
        """As `RankingPipeline.user_state`."""
        with self.stopwatch.stage("tower"):
            return super().user_state(histories)

    def text_state(self, texts: list[str]) -> UserState:
        """As `RankingPipeline.text_state`."""
        with self.stopwatch.stage("tower"):
            return super().text_state(texts)

    def search(self, user_state: UserState, k: int, **how: Any) -> SearchResult:
        """As `RankingPipeline.search`."""
        with self.stopwatch.stage("search"):
            return super().search(user_state, k, **how)

    def candidates(self, user_state: UserState, k: int, **how: Any) -> NDArray[np.int64]:
        """As `RankingPipeline.candidates`."""
        with self.stopwatch.stage("search"):
            return super().candidates(user_state, k, **how)

    def logits(self, user_state: UserState, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """As `RankingPipeline.logits`."""
        with self.stopwatch.stage("score"):
            return super().logits(user_state, rows)

    def rank(self, user_state: UserState, k: int, hows: Any, **how: Any) -> list[Ranked]:
        """As `RankingPipeline.rank`."""
        with self.stopwatch.stage("rerank"):
            return super().rank(user_state, k, hows, **how)
