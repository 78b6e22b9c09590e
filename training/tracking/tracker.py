"""The one interface between training and whoever keeps its numbers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

logger = logging.getLogger("longtail.training")

LONGEST_REASON = 200


class Tracker(Protocol):
    """Somebody who keeps a training's numbers; nothing of users, and no text of an item."""

    def parameters(self, values: Mapping[str, str]) -> None:
        """Keep the settings, dotted keys and their values as a settings file has them."""

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """Keep numbers as of a step of their stage; 0 where there are no steps."""

    def artefact(self, path: Path) -> None:
        """Keep a copy of a file."""

    def end(self, *, failed: bool) -> None:
        """Close what is open; nothing is reported afterwards."""


class Untracked:
    """The tracker of a training that nobody tracks."""

    def parameters(self, values: Mapping[str, str]) -> None: ...

    def metrics(self, values: Mapping[str, float], step: int) -> None: ...

    def artefact(self, path: Path) -> None: ...

    def end(self, *, failed: bool) -> None: ...


UNTRACKED = Untracked()


class GuardedTracker:
    """A tracker that never fails a training: with its first failure it is left, with one warning.

    ``opened`` may fail, too: no network, no right to write.
    """

    def __init__(self, name: str, opened: Callable[[], Tracker]) -> None:
        self._name = name
        self._tracker: Tracker | None = None
        self._guarded(lambda: setattr(self, "_tracker", opened()))

    @property
    def works(self) -> bool:
        """Whether nothing has failed so far."""
        return self._tracker is not None

    def parameters(self, values: Mapping[str, str]) -> None:
        self._tell(lambda tracker: tracker.parameters(values))

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        self._tell(lambda tracker: tracker.metrics(values, step))

    def artefact(self, path: Path) -> None:
        self._tell(lambda tracker: tracker.artefact(path))

    def end(self, *, failed: bool) -> None:
        self._tell(lambda tracker: tracker.end(failed=failed))
        self._tracker = None

    def _tell(self, report: Callable[[Tracker], None]) -> None:
        tracker = self._tracker
        if tracker is not None:
            self._guarded(lambda: report(tracker))

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            # Whatever a foreign library raises, an hour of training is worth more.
            self._tracker = None
            reason = " ".join(str(error).split())[:LONGEST_REASON]
            logger.warning(
                "warning: %s failed (%s: %s); the work goes on, and nothing more is reported to it",
                self._name,
                type(error).__name__,
                reason,
            )
