"""Items that are put and deleted through the service: one change at a time, each a new version."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.index.storage.lock import index_lock
from longtail.retrieval.data.catalog_schema import conformed
from longtail.retrieval.data.text_template import render
from longtail.retrieval.errors import DataError
from longtail.retrieval.run.bundle import Bundle
from longtail.retrieval.run.catalog_updates import added, change_of, changed, removed
from longtail.retrieval.run.served_run import ServedRun
from longtail.retrieval.towers.backends.torch_backend import TorchBackend
from longtail.retrieval.towers.text.encoding import encode_pooled
from longtail.serving.engine.model_registry import ModelRegistry
from longtail.serving.http.http_errors import RefusedError
from longtail.serving.logs import log
from longtail.serving.updates.item_columns import checked_columns

MOST_WAITING = 16


@dataclass(eq=False)
class CatalogWriter:
    """The writer behind PUT and DELETE; its answers come when the change is served."""

    registry: ModelRegistry
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="items")
    )
    _tasks: set[asyncio.Future[Any]] = field(default_factory=set)

    async def put(self, item_id: str, columns: dict[str, Any]) -> dict[str, str]:
        """Return the versions that are served once the item is in the catalog.

        Raises:
            DataError, LockedIndexError, RefusedError: nothing has changed.
        """
        return await self._do(lambda served: _put(served, item_id, columns))

    async def delete(self, item_id: str) -> dict[str, str]:
        """Return the versions that are served once the item is out of the catalog.

        Raises:
            UnknownItemError, DataError, LockedIndexError: nothing has changed.
        """
        return await self._do(lambda served: removed(served, [item_id]))

    async def close(self) -> None:
        """Finish the change at hand."""
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._thread.shutdown()

    async def _do(self, change: Callable[[ServedRun], ServedRun]) -> dict[str, str]:
        if len(self._tasks) >= MOST_WAITING:
            raise RefusedError(
                429, "too_many_changes", "other changes are waiting already", retry_after_s=5
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
        with index_lock(run / "index"):
            served = self.registry.refresh().served
            if self.registry.trouble is not None:
                raise RefusedError(
                    503,
                    "degraded",
                    f"the newest version can't be served, so it can't be changed: "
                    f"{self.registry.trouble}",
                )
            version = change(served).save(run)
        retriever = self.registry.refresh()
        if retriever.versions["index"] != version:
            raise RefusedError(503, "not_served", "the change was written but can't be served")
        log("item changed", versions=retriever.versions)
        return retriever.versions


def _put(served: ServedRun, item_id: str, columns: dict[str, Any]) -> ServedRun:
    items = checked_columns(served.bundle.catalog, item_id, columns)
    if served.bundle.catalog.offered([item_id])[0] >= 0:
        change = change_of(served, items)
        texts = change.texts(served.bundle.catalog.template)
        return changed(served, change, _vectors(served.bundle, texts))
    items = conformed(items, served.bundle.catalog.frame)
    texts = render(served.bundle.catalog.template, items)
    if not all(texts):
        raise DataError(
            f"item {item_id!r} would have no text under the template "
            f"{served.bundle.catalog.template!r}; give it one"
        )
    return added(served, items, _vectors(served.bundle, texts))


def _vectors(bundle: Bundle, texts: list[str]) -> NDArray[np.float32]:
    if not texts:
        return np.empty((0, bundle.item_tower.dim), np.float32)
    reading = bundle.config["item_tower"]
    # Longer texts as training reads them; exactly, which every backend is near to.
    pieces = bundle.item_tower.pieces(texts, reading.get("long_texts", "cut"))
    backend = TorchBackend(bundle.item_tower)
    return bundle.item_tower.project_all(pieces.average(encode_pooled(backend, pieces.tokens)))
