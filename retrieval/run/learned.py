"""What a run has learned since its training: all that comes from the log, refitted on more events.

RUN/learned/l0001/manifest.json   sealed, with the hashes of the other files, as a run's own
RUN/learned/l0001/...             a bundle without its item tower, which is the run's

The index version that is served names the state that it belongs to, in its own attached files:
run and index change in one step, and the way back is the index's. A state that no kept version
names is nobody's.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

from longtail.index.disk.regular_file import irregularity
from longtail.index.errors import DamagedFileError
from longtail.index.files import publish_folder, read_json
from longtail.index.storage.store import ATTACHED
from longtail.index.storage.versions import kept_versions
from longtail.retrieval.run.bundle import Bundle, open_bundle, write_bundle
from longtail.retrieval.run.catalog_state import REMEDY
from longtail.retrieval.towers.item_tower import ItemTower

LEARNED = "learned"  # the folder in a run
_NAME = re.compile(r"l(\d{4,12})")


def open_learned(run: Path, name: str, item_tower: ItemTower) -> Bundle:
    """Return a learned state, verified; ``item_tower`` is the run's.

    Raises:
        DamagedFileError: it isn't there, a file of it was altered, or it is of another run.
        UnsupportedFormatError: a newer longtail wrote it.
    """
    folder = run / LEARNED / name
    if not _NAME.fullmatch(name):
        raise DamagedFileError(f"{run / LEARNED} holds nothing called {name[:40]!r}; {REMEDY}")
    if (wrong := irregularity(folder / "manifest.json")) is not None:
        raise DamagedFileError(f"{folder / 'manifest.json'} {wrong}; {REMEDY}")
    return replace(open_bundle(folder, item_tower=item_tower), learned=name)


def write_learned(bundle: Bundle, run: Path) -> str:
    """Write a learned state that nothing names yet, and return its name.

    Only the holder of the index's lock may do this.

    Raises:
        DiskFullError: the disk ran out; nothing was written.
    """
    numbers = [int(name[1:]) for name in _states(run)]
    name = f"l{max(numbers, default=0) + 1:04d}"
    with publish_folder(run / LEARNED / name, replace=False) as folder:
        write_bundle(bundle, folder, item_tower=False)
    return name


def bundles_of_versions(run: Path) -> list[Bundle]:
    """Return the engines that versions of a run can be served from: as trained, and as learned.

    Raises:
        BundleError, DamagedFileError, UnsupportedFormatError: one of them can't be read.
    """
    index = run / "index"
    named = {name_of(index / version / ATTACHED) for version in kept_versions(index)}
    trained = open_bundle(run)
    learned = sorted(name for name in named if name is not None)
    return [trained, *(open_learned(run, name, trained.item_tower) for name in learned)]


def remove_unnamed(run: Path) -> None:
    """Remove learned states that no kept version names, and what killed writers left.

    Only the holder of the index's lock may do this.
    """
    folder = run / LEARNED
    if not folder.is_dir():
        return
    index = run / "index"
    try:
        named = {name_of(index / version / ATTACHED) for version in kept_versions(index)}
    except DamagedFileError:
        return  # nobody knows what that version names
    for path in folder.iterdir():
        if path.name not in named:
            shutil.rmtree(path, ignore_errors=True)


def name_of(attached: Path) -> str | None:
    """Return the learned state that a version's attached files name, None where they name none.

    Raises:
        DamagedFileError: they can't be read.
    """
    path = attached / "state.json"
    if not path.is_file():
        return None
    name = read_json(path, remedy=REMEDY).get(LEARNED)
    return None if name is None else str(name)


def _states(run: Path) -> list[str]:
    folder = run / LEARNED
    if not folder.is_dir():
        return []
    return [path.name for path in folder.iterdir() if _NAME.fullmatch(path.name)]
