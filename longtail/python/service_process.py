"""`longtail serve` in a process of its own, held by an object."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import IO

from longtail.index.errors import LongtailError

_LINES_KEPT = 20
_STOP_S = 30.0
_URL = re.compile(r" at (https?://\S+) \(")


class ServiceProcess:
    """A service that runs until it is stopped; also a context manager that stops it.

    Attributes:
        url: where it answers, the explorer page too.
    """

    def __init__(self, process: subprocess.Popen[str], url: str, log: deque[str]) -> None:
        self.url = url
        self._process = process
        self._log = log

    @classmethod
    def start(cls, run: Path, *, host: str, port: int) -> ServiceProcess:
        """Start the service of a run, and return it once it answers.

        Raises:
            LongtailError: it ended before; the message is its own.
        """
        command = [sys.executable, "-m", "longtail", "serve", str(run)]
        process = subprocess.Popen(
            [*command, "--host", host, "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # An interrupt is this process's: it ends the service in good order.
            start_new_session=True,
        )
        log: deque[str] = deque(maxlen=_LINES_KEPT)
        assert process.stdout is not None
        assert process.stderr is not None
        reader = threading.Thread(target=_keep, args=(process.stderr, log), daemon=True)
        reader.start()
        try:
            first = process.stdout.readline()
        except BaseException:
            _ended(process)
            raise
        found = _URL.search(first)
        if found is None:
            _ended(process)
            reader.join(_STOP_S)
            said = [line for line in log if line.strip()]
            last = said[-1] if said else "the service ended without a word"
            raise LongtailError(last.removeprefix("error: ").removeprefix("Error: "))
        return cls(process, found[1], log)

    @property
    def running(self) -> bool:
        """Whether it still answers."""
        return self._process.poll() is None

    @property
    def log(self) -> list[str]:
        """The last lines of its log, JSON each."""
        return list(self._log)

    def wait(self) -> None:
        """Return when it has ended; an interrupt stops it, and is no failure."""
        with contextlib.suppress(KeyboardInterrupt):
            self._process.wait()
        self.stop()

    def stop(self) -> None:
        """Let it answer what is in flight, and end."""
        _ended(self._process)

    def __enter__(self) -> ServiceProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"ServiceProcess({self.url}, {'running' if self.running else 'ended'})"

    def _repr_html_(self) -> str:
        state = "running" if self.running else "ended"
        return f'<a href="{self.url}" target="_blank">{self.url}</a> ({state})'


def _keep(stream: IO[str], log: deque[str]) -> None:
    with stream:
        log.extend(line.rstrip() for line in stream)


def _ended(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()
