"""The version that answers now, and the way to the next: load beside, verify, try, swap."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from longtail.index.errors import LongtailError
from longtail.index.storage.versions import served_version
from longtail.retrieval.data.events import EVENTS
from longtail.retrieval.ranking.pipeline import ClockOf
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.run.bundle import read_manifest
from longtail.retrieval.run.sealed_json import SEAL
from longtail.retrieval.run.served_run import ServedRun, open_run, with_index
from longtail.serving.engine.smoke_queries import try_out
from longtail.serving.http.http_errors import refusal_for_owner
from longtail.serving.logs import log
from longtail.serving.metrics import Metrics


@dataclass(eq=False)
class ModelRegistry:
    """Holds the engine; whoever takes it keeps it until done, whatever is swapped meanwhile.

    Attributes:
        run: the run folder.
        retriever: what answers now.
        clock_of: see `RankingPipeline`.
        trouble: the code of why the newest version isn't served, None while it is.
        seal: of the manifest of the run that is served.
        when_swapped: called once another version answers.
    """

    run: Path
    metrics: Metrics
    retriever: Retriever
    clock_of: ClockOf | None = None
    trouble: str | None = None
    seal: str = ""
    when_swapped: list[Callable[[], None]] = field(default_factory=list)
    _seen: object = None
    _refused: object = None
    _files: object = None
    _lock: Lock = field(default_factory=Lock)
    # All versions are opened in one thread, whoever asks: the allocator keeps the memory of each
    # thread apart, and would hold as much as an engine takes for every thread that opened one.
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="versions")
    )

    @classmethod
    def open(cls, run: Path, metrics: Metrics, clock_of: ClockOf | None = None) -> ModelRegistry:
        """Return the run as it is served, verified and tried out.

        Raises:
            LongtailError: it can't be served; the message says what to do.
        """
        seen, seal = _state(run), read_manifest(run)[SEAL]
        retriever = _timed(open_run(run), metrics, clock_of)
        try_out(retriever)
        metrics.serves(retriever.versions)
        return cls(run, metrics, retriever, clock_of, seal=seal, _seen=seen)

    def refresh(self) -> Retriever:
        """Serve the newest version if there is one, and return what is served then.

        A version that can't be served leaves the one before: `trouble` and the log say why. It is
        tried again once something else is published, or its files have changed and are at rest: a
        run that is copied into the folder may be whole some time after its manifest. One caller
        at a time.
        """
        with self._lock:
            seen, trained = _state(self.run), _trained(self.run)
            if seen == self._seen and not self._changed_since_refused():
                return self.retriever
            began = time.perf_counter()
            self._seen, files = seen, _files(self.run)
            try:
                retriever, seal = self._thread.submit(self._tried_out).result()
                if _trained(self.run) != trained:
                    # Another folder took the run's place while files of both may have been read.
                    self._seen = None
                    return self.retriever
            except (LongtailError, OSError, ValueError) as error:
                # Not the error itself: its traceback would keep the refused engine in memory.
                self.trouble, self._refused = refusal_for_owner(error).code, files
                self.metrics.swaps.labels("refused").inc()
                log(
                    "version refused",
                    level=logging.ERROR,
                    serving=self.retriever.versions,
                    why=" ".join(str(error).split()),
                )
                return self.retriever
            before, self.retriever, self.trouble = self.retriever, retriever, None
            self.seal = seal
            for hear in self.when_swapped:
                hear()
            self.metrics.swaps.labels("served").inc()
            self.metrics.serves(retriever.versions)
            log(
                "version served",
                versions=retriever.versions,
                before=before.versions,
                seconds=round(time.perf_counter() - began, 3),
            )
            return retriever

    def close(self) -> None:
        """Open no more versions."""
        self._thread.shutdown(wait=False)

    def _changed_since_refused(self) -> bool:
        if self.trouble is None:
            return False
        before, self._files = self._files, _files(self.run)
        return self._files == before != self._refused

    def _tried_out(self) -> tuple[Retriever, str]:
        retriever, seal = self._opened(self.retriever.served)
        try_out(retriever)
        return retriever, seal

    def _opened(self, before: ServedRun) -> tuple[Retriever, str]:
        # What was trained is in memory already, unless the run was trained anew.
        seal = read_manifest(self.run)[SEAL]
        again = seal == self.seal
        served = with_index(before.trained, self.run) if again else open_run(self.run)
        return _timed(served, self.metrics, self.clock_of), seal


def _timed(served: ServedRun, metrics: Metrics, clock_of: ClockOf | None) -> Retriever:
    # A stopwatch each: a version that is tried out runs beside the one that answers.
    return Retriever.of(served, timed=metrics.stopwatch(), clock_of=clock_of)


def _state(run: Path) -> object:
    """Return what differs when something else is to be served."""
    trained = _trained(run)
    if trained is None:
        return None
    try:
        return served_version(run / "index"), trained
    except OSError as error:
        # Something else than before: whoever opens the index then says what is wrong with it.
        return error.errno, trained


def _trained(run: Path) -> object:
    """Return what differs when another run is at this path, None where there is none."""
    try:
        manifest = (run / "manifest.json").stat()
    except OSError:
        return None
    return manifest.st_mtime_ns, manifest.st_ino


def _files(run: Path) -> object:
    """Return what differs when a file that a version may be made of was written again."""
    found = []
    for place, folders, names in os.walk(run):
        folders[:] = [name for name in folders if name != EVENTS and not name.startswith(".")]
        for name in names:
            path = os.path.join(place, name)
            with suppress(OSError):
                there = os.stat(path)
                found.append((path, there.st_mtime_ns, there.st_ino, there.st_size))
    return sorted(found)
