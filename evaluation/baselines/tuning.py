"""Settings of a baseline chosen on the validation part, with the same budget for every method."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from longtail.evaluation.baselines.validation_score import ValidationPart, validation_ndcg
from longtail.evaluation.errors import EvaluationError
from longtail.evaluation.protocol import Baseline
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.popularity import Popularity

Setting = Mapping[str, int | float]

# Of the validation part; 5,000 tell settings apart that differ by a percent.
MAX_USERS = 5_000


@dataclass(frozen=True)
class Budget:
    """What every method may spend on the choice of its settings.

    Attributes:
        settings: how many are tried at most.
        seconds: no further setting is begun when it would be likely to end after this; the
            first one always completes.
    """

    settings: int = 8
    seconds: float = 300.0


@dataclass(frozen=True)
class Tuned:
    """A method fitted on the training part with the best setting tried.

    Attributes:
        baseline: ready to score.
        setting: what was chosen.
        tried: settings that were fitted and measured; 0 when there was nothing to choose by.
        offered: settings of the whole grid.
        seconds: fitting and measuring all of them.
        ndcg: validation NDCG@10 of the chosen one; NaN when none was measured.
    """

    baseline: Baseline
    setting: Setting
    tried: int
    offered: int
    seconds: float
    ndcg: float


def tune(
    make: Callable[[Setting], Baseline],
    grid: Sequence[Setting],
    train: Interactions,
    catalog: Catalog,
    popularity: Popularity,
    *,
    validation: ValidationPart | None,
    budget: Budget,
    clock: Callable[[], float] = time.perf_counter,
) -> Tuned:
    """Return the method with the setting of ``grid`` that does best on the validation part.

    The order of the grid matters: the first setting is the usual one, always tried, taken when
    there is no validation part and kept when others are only as good. All are fitted on
    ``train`` alone, so the best one is ready for the test as it is. Two of them are in memory
    at once, never more.

    Raises:
        EvaluationError: an empty grid, or whatever fitting the first setting raises.
    """
    if not grid:
        raise EvaluationError("a method to tune has no settings; give its grid at least one")
    began = clock()
    if validation is None:
        baseline = make(grid[0]).fit(train, catalog)
        return Tuned(baseline, grid[0], 0, len(grid), clock() - began, math.nan)
    best: tuple[Baseline, Setting, float] | None = None
    tried, slowest = 0, 0.0
    for setting in grid[: max(budget.settings, 1)]:
        started = clock()
        if best is not None and started - began + slowest > budget.seconds:
            break
        baseline = make(setting).fit(train, catalog)
        ndcg = validation_ndcg(baseline, validation, popularity)
        if best is None or ndcg > best[2]:
            best = baseline, setting, ndcg
        # A loser must not stay beside the best and the next.
        del baseline
        tried, slowest = tried + 1, max(slowest, clock() - started)
    # The grid isn't empty, and the first setting is always tried.
    chosen = cast(tuple[Baseline, Setting, float], best)
    return Tuned(*chosen[:2], tried, len(grid), clock() - began, chosen[2])
