"""The lease of a training: the place where its run will be, and the run that it replaces."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from longtail.index.errors import Field, LockedIndexError
from longtail.index.storage.file_lock import FileLock, HeldError
from longtail.index.storage.leftovers import remove_leftovers
from longtail.index.storage.lock import index_lock
from longtail.retrieval.data.event_log.segments import has_events
from longtail.retrieval.data.events import EVENTS
from longtail.retrieval.errors import LeaseError
from longtail.retrieval.run.lease.changing_lease import INDEX
from longtail.retrieval.run.lease.place import Place, beside, holder_here, real_place
from longtail.retrieval.run.lease.serving_lease import is_served, serving

_held = threading.local()


@dataclass(eq=False)
class TrainingLease:
    """What a training holds from its start to its end: nobody else trains the same run folder.

    Attributes:
        out: where the run will be; of a link, where it leads.
    """

    out: Path
    wait_s: float
    _before: Place

    def refuse_served(self) -> None:
        """Refuse to begin where a service would have to be ended for it, hours later.

        Raises:
            LeaseError: a service has the run that would be replaced.
        """
        if is_served(self.out):
            with serving(self.out, wait_s=self.wait_s):
                pass

    @contextmanager
    def replacing(self) -> Iterator[None]:
        """Hold the run that is replaced while another takes its place.

        Raises:
            LeaseError: a service has it, somebody changes it, it holds events, or it isn't the
                folder any more that was there when the training began.
        """
        with ExitStack() as held:
            try:
                self._refuse_another()
                if not Place.of(self.out).empty:
                    held.enter_context(serving(self.out, wait_s=self.wait_s))
                    if (self.out / INDEX).is_dir():
                        held.enter_context(index_lock(self.out / INDEX, wait_s=self.wait_s))
                    # Not only before: it may have been waited for.
                    self._refuse_another()
                    refuse_to_lose_events(self.out, self.out)
            except (LeaseError, LockedIndexError) as error:
                kept = "; what was trained is kept: the same command publishes it with "
                raise LeaseError(*error.args, kept, Field("resume")) from error
            yield

    def _refuse_another(self) -> None:
        now = Place.of(self.out)
        if not now.empty and now != self._before:
            raise LeaseError(
                f"{self.out} is another folder than when this training began, so it isn't "
                "replaced; move it away, or replace it with ",
                Field("overwrite"),
            )


@contextmanager
def training(out: Path, *, wait_s: float = 0.0) -> Iterator[TrainingLease]:
    """Hold the place of a run for a training; a thread that holds it may take it again.

    Of a link it is the place that it leads to. What a killed training left half published
    beside it is removed.

    Raises:
        LeaseError: another process trains there, and did for ``wait_s`` seconds.
    """
    out = real_place(out)
    path = Path(os.path.abspath(out))
    leases: dict[Path, TrainingLease] = _held.__dict__.setdefault("trainings", {})
    lease = leases.get(path)
    if lease is not None:
        yield lease
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock.take(beside(out, ".training"), wait_s=wait_s)
    except HeldError as error:
        raise LeaseError(
            f"{out} is being trained by {holder_here(error.holder)}; wait until it has finished, "
            "name another folder with --out, or wait for it with ",
            Field("wait"),
        ) from error
    try:
        remove_leftovers(path)
        lease = leases[path] = TrainingLease(out, wait_s, Place.of(out))
        yield lease
    finally:
        leases.pop(path, None)
        lock.release(remove=True)


def refuse_to_lose_events(run: Path, out: Path) -> None:
    """Refuse to replace a run whose service has taken events: they are nowhere else.

    Raises:
        LeaseError: it has.
    """
    if has_events(run / EVENTS):
        raise LeaseError(
            f"{out} holds events that its service has taken; write them to a file with `longtail "
            f"data events`, then remove {run / EVENTS}, or name another folder with --out"
        )
