"""Where work is, for whoever called from Python: bars in a terminal, a line in a notebook."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from html import escape
from typing import Any

from longtail.console.progress import progress_on_stderr
from longtail.console.remarks import Say
from longtail.python.failures import MisuseError
from longtail.retrieval.progress import Progress, silent

# Between two updates of a page: each is a message to the browser.
SECONDS_BETWEEN = 0.25


class NotebookProgress:
    """A `Progress` that is one place of a notebook's page: a bar a step, the last few of them.

    Safe to call from several threads. Needs IPython's display alone, no widgets.
    """

    def __init__(self, display: Callable[..., Any]) -> None:
        self._display = display
        self._handle: Any = None
        self._steps: dict[str, tuple[int, int]] = {}
        self._shown_at = 0.0
        self._lock = threading.Lock()

    def __call__(self, step: str, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` units (0: not known) of the step are done."""
        with self._lock:
            self._steps.pop(step, None)
            self._steps[step] = (done, total)
            now = time.monotonic()
            if now - self._shown_at >= SECONDS_BETWEEN:
                self._shown_at = now
                self._show()

    def close(self) -> None:
        """Take the bars away."""
        with self._lock:
            self._steps.clear()
            if self._handle is not None:
                self._handle.update({"text/html": "", "text/plain": ""}, raw=True)

    def _show(self) -> None:
        bundle = {"text/html": self.html(), "text/plain": self.text()}
        if self._handle is None:
            self._handle = self._display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)

    def html(self) -> str:
        """Return the bars."""
        step, (done, total) = list(self._steps.items())[-1]
        value = f' value="{min(done, total)}" max="{total}"' if total else ""
        return f"<progress{value}></progress> {escape(self._line(step, done, total))}"

    def text(self) -> str:
        """Return the same for a page that shows no HTML."""
        step, (done, total) = list(self._steps.items())[-1]
        return self._line(step, done, total)

    @staticmethod
    def _line(step: str, done: int, total: int) -> str:
        return f"{step}: {done:,} of {total:,}" if total else f"{step}: {done:,}"


def in_notebook() -> bool:
    """Return whether this runs in a kernel that shows pages."""
    # Asked, not imported: without IPython there is no notebook.
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"


@contextlib.contextmanager
def progress_for(wanted: bool | Progress) -> Iterator[Progress]:
    """Yield a progress callback: the caller's own, none (False), or what fits here (True)."""
    if wanted is False:
        yield silent
    elif not isinstance(wanted, bool) and not callable(wanted):
        raise MisuseError(f"progress is True, False or a function, not {wanted!r}")
    elif wanted is not True:
        yield wanted
    elif in_notebook():
        from IPython.display import display

        bars = NotebookProgress(display)
        try:
            yield bars
        finally:
            bars.close()
    else:
        with progress_on_stderr() as progress:
            yield progress


def remarks_for(wanted: bool | Progress, spelled: Callable[[str], str], kept: list[str]) -> Say:
    """Return what takes remarks: they are kept, and shown unless silence is wanted."""

    def say(line: str) -> None:
        line = spelled(line)
        kept.append(line)
        if wanted is True and not in_notebook():
            sys.stderr.write(f"{line}\n")

    return say
