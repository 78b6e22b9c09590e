"""Small evaluations with known numbers: values of single users, and the means over them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.evaluation.metrics.tally import BAND_NAMES
from longtail.evaluation.protocol import debiased_name
from longtail.evaluation.results import Evaluation

Values = Mapping[str, NDArray[np.float64]]


def evaluation_of(values: Mapping[str, Values], n_tail: int = 0) -> Evaluation:
    """Return recommender -> metric -> value of each user as an evaluation at k = 10."""
    frames = []
    for name, own in values.items():
        columns = {f"{metric}@10": found for metric, found in own.items()}
        frames.append(pd.DataFrame({"recommender": name, **columns}))
    per_user = pd.concat(frames, ignore_index=True)
    per_user["recommender"] = pd.Categorical(per_user["recommender"], categories=list(values))
    metrics = {}
    for name, own in values.items():
        means = {f"{metric}@10": mean(found) for metric, found in own.items()}
        if "tail_recall" in own:
            means["tail_recall_micro@10"] = means["tail_recall@10"]
        metrics[name] = means
    settings: dict[str, object] = {"k": [10], "targets": {"tail": n_tail}}
    return Evaluation(metrics, {}, per_user, settings, {}, 10)


def mean(found: NDArray[np.float64]) -> float:
    known = found[~np.isnan(found)]
    return float(known.mean()) if len(known) else float("nan")


def hits(n_users: int, n_hits: int) -> NDArray[np.float64]:
    """Return 1 for the first users and 0 for the others."""
    return (np.arange(n_users) < n_hits).astype(np.float64)


def many_methods(n_users: int = 1500, seed: int = 0) -> Evaluation:
    """Return ``longtail`` and twelve rivals at five strengths; one target a user, 60 % in the tail.

    ``longtail`` is far ahead of all but the first rival, which it equals.
    """
    rng = np.random.default_rng(seed)
    tail = rng.random(n_users) < 0.6
    luck = rng.random(n_users)
    values: dict[str, dict[str, NDArray[np.float64]]] = {}
    names = ["longtail", *(f"rival number {number}" for number in range(1, 13))]
    for number, family in enumerate(names):
        for debias in (0.0, 0.25, 0.5, 0.75, 1.0):
            strength = 0.3 - 0.025 * max(0, number - 1)
            chance = strength * np.where(tail, 0.5 + 0.4 * debias, 1.4 - debias)
            found = (np.where(rng.random(n_users) < 0.7, luck, rng.random(n_users)) < chance) * 1.0
            values[debiased_name(family, debias)] = {
                "recall": found,
                "ndcg": found / np.log2(rng.integers(2, 12, n_users)),
                "mrr": found / rng.integers(1, 11, n_users),
                "head_recall": np.where(tail, np.nan, found),
                "tail_recall": np.where(tail, found, np.nan),
                "cold_recall": np.full(n_users, np.nan),
                "tail_pool_recall": np.where(tail, np.maximum(found, rng.random() < 0.1), np.nan),
                "coverage": np.full(n_users, 0.4 + 0.5 * debias),
            }
    result = evaluation_of(values, int(tail.sum()))
    for name in result.recommenders:
        result.bands[name] = {
            band: {"targets": 10.0, "recall_micro@10": result.value(name, "recall")}
            for band in BAND_NAMES
        }
    return result
