"""Which folder is at a run's path, and what lies beside it."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from longtail.retrieval.errors import LeaseError


@dataclass(frozen=True)
class Place:
    """Which folder is at a path: None for the parts where there is none."""

    device: int | None
    inode: int | None
    empty: bool

    @classmethod
    def of(cls, path: Path) -> Place:
        """Return what is there now."""
        if not path.exists():
            return cls(None, None, True)
        there = path.stat()
        return cls(there.st_dev, there.st_ino, path.is_dir() and not any(path.iterdir()))

    def check(self, run: Path) -> None:
        """Refuse to write into a run folder that isn't the one of before any more.

        Raises:
            LeaseError: another folder has taken its place, or it is gone.
        """
        if Place.of(run) != self:
            raise LeaseError(
                f"another folder has taken the place of {run} meanwhile, so nothing is written "
                "into it; run the command again"
            )


def real_place(run: Path) -> Path:
    """Return where a run folder is, or will be: a link is followed, whether it leads anywhere yet.

    What is replaced is the folder, and the link stays. Paths without a name of their own (".",
    "..") get one: something may have to lie beside them.
    """
    return Path(os.path.realpath(run)) if run.name in ("", "..") or run.is_symlink() else run


def beside(run: Path, name: str) -> Path:
    """Return the path of a lock that lies beside a run folder, not in it."""
    path = Path(os.path.abspath(run))
    return path.with_name(f".{path.name}{name}")


def holder_here(holder: str) -> str:
    """Return who holds something, without the name of this machine."""
    return holder.replace(f" on {socket.gethostname()} since", " since")
