"""Reading a whole catalog through the item tower, in chunks that survive an interruption."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from index.files import write_file_atomically
from retrieval.progress import Progress, silent
from retrieval.towers.item_tower import ItemTower, Precision
from retrieval.towers.tokens import TokenTable

ITEMS_PER_CHUNK = 2048


def embed_catalog(
    tower: ItemTower,
    tokens: TokenTable,
    folder: Path,
    *,
    precision: Precision = "auto",
    batch_size: int = 64,
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """Return the pooled vectors of all texts, float32 [n, dim], in their order.

    Each finished chunk lies in ``folder`` under a name made from the tower and the chunk's
    tokens. A second call with the same tower and texts reads what is there and goes on.
    """
    out = np.empty((len(tokens), tower.dim_pooled), np.float32)
    identity = hashlib.sha256(f"{tower.fingerprint()} {precision}".encode()).digest()
    for start in range(0, len(tokens), ITEMS_PER_CHUNK):
        rows = np.arange(start, min(start + ITEMS_PER_CHUNK, len(tokens)))
        chunk = tokens.take(rows)
        key = hashlib.sha256(identity + chunk.ids.tobytes() + chunk.offsets.tobytes()).hexdigest()
        path = folder / f"vectors-{key[:32]}.npy"
        if path.is_file():
            out[rows] = np.load(path, allow_pickle=False)
            continue

        def report(step: str, done: int, total: int, start: int = start) -> None:
            progress(step, start + done, len(tokens))

        out[rows] = tower.encode_pooled(
            chunk, batch_size=batch_size, precision=precision, progress=report
        )
        # Through a file object: np.save appends .npy to a path that lacks it.
        with write_file_atomically(path) as temporary, temporary.open("wb") as file:
            np.save(file, out[rows])
    return out
