"""Settings and reports as the flat names and numbers that trackers keep."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

# Of a run's summary: what else it holds may have names of a user's columns for keys.
REPORTED = ("stages", "evidence", "relevance", "clock", "texts", "text_backend")
# What was asked for, and all that was tried: the settings have the one, the run the other.
LEFT_OUT = ("settings", "weights")


def flat_settings(config: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return settings by their dotted keys.

    >>> flat_settings({"seed": 0, "history": {"epochs": 2.0}})
    {'seed': '0', 'history.epochs': '2.0'}
    """
    flat: dict[str, str] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            flat |= flat_settings(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = str(value)
    return flat


def numbers_of_summary(summary: Mapping[str, Any]) -> dict[str, float]:
    """Return what a training measured, by names such as ``stages/history/after/ndcg``.

    Numbers alone, and of those groups alone whose keys are words of ours; lists are left out.

    >>> stage = {"stage": "history", "kept": True, "after": {"ndcg": 0.5}, "left_out": "why"}
    >>> numbers_of_summary({"stages": [stage], "user_columns": {"postcode 1234": 3}})
    {'stages/history/kept': 1.0, 'stages/history/after/ndcg': 0.5}
    """
    groups = {name: summary[name] for name in REPORTED if name in summary}
    if "stages" in groups:
        groups["stages"] = {report["stage"]: report for report in groups["stages"]}
    return dict(_numbers(groups, ""))


def _numbers(values: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, float]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            if key not in LEFT_OUT:
                yield from _numbers(value, f"{prefix}{key}/")
        elif isinstance(value, int | float) and math.isfinite(value):
            yield f"{prefix}{key}", float(value)


def numbers_of_metrics(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of an evaluation's table, by recommender, pool and metric."""
    return dict(_numbers({"evaluation": metrics}, ""))
