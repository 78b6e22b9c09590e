"""The parts of a running service, and the order in which they start and stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.events import EVENTS, UserEvent
from longtail.retrieval.data.meaning.told_meanings import ToldMeanings
from longtail.retrieval.errors import LeaseError
from longtail.retrieval.ranking.query import Query
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.run.lease import ServingLease
from longtail.serving.engine.batch_handler import Outcome, answer_all
from longtail.serving.engine.batching import Batcher
from longtail.serving.engine.lane import Versions
from longtail.serving.engine.model_registry import ModelRegistry
from longtail.serving.engine.reads import Reads
from longtail.serving.http.http_errors import unknown_item
from longtail.serving.http.request_models import Event
from longtail.serving.limits import Limits
from longtail.serving.logs import log, logger
from longtail.serving.metrics import Metrics
from longtail.serving.updates.catalog_writer import CatalogWriter
from longtail.serving.updates.event_log import EventLog
from longtail.serving.updates.event_meanings import meaning_of
from longtail.serving.updates.run_follower import RunFollower
from longtail.serving.updates.shown_lists import MOST_LISTS, ShownLists, with_impressions
from longtail.serving.updates.timestamps import seconds_of
from longtail.serving.updates.user_histories import UserHistories


@dataclass(eq=False)
class Service:
    """Everything that routes reach for; one a process.

    Attributes:
        registry: the version that answers.
        histories: what users did since the log.
        batcher: the queue before the engine.
        reads: the queue of what is read beside it.
        events: the file of events.
        follower: what becomes of the events when the run's folder is replaced.
        items: changes of the catalog.
        shown: the lists that were answered lately.
        lease: what says that no other process serves the run.
    """

    limits: Limits
    metrics: Metrics
    registry: ModelRegistry
    histories: UserHistories
    batcher: Batcher
    reads: Reads
    events: EventLog
    follower: RunFollower
    items: CatalogWriter
    shown: ShownLists
    lease: ServingLease | None = None
    version: str = field(default_factory=lambda: version("longtail"))
    stopping: bool = False
    _watching: asyncio.Task[None] | None = field(default=None, repr=False)

    @classmethod
    def open(cls, run: Path, limits: Limits, lease: ServingLease | None = None) -> Service:
        """Return the service of a run folder, verified and with its events replayed.

        Whoever is its only user by other means needs no ``lease``.

        Raises:
            LongtailError: the run can't be served; the message says what to do.
        """
        metrics = Metrics()
        histories = UserHistories()
        registry = ModelRegistry.open(run, metrics, histories.clock.of)
        events = EventLog.open(run / EVENTS, histories, metrics)
        # Before the first request, and not for it.
        histories.clock.of(registry.retriever.bundle)
        batcher = Batcher(partial(_answer, registry, histories), limits, metrics)
        items = CatalogWriter(registry, quarantine=limits.quarantine)
        follower = RunFollower.of(registry, lease)
        reads = Reads(limits)
        shown = ShownLists(MOST_LISTS if limits.impressions else 0)
        return cls(
            limits,
            metrics,
            registry,
            histories,
            batcher,
            reads,
            events,
            follower,
            items,
            shown,
            lease,
        )

    async def take_events(self, events: Sequence[Event]) -> int:
        """Keep events of known items, and return how many once they are on the disk.

        What else of an answered list their users have surely seen is kept with them.

        Raises:
            RefusedError: an item isn't in the catalog, a time isn't one, or nobody knows what an
                event means; none is kept.
        """
        bundle, now = self.registry.retriever.bundle, time.time()
        unknown = np.flatnonzero(bundle.catalog.offered(event.item_id for event in events) < 0)
        if len(unknown):
            raise unknown_item(events[int(unknown[0])].item_id)
        told = ToldMeanings.of(bundle.config.get("data", {}))
        heard = [
            UserEvent(
                event.user_id,
                event.item_id,
                seconds_of(event.timestamp, now),
                meaning_of(event, place, told),
                event.type,
                event.weight,
                event.request_id,
            )
            for place, event in enumerate(events)
        ]
        with self.shown.used_by(heard) as seen:
            if seen:
                # Beside the loop: the histories of a thousand users take a while.
                heard = await asyncio.to_thread(with_impressions, heard, seen, self._not_taken)
            await self.events.append(heard)
        return len(events)

    def history_of(self, retriever: Retriever, user_id: str) -> NDArray[np.int32] | None:
        """Return all that a user took, events included; None for an unknown user."""
        return self.histories.rows(retriever, user_id)

    def _not_taken(self, user_id: str, item_ids: Sequence[str]) -> list[str]:
        """Return those of some items that are in the catalog and that a user hasn't taken."""
        retriever = self.registry.retriever
        rows = retriever.bundle.catalog.offered(item_ids)
        taken = self.history_of(retriever, user_id)
        left = rows >= 0 if taken is None else (rows >= 0) & ~np.isin(rows, taken)
        return [item_ids[place] for place in np.flatnonzero(left).tolist()]

    async def start(self) -> None:
        """Begin to answer."""
        self.batcher.start()
        self._watching = asyncio.get_running_loop().create_task(self._watch())
        log("started", versions=self.registry.retriever.versions, events=len(self.histories))

    async def stop(self) -> None:
        """Answer what waits, finish what is being written, and stop."""
        self.stopping = True
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
        await self.batcher.close()
        self.reads.close()
        await self.items.close()
        await self.events.close()
        self.registry.close()
        log("stopped")

    async def _watch(self) -> None:
        """Look for new versions, again and again, and go where the run's folder goes."""
        while True:
            await self._look_again()
            try:
                # First, since to open a run may take a while: no other service comes in between.
                await asyncio.to_thread(self._hold)
                await asyncio.to_thread(self.registry.refresh)
                await self.events.follow(self.follower)
            except Exception:
                # Whatever it is: what is served now goes on being served.
                logger.exception("bug")

    def _hold(self) -> None:
        """Hold the lease of the folder that is at the run's path; its events say why not."""
        with suppress(LeaseError, OSError):
            if self.lease is not None:
                self.lease.follow()

    async def _look_again(self) -> None:
        """Return when it is time to look, or once events can't be taken."""
        if self.events.stuck:
            await asyncio.sleep(self.limits.poll_s)
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self.events.moved.wait(), self.limits.poll_s)


def _answer(
    registry: ModelRegistry,
    histories: UserHistories,
    queries: Sequence[Query],
    wanted: Callable[[int], bool],
) -> tuple[Versions, Iterable[list[tuple[int, Outcome]]]]:
    # Taken once: every answer of the batch is this version's.
    retriever = registry.retriever
    return retriever.versions, answer_all(retriever, histories, queries, wanted)
