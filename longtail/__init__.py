"""longtail: find the items a popularity-driven recommender never shows.

>>> from longtail import Retriever
>>> Retriever.open("RUN").recommend(users=["u1"], k=10, pool="tail")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import Any

__all__ = ["Retriever"]


def __getattr__(name: str) -> Any:
    # Loaded when asked for: the command line must not wait for torch to print its help.
    if name == "Retriever":
        from longtail.index.disk.system import check_system

        # One clear line, before a call that this system lacks.
        check_system()
        from longtail.retrieval.ranking.retriever import Retriever

        return Retriever
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
