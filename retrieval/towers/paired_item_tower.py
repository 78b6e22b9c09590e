"""Two item towers over the same texts as one: the pretrained encoder beside the tuned one."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import nn

from longtail.index.files import read_json, write_json_atomically
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.prompts import Prompts

PAIR = "pair.json"
PRETRAINED = "pretrained"


class PairedItemTower(ItemTower):
    """An item tower whose vector is ``[sqrt(1 - s) pretrained ; sqrt(s) tuned]``, of unit length.

    The cosine of two such vectors is the mean of both towers' cosines, weighted with the share s
    of the tuned one. So whatever reads item vectors sees both without knowing: the index, matches
    of texts, history offsets. What tuning learned of the log lies beside what texts said before.

    Attributes:
        pretrained, tuned: towers of the same encoder, which read the same tokens.
        tuned_share: s, a scalar between 0 and 1.
    """

    tuned_share: torch.Tensor

    def __init__(self, pretrained: ItemTower, tuned: ItemTower, tuned_share: float) -> None:
        nn.Module.__init__(self)
        self.pretrained, self.tuned = pretrained, tuned
        self.max_tokens = tuned.max_tokens
        self.register_buffer("tuned_share", torch.tensor(tuned_share, dtype=torch.float32))

    @classmethod
    def load(cls, folder: Path) -> PairedItemTower:
        """Return a tower that `save` wrote."""
        pair = read_json(folder / PAIR)
        return cls(ItemTower.load(folder / PRETRAINED), ItemTower.load(folder), pair["tuned_share"])

    def save(self, folder: Path) -> None:
        """Write both: the folder itself is the tuned tower's, as sentence-transformers reads it."""
        self.tuned.save(folder)
        self.pretrained.save(folder / PRETRAINED)
        write_json_atomically(folder / PAIR, {"tuned_share": float(self.tuned_share)})

    @property
    def dim(self) -> int:
        return self.pretrained.dim + self.tuned.dim

    @property
    def dim_pooled(self) -> int:
        return self.pretrained.dim_pooled + self.tuned.dim_pooled

    @property
    def text_encoder(self) -> nn.Module:
        """Both encoders, the pretrained one first."""
        # Made for each caller: as a part of the tower it would double the names of its weights.
        return nn.ModuleList([self.pretrained.text_encoder, self.tuned.text_encoder])

    @property
    def dense(self) -> Any:
        """The linear layer of the tuned tower."""
        return self.tuned.dense

    @property
    def tokenizer(self) -> Any:
        return self.tuned.tokenizer

    @property
    def prompts(self) -> Prompts:
        return self.tuned.prompts

    def pool_with(self, encoder: Any, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the unit vectors of both towers one after the other, float32 [b, dim_pooled]."""
        first, second = encoder
        halves = (
            self.pretrained.pool_with(first, ids, mask),
            self.tuned.pool_with(second, ids, mask),
        )
        return torch.cat(halves, dim=-1)

    def project(self, pooled: torch.Tensor) -> torch.Tensor:
        first, second = torch.tensor_split(pooled, [self.pretrained.dim_pooled], dim=-1)
        share = self.tuned_share
        return torch.cat(
            [
                (1 - share).sqrt() * self.pretrained.project(first),
                share.sqrt() * self.tuned.project(second),
            ],
            dim=-1,
        )

    def text_fingerprint(self) -> str:
        """Return a sha256 over all that both towers' pooled vectors depend on."""
        parts = [tower.text_fingerprint() for tower in (self.pretrained, self.tuned)]
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def load_item_tower(folder: Path) -> ItemTower:
    """Return the tower that a run's folder holds, a pair or a single one."""
    if (folder / PAIR).is_file():
        return PairedItemTower.load(folder)
    return ItemTower.load(folder)
