"""Progress on stderr: a bar for a person, a line now and then for a log file."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

# Steps that are over before this leave no trace.
_PATIENCE_S = 2.0
_SECONDS_BETWEEN_LINES = 10.0


class StderrProgress:
    """A `Progress` that shows each step which takes longer than 2 seconds.

    On a terminal a step gets a bar. Elsewhere it gets a short line, at most every 10 seconds.
    Safe to call from several threads: readers report from theirs.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._live = self._stream.isatty()
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._began: dict[str, float] = {}
        self._said: dict[str, float] = {}
        self._lock = threading.Lock()

    def __call__(self, step: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` units (0: not known) of the step are done."""
        now = time.monotonic()
        with self._lock:
            began = self._began.setdefault(step, now)
            if total and done >= total:
                self._finish(step, total)
            elif now - began >= _PATIENCE_S:
                if self._live:
                    self._draw(step, done, total)
                elif now - self._said.get(step, began) >= _SECONDS_BETWEEN_LINES:
                    self._said[step] = now
                    share = f"{done / total:.0%}" if total else f"{done:,}"
                    self._stream.write(f"{step}: {share}\n")
                    self._stream.flush()

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def _draw(self, step: str, done: int, total: int) -> None:
        if self._bars is None:
            self._bars = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=Console(file=self._stream),
            )
            self._bars.start()
        if step not in self._tasks:
            self._tasks[step] = self._bars.add_task(step, total=total or None)
        self._bars.update(self._tasks[step], completed=done, total=total or None)

    def _finish(self, step: str, total: int) -> None:
        task = self._tasks.pop(step, None)
        if task is not None and self._bars is not None:
            self._bars.update(task, completed=total, total=total)
        # A step of the same name later on is a new one.
        self._began.pop(step, None)
        self._said.pop(step, None)


@contextlib.contextmanager
def progress_on_stderr() -> Iterator[StderrProgress]:
    """Give a progress callback, and take its bars away at the end, whatever happens."""
    progress = StderrProgress()
    try:
        yield progress
    finally:
        progress.close()
