"""The peak of the memory that a process can't give back."""

from __future__ import annotations

import threading
from pathlib import Path

EVERY_SECONDS = 0.1


class PeakMemory:
    """Looks at the process's anonymous memory, ten times a second, from ``with`` to its end.

    Pages of mapped files aren't in it: the system takes them back when others need the room, and
    until then a process that has read 15 GB of a file seems to hold 15 GB.

    Attributes:
        gb: the most that was seen.
    """

    def __init__(self) -> None:
        self.gb = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            self.gb = max(self.gb, anonymous_gb())
            if self._ended.wait(EVERY_SECONDS):
                return


def anonymous_gb() -> float:
    """Return the memory of this process that no file stands behind."""
    lines = Path("/proc/self/status").read_text().splitlines()
    kilobytes = [int(line.split()[1]) for line in lines if line.startswith(("RssAnon", "RssShmem"))]
    return sum(kilobytes) * 1024 / 1e9
