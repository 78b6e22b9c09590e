"""All baselines by the name that the command line knows, each with its grid of settings."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.baselines.counts.popularity import PopularityBaseline
from longtail.evaluation.baselines.counts.random import RandomBaseline
from longtail.evaluation.baselines.counts.recent_popularity import RecentPopularity
from longtail.evaluation.baselines.factors.bpr import BPR
from longtail.evaluation.baselines.factors.ials import IALS
from longtail.evaluation.baselines.neighbourhood.ease import EASE
from longtail.evaluation.baselines.neighbourhood.ease_text import EASEWithText
from longtail.evaluation.baselines.neighbourhood.item_knn import ItemKNN
from longtail.evaluation.baselines.neighbourhood.rp3beta import RP3Beta
from longtail.evaluation.baselines.sequential.sasrec import SASRec, SASRecSettings
from longtail.evaluation.baselines.text.bm25 import BM25
from longtail.evaluation.baselines.text.content import ContentKNN
from longtail.evaluation.baselines.tuning import Setting
from longtail.evaluation.baselines.validation_score import ValidationPart
from longtail.evaluation.protocol import Baseline
from longtail.retrieval.progress import Progress, silent


@dataclass(frozen=True)
class Material:
    """What some baselines need beside the training part.

    Attributes:
        encode: gives the catalog's text vectors, unit rows [n_items, d]; called once, and not at
            all when no method asks for them.
        validation: for early stopping; None where the log has no validation part.
        seed: of every draw.
        seconds: that one training may take, for methods that can stop anywhere.
    """

    encode: Callable[[], NDArray[np.float32]]
    validation: ValidationPart | None = None
    seed: int = 0
    progress: Progress = silent
    seconds: float = math.inf

    @cached_property
    def vectors(self) -> NDArray[np.float32]:
        """The catalog's text vectors."""
        return self.encode()


@dataclass(frozen=True)
class Method:
    """One baseline to choose: its name in tables, its settings to try and how it is made.

    The first setting is the usual one; the others follow in the order of their promise, since a
    budget may end before the grid does. ``reads_texts``: it asks for `Material.vectors`, which
    should be there before its time is taken. ``reads_history``: it has nothing to say about a
    user without one, and an evaluation may give it a fallback; methods that look at nobody
    answer everybody alike.
    """

    title: str
    make: Callable[[Material, Setting], Baseline]
    grid: tuple[Setting, ...] = ({},)
    reads_texts: bool = False
    reads_history: bool = True


def _plain(kind: Callable[..., Baseline]) -> Callable[[Material, Setting], Baseline]:
    return lambda material, setting: kind(**setting)


def _seeded(kind: Callable[..., Baseline]) -> Callable[[Material, Setting], Baseline]:
    return lambda material, setting: kind(seed=material.seed, **setting)


def _with_text(kind: Callable[..., Baseline]) -> Callable[[Material, Setting], Baseline]:
    return lambda material, setting: kind(material.vectors, **setting)


def _sasrec(material: Material, setting: Setting) -> Baseline:
    options: dict[str, Any] = dict(setting)
    return SASRec(
        SASRecSettings(**options),
        validation=material.validation,
        seconds=material.seconds,
        seed=material.seed,
        progress=material.progress,
    )


def _grid(names: str, *lines: Sequence[int | float]) -> tuple[Setting, ...]:
    return tuple(dict(zip(names.split(), line, strict=True)) for line in lines)


