"""Commands as forks of one process that has loaded everything: each starts at once."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

from longtail.cli import COMMANDS, main


def load_commands() -> None:
    """Load here, once, what all forks need."""
    for module in (*COMMANDS.values(), "longtail.serving.server", "longtail.training.learning"):
        importlib.import_module(module)


def forked(act: Callable[[], object], log: Path) -> int:
    """Do something in a process of its own, its streams in a file; return its number."""
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        for standard in (1, 2):
            os.dup2(stream, standard)
        act()
        code = 0
    except SystemExit as leaving:
        code = int(leaving.code or 0)
    except BaseException as error:
        os.write(2, f"{error!r}\n".encode())
    finally:
        sys.stdout.flush()
        os._exit(code)


def is_gone(process: int) -> bool:
    """Return whether a process of ours has ended."""
    try:
        return os.waitpid(process, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return True


def command(*words: object) -> Callable[[], None]:
    """Return what runs a command of `longtail`."""

    def run() -> None:
        sys.argv = ["longtail", *map(str, words)]
        main()

    return run
