"""The second user tower: the history as one text, newest item first, through a text encoder."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.tokens import pad_tokens, special_tokens
from longtail.retrieval.towers.user_tower import ItemSource, UserTower


@dataclass(frozen=True)
class TextUserTowerShape:
    """How much the tower reads, and whether its encoder is the item tower's own."""

    dim: int
    max_history: int = 8
    max_tokens: int = 256
    shared_weights: bool = True


class TextUserTower(UserTower):
    """The last items' texts joined, encoded, pooled, and mapped by the tower's own linear layer.

    With shared weights the encoder is the item tower's (one set of weights, two readings);
    otherwise it is a copy that trains on its own.
    """

    kind: ClassVar[str] = "text"
    reads_tokens = True

    def __init__(self, shape: TextUserTowerShape, item_tower: ItemTower) -> None:
        super().__init__()
        self.shape = shape
        self.max_history = shape.max_history
        # In a list, so that shared weights are not registered (trained, saved) a second time.
        self._reader = [item_tower]
        self.own_reader = None if shape.shared_weights else copy.deepcopy(item_tower)
        self.linear = copy.deepcopy(item_tower.dense.linear)
        self._starts = special_tokens(item_tower.tokenizer)[0] > 0

    @property
    def reader(self) -> ItemTower:
        """The tower whose encoder and pooling read the history."""
        return self._reader[0] if self.own_reader is None else self.own_reader

    def train(self, mode: bool = True) -> TextUserTower:
        """Set the mode of the tower and of the encoder it reads with, shared or own."""
        super().train(mode)
        # Shared weights are not among the registered modules, and dropout must not stay on.
        self.reader.train(mode)
        return self

    def _has_dropout(self) -> bool:
        return self.training or self.reader.training

    def forward(self, rows: torch.Tensor, source: ItemSource) -> torch.Tensor:
        if source.tokens is None:
            raise ValueError("the text user tower reads tokens, and the source has none")
        newest_first = rows.cpu().numpy()
        texts = [
            source.tokens.joined(
                history[history >= 0][: self.max_history].astype(np.int64),
                self.shape.max_tokens,
                starts=self._starts,
            )
            for history in newest_first
        ]
        if source.pool_texts is None:
            device = self.linear.weight.device
            ids, mask = pad_tokens(texts, source.tokens.pad_id)
            pooled = self.reader.pool(ids.to(device), mask.to(device))
        else:
            pooled = source.pool_texts(self.reader, texts)
        filled = (rows >= 0).any(1, keepdim=True)
        return nn.functional.normalize(self.linear(pooled), dim=-1) * filled

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(
            json.dumps({"kind": self.kind, "shape": asdict(self.shape)}, indent=2)
        )
        state = {k: v.detach().cpu().contiguous() for k, v in self.linear.state_dict().items()}
        save_file(state, folder / "linear.safetensors")
        if self.own_reader is not None:
            self.own_reader.save(folder / "encoder")

    @classmethod
    def load(cls, folder: Path, item_tower: ItemTower) -> TextUserTower:
        """Return a tower that `save` wrote; shared weights come from the item tower."""
        config = json.loads((folder / "config.json").read_text())
        tower = cls(TextUserTowerShape(**config["shape"]), item_tower)
        tower.linear.load_state_dict(load_file(folder / "linear.safetensors"))
        if tower.own_reader is not None:
            tower.own_reader = ItemTower.load(folder / "encoder")
        return tower


def load_user_tower(folder: Path, item_tower: ItemTower) -> UserTower:
    """Return whichever user tower the folder holds."""
    from longtail.retrieval.towers.vector_user_tower import VectorUserTower

    kind = json.loads((folder / "config.json").read_text())["kind"]
    if kind == TextUserTower.kind:
        return TextUserTower.load(folder, item_tower)
    return VectorUserTower.load(folder)
