"""Methods that a person could run in a minute; the engine has to beat them."""

from __future__ import annotations

from evaluation.baselines.content import ContentKNN
from evaluation.baselines.popularity import PopularityBaseline
from evaluation.baselines.random import RandomBaseline

__all__ = ["ContentKNN", "PopularityBaseline", "RandomBaseline"]
