"""What the explorer works out about an engine, once for each version of it and when asked for."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from longtail.retrieval.data.ids.near_ids import NearIds
from longtail.retrieval.ranking.retriever import Retriever
from longtail.serving.engine.model_registry import ModelRegistry
from longtail.serving.explorer.filter_columns import filter_columns
from longtail.serving.explorer.item_audience import ItemAudiences
from longtail.serving.explorer.people import People
from longtail.serving.explorer.popularity_curve import PopularityCurve
from longtail.serving.explorer.text_search import TextSearch


class _MadeOnce(cached_property):  # type: ignore[type-arg]
    """A cached property that one thread makes while the others wait."""

    def __get__(self, view: Any, owner: type[Any] | None = None) -> Any:
        if view is None:
            return self
        with view.lock:
            return super().__get__(view, owner)


@dataclass(frozen=True, eq=False)
class EngineView:
    """An engine with the explorer's own tables, each made on first use."""

    retriever: Retriever
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    @_MadeOnce
    def people(self) -> People:
        """The users of its log."""
        return People.of(self.retriever)

    @_MadeOnce
    def curve(self) -> PopularityCurve:
        """Its catalog by popularity."""
        return PopularityCurve.of(self.retriever.bundle)

    @_MadeOnce
    def audiences(self) -> ItemAudiences:
        """Who took which item."""
        bundle = self.retriever.bundle
        return ItemAudiences.of(bundle.log, len(bundle.catalog))

    @_MadeOnce
    def item_search(self) -> TextSearch:
        """The search over ids and titles, in the order of `curve`."""
        catalog, rows = self.retriever.bundle.catalog, self.curve.rows
        ids = catalog.item_ids[rows]
        titles = catalog.frame.get("title")
        if titles is None:
            return TextSearch.of(ids.tolist())
        shown = titles.fillna("").to_numpy(dtype=object)[rows]
        return TextSearch.of(f"{i} {title}" for i, title in zip(ids, shown, strict=True))

    @_MadeOnce
    def near_items(self) -> NearIds:
        """What finds an item by a mistyped id."""
        return self.retriever.bundle.catalog.near_index

    @_MadeOnce
    def near_users(self) -> NearIds:
        """What finds a user of the log by a mistyped id."""
        return self.retriever.near_users

    @_MadeOnce
    def columns(self) -> list[dict[str, Any]]:
        """What filters can ask about."""
        bundle = self.retriever.bundle
        return filter_columns(bundle.catalog.frame, np.asarray(bundle.popularity.in_pool("all")))


class LatestView:
    """Hands out the view of the engine that answers now; that of an earlier one is forgotten."""

    def __init__(self, registry: ModelRegistry) -> None:
        self._registry = registry
        self._lock = threading.Lock()
        self._view: EngineView | None = None
        # Nobody may ask for a day, and an engine may be gigabytes.
        registry.when_swapped.append(self._forget)

    def now(self) -> EngineView:
        """Return the view of the engine that answers, the same one for every request."""
        with self._lock:
            retriever = self._registry.retriever
            if self._view is None or self._view.retriever is not retriever:
                self._view = EngineView(retriever)
            return self._view

    def _forget(self) -> None:
        with self._lock:
            self._view = None
