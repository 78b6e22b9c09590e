"""What many test files read is made once for all workers, and kept while the code is the same."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path

from checkout import PACKAGES, ROOT, SUPPORT
from filelock import FileLock

KEPT_S = 24 * 3600


class MadeOnce:
    """Folders by name, below a folder for this state of code, machine and installed packages."""

    def __init__(self, place: Path) -> None:
        self._key = state_of_code()
        self._place = place / self._key
        self._place.mkdir(parents=True, exist_ok=True)
        os.utime(self._place)
        self._given: set[Path] = set()
        self._sweep()

    def folder(self, name: str, make: Callable[[Path], object]) -> Path:
        """Return a folder to be read only, which ``make`` writes where nobody has before.

        Who comes while another process makes it waits. A folder counts once its seal is written,
        after all else: one half made, or spoiled since, is made anew.
        """
        made = self._place / name
        with FileLock(self._place / f"{name}.lock"):
            if not self._is_whole(made):
                shutil.rmtree(made, ignore_errors=True)
                make(made)
                if state_of_code() != self._key:
                    # Somebody is editing: this state of the code made it, and may never be again.
                    private = Path(tempfile.mkdtemp(dir=self._place)) / name
                    return made.rename(private)
                seal = self._seal(made)
                seal.with_suffix(".new").write_text(json.dumps(listing(made)))
                seal.with_suffix(".new").replace(seal)
        self._given.add(made)
        return made

    def spoiled(self) -> list[str]:
        """Return the names of given folders that a test has changed."""
        return sorted(made.name for made in self._given if not self._is_whole(made))

    def _is_whole(self, made: Path) -> bool:
        seal = self._seal(made)
        return seal.is_file() and json.loads(seal.read_text()) == listing(made)

    def _seal(self, made: Path) -> Path:
        return made.with_name(f"{made.name}.seal")

    def _sweep(self) -> None:
        for other in self._place.parent.iterdir():
            if time.time() - other.stat().st_mtime > KEPT_S:
                shutil.rmtree(other, ignore_errors=True)


def listing(folder: Path) -> dict[str, list[int]]:
    """Return size and time of change of each file below a folder."""
    found = {path: path.stat() for path in sorted(folder.rglob("*")) if path.is_file()}
    return {
        path.relative_to(folder).as_posix(): [stat.st_size, stat.st_mtime_ns]
        for path, stat in found.items()
    }


def state_of_code() -> str:
    """Return a hash of our packages, of the toys, of what is installed, and of the machine."""
    folders = [*(ROOT / name for name in PACKAGES), SUPPORT]
    files = [
        path
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]
    digest = hashlib.sha256()
    for path in [*files, ROOT / "tests" / "conftest.py"]:
        digest.update(f"{path.relative_to(ROOT)} {path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    installed = sorted({f"{found.name} {found.version}" for found in distributions()})
    machine = (platform.node(), platform.python_version(), os.environ.get("OMP_NUM_THREADS"))
    digest.update(repr((installed, machine)).encode())
    return digest.hexdigest()[:16]
