"""Processes that tests start: whatever happens, they end, and all that they have started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from checkout import ROOT, SUPPORT_PATH

# For what takes seconds on an idle machine: who waits for so long waits for something broken.
LONGEST_WAIT_S = 600.0

Process = subprocess.Popen[str]
NOBODY = 65_534


@dataclass(frozen=True)
class Done:
    """What a process left: its exit code and both of its streams."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The error message of a known failure: checked to be one line, and the last."""
        assert self.code == 1, (self.code, self.err)
        assert "Traceback" not in self.err
        lines = self.err.splitlines()
        errors = [line for line in lines if line.startswith("error: ")]
        assert errors == lines[-1:], self.err
        return errors[0].removeprefix("error: ")


@contextlib.contextmanager
def started(
    *words: object, place: Path = ROOT, environment: Mapping[str, object] | None = None
) -> Iterator[Process]:
    """Start a program with pipes for its three streams; with the block's end it is gone.

    ``environment`` is added to this process's own.
    """
    process = subprocess.Popen(
        [str(word) for word in words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=place,
        env={
            **os.environ,
            "OMP_NUM_THREADS": "1",
            **{name: str(value) for name, value in (environment or {}).items()},
        },
        # Its children are in its group, and are killed with it.
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        for stream in (process.stdin, process.stdout, process.stderr):
            assert stream is not None
            # What it never read can't be flushed any more.
            with contextlib.suppress(OSError):
                stream.close()
        process.wait()


@contextlib.contextmanager
def started_python(
    *words: object, place: Path = ROOT, environment: Mapping[str, object] | None = None
) -> Iterator[Process]:
    """Start Python with these arguments; it finds the modules that tests find."""
    own = {"PYTHONPATH": SUPPORT_PATH, **(environment or {})}
    with started(sys.executable, *words, place=place, environment=own) as process:
        yield process


def finish(process: Process) -> Done:
    """Wait for a started process."""
    out, err = process.communicate(timeout=LONGEST_WAIT_S)
    return Done(process.returncode, out, err)


def run_program(
    *words: object, place: Path = ROOT, environment: Mapping[str, object] | None = None
) -> Done:
    """Run a program to its end."""
    with started(*words, place=place, environment=environment) as process:
        return finish(process)


def run_python(
    *words: object, place: Path = ROOT, environment: Mapping[str, object] | None = None
) -> Done:
    """Run Python to its end."""
    with started_python(*words, place=place, environment=environment) as process:
        return finish(process)


def output_of_python(*words: object, place: Path = ROOT) -> str:
    """Return what Python prints when it is run to its end, which must be a good one."""
    done = run_python(*words, place=place)
    assert done.code == 0, done.err
    return done.out


def line_of(process: Process) -> str:
    """Return the next line that a process prints, without its end; "" once it has closed."""
    assert process.stdout is not None
    return process.stdout.readline().removesuffix("\n")


def wait_until(condition: Callable[[], object], process: Process | None = None) -> None:
    """Wait until something is so, or the process has ended."""
    until = time.monotonic() + LONGEST_WAIT_S
    while not condition() and (process is None or process.poll() is None):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Let this process be nobody, where it is root; whoever else it is, it stays."""
    if os.geteuid() != 0:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
