"""What a run knows from the log beside the two towers: item-to-item weights and sequence towers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from longtail.index.errors import DamagedFileError
from longtail.index.files import read_json
from longtail.retrieval.features.history_scores import LAST
from longtail.retrieval.features.item_weights import REMEDY, ItemWeights
from longtail.retrieval.features.words_to_behaviour import WordsToBehaviour
from longtail.retrieval.towers.sequence_tower import SequenceTower

# The closed form leads: its ranks are evidence, and its list is a source of candidates.
LEADING = "closed_form"
KNOWN = "known.safetensors"
# What words say of behaviour needs no events, so nothing is lent.
BY_TEXT = "co_taken_by_text"
WORDS = "words_to_behaviour.safetensors"
# Of logs that say what was looked at: who looks at j looks at i, and takes i thereafter. They read
# what a user looked at and took, not only what was taken.
SEEN_TOGETHER, SEEN_THEN_TAKEN = "seen_together", "seen_then_taken"


@dataclass(frozen=True, eq=False)
class EvidenceModels:
    """Evidence from the log; a run without any is a run on texts alone.

    Attributes:
        item_weights: item-to-item weights by name; ``closed_form`` is the leading one.
        sequences: sequence towers by name.
        last: past items that item-to-item weights and text matches read.
        known: items with events when this was fitted, bool [n]; what the others have is lent
            (`with_lent`). None in a run that tells no difference.
        words: what made the weights ``co_taken_by_text``, for items that come later; None in a run
            without them.
        rejections: whether the log says what users rejected, so that it is evidence.
    """

    item_weights: Mapping[str, ItemWeights] = field(default_factory=dict)
    sequences: Mapping[str, SequenceTower] = field(default_factory=dict)
    last: int = LAST
    known: NDArray[np.bool_] | None = None
    words: WordsToBehaviour | None = None
    rejections: bool = False

    @property
    def reads_seen(self) -> bool:
        """Whether what users looked at is evidence."""
        return SEEN_TOGETHER in self.item_weights

    @property
    def reads_long_histories(self) -> bool:
        """Whether more is read than the moods of the last items."""
        return self.last > LAST

    def unknown(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which catalog rows are of items that nobody had taken, bool in their shape.

        Padding (-1) isn't.
        """
        if self.known is None:
            return np.zeros(rows.shape, np.bool_)
        return np.asarray(~self.known[np.maximum(rows, 0)] & (rows >= 0))

    def save(self, folder: Path) -> None:
        """Write every part, and which there are."""
        from safetensors.numpy import save_file

        folder.mkdir(parents=True, exist_ok=True)
        about = {"behaviours": list(self.item_weights), "sequences": list(self.sequences)}
        length = {"last": self.last} if self.reads_long_histories else {}
        rejections = {"rejections": True} if self.rejections else {}
        (folder / "sources.json").write_text(json.dumps(about | length | rejections, indent=2))
        for name, weights in self.item_weights.items():
            weights.save(folder / f"{name}.safetensors")
        for name, tower in self.sequences.items():
            tower.save(folder / name)
        if self.known is not None:
            save_file({"known": self.known.astype(np.uint8)}, folder / KNOWN)
        if self.words is not None:
            self.words.save(folder / WORDS)

    @classmethod
    def load(cls, folder: Path, *, n_items: int) -> EvidenceModels:
        """Return what `save` wrote.

        Raises:
            DamagedFileError: the list or a matrix is missing, or of another catalog.
        """
        about = read_json(folder / "sources.json", remedy=REMEDY)
        return cls(
            {
                name: ItemWeights.load(folder / f"{name}.safetensors", n_items=n_items)
                for name in about["behaviours"]
            },
            {name: SequenceTower.load(folder / name) for name in about["sequences"]},
            about.get("last", LAST),
            _load_known(folder / KNOWN, n_items),
            WordsToBehaviour.load(folder / WORDS, n_items=n_items),
            about.get("rejections", False),
        )


def _load_known(path: Path, n_items: int) -> NDArray[np.bool_] | None:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if not path.is_file():
        return None
    try:
        known = load_file(path)["known"]
    except (SafetensorError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise DamagedFileError(f"{path} can't be read ({reason}); {REMEDY}") from error
    if known.shape != (n_items,):
        raise DamagedFileError(f"{path} is of another catalog; {REMEDY}")
    return np.asarray(known, np.bool_)