METHODS: dict[str, Method] = {
    "popularity": Method(PopularityBaseline.name, _plain(PopularityBaseline), reads_history=False),
    "random": Method(RandomBaseline.name, _seeded(RandomBaseline), reads_history=False),
    "recent-popularity": Method(
        RecentPopularity.name,
        _plain(RecentPopularity),
        _grid("half_life_days", (30.0,), (90.0,), (7.0,), (365.0,), (14.0,), (180.0,), (2.0,)),
        reads_history=False,
    ),
    "item-knn": Method(
        ItemKNN.name,
        _plain(ItemKNN),
        _grid(
            "neighbours shrinkage decay",
            (200, 5.0, 0.8),
            (200, 20.0, 0.8),
            (200, 0.0, 0.8),
            (1000, 5.0, 0.8),
            (200, 5.0, 0.6),
            (200, 5.0, 1.0),
            (50, 5.0, 0.8),
            (1000, 100.0, 0.8),
        ),
    ),
    "rp3beta": Method(
        RP3Beta.name,
        _plain(RP3Beta),
        _grid(
            "alpha beta decay",
            (1.0, 0.3, 0.8),
            (0.4, 0.3, 0.8),
            (0.7, 0.3, 0.8),
            (0.4, 0.5, 0.8),
            (0.4, 0.1, 0.8),
            (0.2, 0.3, 0.8),
            (0.4, 0.3, 0.6),
            (0.4, 0.3, 1.0),
        ),
    ),
    "ease": Method(
        EASE.name,
        _plain(EASE),
        _grid(
            "ridge decay",
            (50.0, 0.8),
            (200.0, 0.8),
            (20.0, 0.8),
            (500.0, 0.8),
            (100.0, 0.8),
            (10.0, 0.8),
            (50.0, 0.6),
            (100.0, 1.0),
        ),
    ),
    "ease-text": Method(
        EASEWithText.name,
        _with_text(EASEWithText),
        _grid(
            "ridge kernel decay",
            (50.0, 30.0, 0.8),
            (50.0, 100.0, 0.8),
            (20.0, 30.0, 0.8),
            (50.0, 10.0, 0.8),
            (20.0, 100.0, 0.8),
            (100.0, 30.0, 0.8),
            (50.0, 30.0, 0.6),
            (200.0, 100.0, 0.8),
        ),
        reads_texts=True,
    ),
    "ials": Method(
        IALS.name,
        _seeded(IALS),
        _grid(
            "factors regularization alpha amounts",
            (128, 10.0, 40.0, False),
            (128, 30.0, 40.0, False),
            (64, 10.0, 20.0, False),
            (256, 30.0, 100.0, False),
            (128, 30.0, 40.0, True),
            (256, 30.0, 100.0, True),
            (128, 3.0, 5.0, False),
            (64, 30.0, 40.0, False),
        ),
    ),
    "bpr": Method(
        BPR.name,
        _seeded(BPR),
        _grid(
            "factors learning_rate regularization iterations",
            (128, 0.05, 0.03, 300),
            (128, 0.05, 0.03, 600),
            (128, 0.05, 0.01, 300),
            (64, 0.05, 0.03, 600),
            (128, 0.1, 0.05, 300),
            (128, 0.05, 0.06, 600),
            (64, 0.05, 0.01, 100),
            (256, 0.05, 0.03, 300),
        ),
    ),
    "bm25": Method(
        BM25.name,
        _plain(BM25),
        _grid(
            "k1 b decay",
            (1.5, 0.75, 0.8),
            (1.5, 0.75, 0.6),
            (0.9, 0.4, 0.8),
            (1.5, 0.75, 1.0),
            (1.5, 0.3, 0.8),
            (3.0, 0.75, 0.8),
            (0.5, 0.75, 0.8),
            (1.5, 1.0, 0.8),
        ),
    ),
    "content-knn": Method(
        ContentKNN.name,
        _with_text(ContentKNN),
        _grid("decay", (0.8,), (0.9,), (0.7,), (0.6,), (1.0,), (0.5,), (0.85,), (0.75,)),
        reads_texts=True,
    ),
    "sasrec": Method(
        SASRec.name,
        _sasrec,
        _grid(
            "dim layers dropout learning_rate",
            (64, 2, 0.5, 1e-3),
            (128, 2, 0.5, 1e-3),
            (64, 2, 0.3, 1e-3),
            (128, 1, 0.5, 5e-4),
            (64, 1, 0.5, 1e-3),
            (128, 2, 0.7, 1e-3),
            (64, 3, 0.5, 1e-3),
            (256, 2, 0.5, 5e-4),
        ),
    ),
}
