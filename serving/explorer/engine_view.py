"""What the explorer works out about an engine, once for each version of it and when asked for."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from longtail.retrieval.ranking.retriever import Retriever
from longtail.serving.explorer.filter_columns import filter_columns
from longtail.serving.explorer.item_audience import ItemAudiences
from longtail.serving.explorer.people import People
from longtail.serving.explorer.popularity_curve import PopularityCurve
from longtail.serving.explorer.text_search import TextSearch


@dataclass(frozen=True, eq=False)
class EngineView:
    """An engine with the explorer's own tables, each made on first use."""

    retriever: Retriever
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def people(self) -> People:
        """Return the users of its log."""
        with self._lock:
            return self._people

    def curve(self) -> PopularityCurve:
        """Return its catalog by popularity."""
        with self._lock:
            return self._curve

    def audiences(self) -> ItemAudiences:
        """Return who took which item."""
        with self._lock:
            return self._audiences

    def item_search(self) -> TextSearch:
        """Return the search over ids and titles, in the order of `curve`."""
        with self._lock:
            return self._item_search

    def offered_ids(self) -> list[str]:
        """Return the ids of the items that can be an answer, sorted."""
        with self._lock:
            return self._offered_ids

    def columns(self) -> list[dict[str, Any]]:
        """Return what filters can ask about."""
        with self._lock:
            return self._columns

    @cached_property
    def _people(self) -> People:
        return People.of(self.retriever)

    @cached_property
    def _curve(self) -> PopularityCurve:
        return PopularityCurve.of(self.retriever.bundle)

    @cached_property
    def _audiences(self) -> ItemAudiences:
        bundle = self.retriever.bundle
        return ItemAudiences.of(bundle.log, len(bundle.catalog))

    @cached_property
    def _item_search(self) -> TextSearch:
        catalog, rows = self.retriever.bundle.catalog, self._curve.rows
        ids = catalog.item_ids[rows]
        titles = catalog.frame.get("title")
        if titles is None:
            return TextSearch.of(ids.tolist())
        shown = titles.fillna("").to_numpy(dtype=object)[rows]
        return TextSearch.of(f"{i} {title}" for i, title in zip(ids, shown, strict=True))

    @cached_property
    def _offered_ids(self) -> list[str]:
        return sorted(self.retriever.bundle.catalog.item_ids[self._curve.rows].tolist())

    @cached_property
    def _columns(self) -> list[dict[str, Any]]:
        bundle = self.retriever.bundle
        return filter_columns(bundle.catalog.frame, np.asarray(bundle.popularity.in_pool("all")))


class LatestView:
    """Hands out the view of the engine that answers now; that of an earlier one is forgotten."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._view: EngineView | None = None

    def of(self, retriever: Retriever) -> EngineView:
        """Return the view of this engine, the same one for every request."""
        with self._lock:
            if self._view is None or self._view.retriever is not retriever:
                self._view = EngineView(retriever)
            return self._view
