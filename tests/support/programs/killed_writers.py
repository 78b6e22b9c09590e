"""Writers that are killed at a chosen step or at any moment; run as a process of its own.

One process starts the writers by forking, which saves each of them the start of Python.
Prints what became of them as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.index import files
from longtail.index.storage.store import index_info, open_index, save_index
from longtail.index.updates import add_items, compact, remove_items
from longtail.index.vector_index import VectorIndex

DIM = 5
STEPS = ("fsync", "link", "mkdir", "rename", "replace")


def vectors_of(ids: list[str]) -> NDArray[np.float32]:
    """Return the vector that an item of this id must have wherever it is found."""
    numbers = np.array([float(item_id) for item_id in ids], np.float32)
    return np.stack([numbers + place for place in range(1, DIM + 1)], axis=1)


def first_index() -> VectorIndex:
    """Return an index of eight items."""
    ids = [str(number) for number in range(8)]
    zeros = np.zeros(8, np.float32)
    pools = (np.arange(8) % 3).astype(np.int8)
    return VectorIndex.build(vectors_of(ids), zeros, pools, item_ids=ids, tower_fingerprint="t")


def publish_next(folder: Path) -> None:
    """Open what is served, change it, and publish it."""
    index = open_index(folder)
    if index.n_live > 12:
        index, _ = compact(remove_items(index, np.flatnonzero(~index.removed)[:6]))
    else:
        ids = [str(1 + max(int(item_id) for item_id in index.item_ids))]
        pool = np.array([int(ids[0]) % 3], np.int8)
        index = add_items(index, vectors_of(ids), np.zeros(1, np.float32), pool, ids)
    save_index(index, folder)


def looks_right(folder: Path) -> bool:
    """Return whether the served version verifies, opens, and holds each item's own vector."""
    info, index = index_info(folder), open_index(folder)
    rows = np.arange(index.n_items)
    right = index.vectors(rows) == vectors_of(index.item_ids.tolist())
    live = index.rows_of(index.item_ids.tolist())
    return bool(right.all() and (live[~index.removed] >= 0).all() and info.n_items == len(rows))


def killed_at_step(folder: Path, step: int) -> bool:
    """Let a writer be killed before its n-th step on the disk; return whether it got that far."""
    child = os.fork()
    if child == 0:
        _as_child(folder, kill_before=step)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status) and os.WEXITSTATUS(status):
        raise RuntimeError(f"the writer failed by itself before step {step}")
    return os.WIFSIGNALED(status)


def killed_after(folder: Path, seconds: float) -> None:
    """Kill a writer that publishes one version after the other."""
    child = os.fork()
    if child == 0:
        _as_child(folder, kill_before=None)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise RuntimeError("the writer failed by itself")


def _as_child(folder: Path, kill_before: int | None) -> None:
    try:
        _count_steps(kill_before)
        publish_next(folder)
        while kill_before is None:
            publish_next(folder)
        os._exit(0)
    except BaseException as error:
        sys.stderr.write(f"{error!r}\n")
        sys.stderr.flush()
        os._exit(1)


def _count_steps(kill_before: int | None) -> None:
    taken = 0

    def counted(name: str, do: Any) -> Any:
        def step(*arguments: Any, **named: Any) -> Any:
            nonlocal taken
            taken += 1
            if taken == kill_before:
                os.kill(os.getpid(), signal.SIGKILL)
            # What was written survives a killed process without the disk's help.
            return None if name == "fsync" else do(*arguments, **named)

        return step

    for name in STEPS:
        setattr(files.os, name, counted(name, getattr(os, name)))


def main(folder: Path, at_random: int, seed: int) -> None:
    """Kill writers at each step and at random moments, and look at what is served after each."""
    save_index(first_index(), folder)
    steps = wrong = 0
    while killed_at_step(folder, steps + 1):
        steps += 1
        wrong += not looks_right(folder)
    rng = np.random.default_rng(seed)
    versions = set()
    for _ in range(at_random):
        killed_after(folder, float(rng.uniform(0, 0.08)))
        wrong += not looks_right(folder)
        versions.add(index_info(folder).version)
    publish_next(folder)
    left = sorted(path.name for path in folder.iterdir())
    found = {"steps": steps, "wrong": wrong, "versions": len(versions), "left": left}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
