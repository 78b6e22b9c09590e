"""longtail: find the items a popularity-driven recommender never shows.

>>> import longtail
>>> shop = longtail.Shop(items, interactions)  # doctest: +SKIP
>>> engine = longtail.train(shop, out="RUN")  # doctest: +SKIP
>>> engine.recommend(users=["u1"], k=10, pool="tail")  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from longtail.index.errors import LongtailError
    from longtail.python.engine import Engine
    from longtail.python.evaluation import evaluate
    from longtail.python.shop import Shop
    from longtail.python.training import train
    from longtail.retrieval.ranking.retriever import Retriever

# Where each is; loaded when asked for, so that the command line needn't wait for torch to print
# its help.
_PLACES = {
    "Engine": "longtail.python.engine",
    "LongtailError": "longtail.index.errors",
    "Retriever": "longtail.retrieval.ranking.retriever",
    "Shop": "longtail.python.shop",
    "evaluate": "longtail.python.evaluation",
    "train": "longtail.python.training",
}
__all__ = ["Engine", "LongtailError", "Retriever", "Shop", "evaluate", "train"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name != "LongtailError":
        from longtail.index.disk.system import check_system

        # One clear line, before a call that this system lacks.
        check_system()
        from longtail.python.showing.quiet_imports import import_bars_quietly

        import_bars_quietly()
    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PLACES])
