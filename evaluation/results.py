"""What an evaluation found."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.evaluation.metrics.history_parts import history_parts, split_metric

Metrics = dict[str, float]


@dataclass(frozen=True)
class Evaluation:
    """The numbers of one evaluation; every recommender saw the same users and targets.

    Attributes:
        metrics: recommender -> ``recall@10``, ``tail_pool_recall@10``, ... -> value; NaN where
            there was nothing to measure. docs/evaluation.md explains every key.
        bands: recommender -> band of training counts (``0``, ``1-4``, ...) -> ``recall@10``, ...
            and ``targets``.
        per_user: one row a recommender and user, at `primary_k`.
        settings: what was evaluated on what: ks, pools, bucket rule, counts of everything.
        seconds: recommender -> wall-clock time.
        primary_k: the k of tables, charts and ``per_user``.
    """

    metrics: dict[str, Metrics]
    bands: dict[str, dict[str, Metrics]]
    per_user: pd.DataFrame
    settings: dict[str, object]
    seconds: dict[str, float]
    primary_k: int

    @property
    def recommenders(self) -> list[str]:
        """The names, in the order in which they were evaluated."""
        return list(self.metrics)

    def value(self, recommender: str, metric: str, k: int | None = None) -> float:
        """Return one number, NaN where it wasn't measured; k is `primary_k` unless given."""
        at = self.primary_k if k is None else k
        return self.metrics[recommender].get(f"{metric}@{at}", math.nan)

    def user_values(self, recommender: str, metric: str) -> NDArray[np.float64]:
        """Return one value a user at `primary_k`, float64 [n_users], NaN where none applies.

        The users stand in the same order for every recommender, so that differences are paired.
        A metric that starts with ``with_history_`` or ``without_history_`` applies to these
        users alone. Empty when ``per_user`` doesn't hold the metric.
        """
        part, measured = split_metric(metric)
        column = f"{measured}@{self.primary_k}"
        if column not in self.per_user or (part and "history_length" not in self.per_user):
            return np.empty(0)
        of_recommender = (self.per_user["recommender"] == recommender).to_numpy()
        values = self.per_user[column].to_numpy()[of_recommender].astype(np.float64)
        if not part:
            return values
        lengths = self.per_user["history_length"].to_numpy()[of_recommender]
        return np.where(history_parts(lengths)[part], values, np.nan)

    @property
    def by_history(self) -> bool:
        """Whether users with a history and users without one were measured apart."""
        return f"with_history_recall@{self.primary_k}" in next(iter(self.metrics.values()), {})

    def fallback(self, recommender: str) -> str | None:
        """Return whose lists a method's users without a history got; None: its own.

        ``recommender`` is the method's name without a debias strength.
        """
        fallbacks = self.settings.get("fallbacks")
        return fallbacks.get(recommender) if isinstance(fallbacks, Mapping) else None

    def to_json(self) -> dict[str, object]:
        """Return everything but `per_user`, ready for JSON: NaN becomes None (null)."""
        return {
            "format": 1,
            "primary_k": self.primary_k,
            "settings": dict(self.settings),
            "metrics": {name: _nullable(values) for name, values in self.metrics.items()},
            "recall_by_training_count": {
                name: {band: _nullable(values) for band, values in bands.items()}
                for name, bands in self.bands.items()
            },
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }


def _nullable(values: Mapping[str, float]) -> dict[str, float | None]:
    return {key: None if math.isnan(value) else value for key, value in values.items()}
