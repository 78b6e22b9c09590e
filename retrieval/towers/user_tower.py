"""The user-history tower's interface: histories in, unit vectors out."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.tokens import TokenTable


@dataclass(frozen=True)
class ItemSource:
    """What a user tower may read about n items.

    Attributes:
        vectors: item vectors, float32 [n, dim].
        rows: their catalog rows, int64 [n].
        tokens: their token ids, n texts; None where the tower reads vectors only.
        pool_texts: how a tower should have token sequences read, float32 [n, dim] from an item
            tower and n sequences; None: all in one pass.
    """

    vectors: torch.Tensor
    rows: torch.Tensor
    tokens: TokenTable | None = None
    pool_texts: Callable[[ItemTower, Sequence[NDArray[np.int32]]], torch.Tensor] | None = None

    def among(self, positions: NDArray[np.int64]) -> tuple[torch.Tensor, ItemSource]:
        """Return the positions among the items that they name alone, and a source of these.

        Padding (-1) stays. What a tower does for every item of its source is done for few.
        """
        distinct, places = np.unique(positions, return_inverse=True)
        padded = int(len(distinct) > 0 and distinct[0] < 0)
        named = torch.from_numpy(distinct[padded:]).to(self.vectors.device)
        tokens = None if self.tokens is None else self.tokens.take(distinct[padded:])
        here = ItemSource(self.vectors[named], self.rows[named], tokens)
        places = places.reshape(positions.shape) - padded
        return torch.from_numpy(places).to(self.vectors.device), here


class UserTower(nn.Module, abc.ABC):
    """Turns past items into a unit vector in the item tower's space."""

    max_history: int
    reads_tokens: bool

    @abc.abstractmethod
    def forward(self, rows: torch.Tensor, source: ItemSource) -> torch.Tensor:
        """Return unit user vectors, [b, dim].

        ``rows`` are positions in ``source``, int64 [b, length], newest first, padded with -1.
        A history that is empty gives the zero vector: it prefers nothing.
        """

    @abc.abstractmethod
    def save(self, folder: Path) -> None:
        """Write weights (safetensors) and settings (JSON)."""

    @torch.inference_mode()
    def encode(
        self, histories: Histories, source: ItemSource, *, batch_size: int = 512
    ) -> NDArray[np.float32]:
        """Return the unit vectors of histories, float32 [n, dim]; zero rows for empty ones.

        Histories of like length share a batch, so that little of it is padding.
        """
        was_training = self.training
        if self._has_dropout():  # asking first: switching takes as long as a layer
            self.eval()
        rows, lengths = histories.last(self.max_history)
        order = np.argsort(-lengths, kind="stable")
        order = order[lengths[order] > 0]
        out = np.zeros((len(histories), source.vectors.shape[1]), np.float32)
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            places, here = source.among(rows[batch, : lengths[batch[0]]].astype(np.int64))
            out[batch] = self(places, here).float().cpu().numpy()
        if was_training:
            self.train()
        return out

    def _has_dropout(self) -> bool:
        """Whether some of what reads is in training mode."""
        return self.training
