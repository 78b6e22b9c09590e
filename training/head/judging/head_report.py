"""What is reported of a fitted head, ready for JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.metrics.calibration import Calibration
from longtail.evaluation.significance.paired_tests import paired_bootstrap
from longtail.retrieval.data.popularity import POOL_NAMES
from longtail.retrieval.features.scorers.boosting import Boosting
from longtail.retrieval.features.scorers.scorer import Scorer
from longtail.training.head.training_pairs import Pairs

Measures = dict[str, NDArray[np.float64]]


def figures(measures: Measures) -> dict[str, float]:
    """Return the means over users, without those that can't be measured."""
    return {
        **{k: round(float(np.nanmean(v)), 5) for k, v in measures.items() if (~np.isnan(v)).any()}
    }


def tests(measures: dict[str, Measures], kind: str) -> dict[str, dict[str, float]]:
    """Return the chosen scorer less each other one, NDCG@10, with interval and p."""
    others = [name for name in measures if name != kind]
    if not others:
        return {}
    columns: list[tuple[str, str]] = [(o, m) for o in others for m in ("ndcg", "tail_ndcg")]
    differences = np.stack([measures[kind][m] - measures[o][m] for o, m in columns], axis=1)
    tested = paired_bootstrap(differences)
    return {
        f"{other} {metric}": {
            "difference": float(tested.difference[i]),
            "low": float(tested.low[i]),
            "high": float(tested.high[i]),
            "p": float(tested.p[i]),
        }
        for i, (other, metric) in enumerate(columns)
    }


def importance(scorers: tuple[Scorer, ...], names: tuple[str, ...]) -> dict[str, float]:
    """Return each column's share of all gain in the trees, the largest first; empty without."""
    trees = [scorer for scorer in scorers if isinstance(scorer, Boosting)]
    if not trees:
        return {}
    share = trees[0].importance()
    return {names[i]: round(float(share[i]), 4) for i in np.argsort(-share, kind="stable")}


def quality(
    probabilities: NDArray[np.float32], pairs: Pairs, bucket: NDArray[np.int8]
) -> dict[str, Any]:
    """Return the head's figures out of fold; ``base_accuracy`` is that of always answering no."""
    value, label = probabilities[pairs.retrieved], pairs.label[pairs.retrieved].astype(np.int8)
    measure: Callable[..., Calibration] = Calibration.measure
    whole = measure(value, label, part=bucket[pairs.row[pairs.retrieved]], part_names=POOL_NAMES)
    positives = float(label.mean()) if len(label) else float("nan")
    return {
        "pairs": float(len(label)),
        "positive_share": positives,
        "auc": whole.auc,
        "expected_calibration_error": whole.error,
        "calibration_error_by_bucket": {name: c.error for name, c in whole.parts.items()},
        "accuracy": whole.accuracy,
        "base_accuracy": max(positives, 1 - positives),
        "mean_probability": float(value.mean()) if len(value) else float("nan"),
        "users": float(pairs.n_users),
    }
