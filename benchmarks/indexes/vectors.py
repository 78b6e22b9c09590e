"""Item and user vectors for the index benchmark: real texts, and perturbed copies where more.

Items are the partially whitened MiniLM vectors of the texts in the given data folders. Beyond
their number, items are copies with noise about as long as the distance to the nearest neighbour,
spread over the dimensions as the items are. Users are recency-weighted sums of made-up histories:
items that are alike, moved by the same noise.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

AT_ONCE = 65_536


def item_texts_vectors(folders: list[Path], cached: Path | None) -> NDArray[np.float32]:
    """Return the frozen encoder's vectors of every item text, float32 [n, d], not whitened.

    ``cached`` is a folder with NAME.npy of a data folder NAME; what is missing is encoded, and
    stored there.
    """
    parts = []
    for folder in folders:
        stored = cached / f"{folder.name}.npy" if cached else None
        if stored is not None and stored.exists():
            parts.append(np.load(stored).astype(np.float32))
            continue
        parts.append(_encode(folder))
        if stored is not None:
            np.save(stored, parts[-1])
    return np.concatenate(parts)


def _encode(folder: Path) -> NDArray[np.float32]:
    from longtail.files.folders.find_files import find_file
    from longtail.retrieval.data.files.catalog_file import read_catalog
    from longtail.retrieval.data.files.rejected import RejectedRows
    from longtail.retrieval.towers.backends.torch_backend import TorchBackend
    from longtail.retrieval.towers.item_tower import ItemTower
    from longtail.retrieval.towers.text.encoding import encode_pooled
    from longtail.retrieval.towers.text.weights import DEFAULT_ENCODER

    catalog = read_catalog(find_file(folder, ("items", "catalog")), rejected=RejectedRows())
    tower = ItemTower.from_pretrained(DEFAULT_ENCODER, 96)
    return encode_pooled(TorchBackend(tower), tower.tokenise(catalog.texts()))


class Population:
    """Draws any number of items and users around the real ones.

    Attributes:
        real: partially whitened unit vectors of the real items, float32 [r, d].
        noise: how long the noise is: the median distance to the nearest other item.
    """

    def __init__(self, texts: NDArray[np.float32], seed: int = 0) -> None:
        centred = texts - texts.mean(axis=0)
        _, singular, directions = np.linalg.svd(centred, full_matrices=False)
        spread = np.sqrt(singular / np.sqrt(len(texts)))
        self.real = _unit(centred @ directions.T / spread)
        self._shape = (spread / np.linalg.norm(spread)).astype(np.float32)
        rng = np.random.default_rng(seed)
        some = rng.choice(len(self.real), min(2_000, len(self.real)), replace=False)
        likeness = self.real[some] @ self.real.T
        likeness[np.arange(len(some)), some] = -1.0
        # The nearest item with another text: half the items of some catalogs are duplicates.
        likeness[likeness > 0.999] = -1.0
        self.noise = float(np.median(np.sqrt(2.0 - 2.0 * likeness.max(axis=1))))
        self._seed = seed

    def items(self, n: int) -> NDArray[np.float32]:
        """Return n items, the real ones first, float32 [n, d]."""
        made = np.empty((n, self.real.shape[1]), np.float32)
        self.fill(made)
        return made

    def fill(self, made: NDArray[np.float32]) -> None:
        """Write items over an array [n, d], which may be a mapped file."""
        rng, n = np.random.default_rng(self._seed + 1), len(made)
        for start in range(0, n, AT_ONCE):
            rows = np.arange(start, min(start + AT_ONCE, n))
            source = np.where(
                rows < len(self.real), rows, rng.integers(0, len(self.real), len(rows))
            )
            moved = self.real[np.minimum(source, len(self.real) - 1)]
            copies = (rows >= len(self.real))[:, None]
            moved = moved + np.where(copies, self._noise(rng, len(rows)), np.float32(0))
            made[start : start + len(rows)] = _unit(moved)

    def users(self, n: int) -> NDArray[np.float32]:
        """Return n users: recency-weighted sums of items that are alike, moved, unit length.

        A history is a random item, and up to ten items out of the 50 most like it.
        """
        rng = np.random.default_rng(self._seed + 2)
        made = np.empty((n, self.real.shape[1]), np.float32)
        for start in range(0, n, 1_024):
            first = rng.integers(0, len(self.real), min(1_024, n - start))
            likeness = self.real[first] @ self.real.T
            near = np.argpartition(-likeness, 50, axis=1)[:, :50]
            lengths = rng.integers(0, 11, len(first))
            for user, (item, length) in enumerate(zip(first, lengths, strict=True)):
                taken = [item, *rng.choice(near[user], length, replace=False)]
                weights = 0.8 ** np.arange(len(taken), dtype=np.float32)
                # Each taken item is one of the copies around a real item.
                copies = self.real[taken] + self._noise(rng, len(taken))
                made[start + user] = weights @ _unit(copies)
        return _unit(made)

    def _noise(self, rng: np.random.Generator, n: int) -> NDArray[np.float32]:
        drawn = rng.standard_normal((n, self.real.shape[1]), dtype=np.float32)
        return drawn * self._shape * np.float32(self.noise)


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    lengths = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return np.asarray(vectors / lengths, np.float32)
