"""Items that are put and deleted through the service: one change at a time, each a new version."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from weakref import ref

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.retrieval.data.catalog_schema import conformed
from longtail.retrieval.data.suspects.finding import Finding, counts
from longtail.retrieval.data.suspects.item_checks import ItemChecks
from longtail.retrieval.data.text_template import render
from longtail.retrieval.errors import DataError
from longtail.retrieval.run.bundle import Bundle
from longtail.retrieval.run.catalog_updates import Change, added, change_of, changed, removed
from longtail.retrieval.run.lease import changing
from longtail.retrieval.run.quarantine import quarantined_ids
from longtail.retrieval.run.served_run import ServedRun
from longtail.retrieval.run.suspected_items import checks_of
from longtail.retrieval.towers.backends.torch_backend import TorchBackend
from longtail.retrieval.towers.text.encoding import encode_pooled
from longtail.serving.engine.model_registry import ModelRegistry
from longtail.serving.http.http_errors import RefusedError
from longtail.serving.logs import log
from longtail.serving.updates.item_columns import checked_columns

MOST_WAITING = 16
# For another writer to finish: most take no longer, and a client may come again.
LONGEST_WAIT_S = 2.0
RETRY_AFTER_S = 5


class Put(NamedTuple):
    """The versions that have an item, what it is suspected of, and whether it is quarantined."""

    versions: dict[str, str]
    suspects: list[Finding]
    quarantined: bool


class _KeptChecks(NamedTuple):
    # Weak: it is large, and of no use once another is served.
    trained: ref[Bundle]
    refreshed: str | None
    checks: ItemChecks


@dataclass(eq=False)
class CatalogWriter:
    """The writer behind PUT and DELETE; its answers come when the change is served.

    Attributes:
        quarantine: whether suspects are kept out of answers.
    """

    registry: ModelRegistry
    quarantine: bool = False
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="items")
    )
    _tasks: set[asyncio.Future[Any]] = field(default_factory=set)
    _kept: _KeptChecks | None = None

    async def put(self, item_id: str, columns: dict[str, Any]) -> Put:
        """Return what is served once the item is in the catalog.

        Raises:
            DataError, LockedIndexError, RefusedError, OSError: nothing has changed.
        """
        found: list[Finding] = []

        def change(served: ServedRun) -> ServedRun:
            coming = _coming(served, item_id, columns)
            if len(coming.texts):
                found.extend(self._checks(served).findings(coming.read))
            return coming.taken_in(served, np.array([self.quarantine and bool(found)]))

        versions = await self._do(change)
        for reason in counts(found):
            self.registry.metrics.suspects.labels(reason).inc()
        return Put(versions, found, self._is_quarantined(item_id))

    async def delete(self, item_id: str) -> dict[str, str]:
        """Return the versions that are served once the item is out of the catalog.

        Raises:
            UnknownItemError, DataError, LockedIndexError, OSError: nothing has changed.
        """
        return await self._do(lambda served: removed(served, [item_id]))

    def _checks(self, served: ServedRun) -> ItemChecks:
        """Return the checks by the catalog as it was when its popular items were last counted."""
        trained, refreshed = served.trained, served.state.refreshed
        kept = self._kept
        if kept is None or kept.trained() is not trained or kept.refreshed != refreshed:
            kept = self._kept = _KeptChecks(ref(trained), refreshed, checks_of(served))
        return kept.checks

    def _is_quarantined(self, item_id: str) -> bool:
        return item_id in quarantined_ids(self.registry.retriever.served)

    async def close(self) -> None:
        """Finish the change at hand."""
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._thread.shutdown()

    async def _do(self, change: Callable[[ServedRun], ServedRun]) -> dict[str, str]:
        if len(self._tasks) >= MOST_WAITING:
            raise RefusedError(
                429,
                "too_many_changes",
                "other changes are waiting already",
                retry_after_s=RETRY_AFTER_S,
            )
        loop = asyncio.get_running_loop()
        task = loop.run_in_executor(self._thread, self._change, change)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # A client that goes doesn't stop a change halfway.
        return await asyncio.shield(task)

    def _change(self, change: Callable[[ServedRun], ServedRun]) -> dict[str, str]:
        run = self.registry.run
        # From reading to publishing: nobody publishes in between.
        with changing(run, wait_s=LONGEST_WAIT_S):
            served = self.registry.refresh().served
            if self.registry.trouble is not None:
                raise RefusedError(
                    503,
                    "degraded",
                    "the newest version can't be served, so it can't be changed",
                    retry_after_s=RETRY_AFTER_S,
                )
            version = change(served).save(run)
        retriever = self.registry.refresh()
        if retriever.versions["index"] != version:
            raise RefusedError(
                503,
                "not_served",
                "the change was written but can't be served",
                retry_after_s=RETRY_AFTER_S,
            )
        log("item changed", versions=retriever.versions)
        return retriever.versions


class _Coming(NamedTuple):
    """An item on its way: what changes, or else the new item's columns; and what is read of it."""

    change: Change | None
    read: pd.DataFrame
    texts: list[str]
    vectors: NDArray[np.float32]

    def taken_in(self, served: ServedRun, held: NDArray[np.bool_]) -> ServedRun:
        """Return the run with the item, quarantined if it is ``held``, bool [1]."""
        if self.change is None:
            return added(served, self.read, self.vectors, held)
        return changed(served, self.change, self.vectors, held[: len(self.texts)])


def _coming(served: ServedRun, item_id: str, columns: dict[str, Any]) -> _Coming:
    catalog = served.bundle.catalog
    items = checked_columns(catalog, item_id, columns)
    if catalog.offered([item_id])[0] >= 0:
        change = change_of(served, items)
        texts = change.texts(catalog.template)
        read = change.items.iloc[change.reread]
        return _Coming(change, read, texts, _vectors(served.bundle, texts))
    items = conformed(items, catalog.frame)
    texts = render(catalog.template, items)
    if not all(texts):
        raise DataError(
            f"item {item_id!r} would have no text under the template {catalog.template!r}; give "
            "it one"
        )
    return _Coming(None, items, texts, _vectors(served.bundle, texts))


def _vectors(bundle: Bundle, texts: list[str]) -> NDArray[np.float32]:
    if not texts:
        return np.empty((0, bundle.item_tower.dim), np.float32)
    reading = bundle.config["item_tower"]
    # Longer texts as training reads them; exactly, which every backend is near to.
    pieces = bundle.item_tower.pieces(texts, reading.get("long_texts", "cut"))
    backend = TorchBackend(bundle.item_tower)
    return bundle.item_tower.project_all(pieces.average(encode_pooled(backend, pieces.tokens)))
