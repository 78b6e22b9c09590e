"""A second user tower for the relevance head: what comes next, by text and by item."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import nn

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.towers.layers.byte_dropout import ByteDropout
from longtail.retrieval.towers.layers.packed_attention import attend
from longtail.retrieval.towers.layers.stored_shapes import check_stored_shapes


@dataclass(frozen=True)
class SequenceTowerShape:
    """Sizes of the tower.

    Attributes:
        items: catalog rows it knows.
        text_dim: length of the item tower's vectors.
        dim, layers, heads, dropout: of the Transformer.
        max_history: past items read.
    """

    items: int
    text_dim: int
    dim: int = 128
    layers: int = 2
    heads: int = 2
    dropout: float = 0.3
    max_history: int = 20


class SequenceTower(nn.Module):
    """A causal Transformer over the history, trained to name the next item.

    SASRec (Kang and McAuley, "Self-Attentive Sequential Recommendation", ICDM 2018) with
    pre-norm layers, whose item vectors are a linear map of the item's text vector plus a vector
    of the item's own; both sides have unit length and the score is their cosine. It remembers
    items, so it is weak where the log is thin: it is evidence for the head, never the index.
    """

    def __init__(self, shape: SequenceTowerShape) -> None:
        super().__init__()
        self.shape = shape
        self.from_text = nn.Linear(shape.text_dim, shape.dim, bias=False)
        self.own = nn.Embedding(shape.items, shape.dim)
        self.position = nn.Embedding(shape.max_history, shape.dim)
        layer = nn.TransformerEncoderLayer(
            shape.dim,
            shape.heads,
            2 * shape.dim,
            shape.dropout,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        for name in ("dropout", "dropout1", "dropout2"):
            setattr(layer, name, ByteDropout(shape.dropout))
        self.layers = nn.TransformerEncoder(layer, shape.layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(shape.dim)
        self.drop = ByteDropout(shape.dropout)
        self.log_scale = nn.Parameter(torch.tensor(2.5))
        nn.init.orthogonal_(self.from_text.weight)
        nn.init.normal_(self.own.weight, std=0.02)
        nn.init.normal_(self.position.weight, std=0.02)

    def item_vectors(self, texts: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """Return unit vectors of catalog rows [k], [k, dim]; ``texts`` [n, text_dim] is all."""
        vectors = self.from_text(self.drop(texts[rows])) + self.own(rows)
        return nn.functional.normalize(vectors, dim=-1)

    def forward(self, rows: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """Return what is expected after each place, unit vectors [b, length, dim].

        ``rows`` int64 [b, length], oldest first, padded with -1 at the end; ``items`` as
        `item_vectors` made them.
        """
        inside = rows >= 0
        entered = self._entered(rows, items)
        seen = self.layers(entered, mask=_later(rows), src_key_padding_mask=~inside)
        return nn.functional.normalize(self.norm(seen), dim=-1)

    @property
    def _entry_scale(self) -> float:
        # Unit vectors have entries of about 1 / sqrt(dim); layers expect larger ones.
        return float(0.5 * self.shape.dim**0.5)

    def _entered(self, rows: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        entered = items[rows.clamp(min=0)] * self._entry_scale
        entered = self.drop(entered + self.position.weight[: rows.shape[1]])
        present: torch.Tensor = entered * (rows >= 0)[..., None]
        return present

    @torch.no_grad()
    def encode(self, histories: Histories, items: torch.Tensor) -> NDArray[np.float32]:
        """Return what is expected next, float32 [m, dim]; zero rows for empty histories.

        `forward` at the last place, on the processor: histories lie one after the other without
        padding, and the last layer works out the last places only.
        """
        if self.training:  # asking first: switching takes as long as a layer
            self.eval()
        rows, lengths = histories.last(self.shape.max_history)
        out = np.zeros((len(rows), self.shape.dim), np.float32)
        some = np.flatnonzero(lengths)
        if not len(some):
            return out
        rows, lengths = oldest_first(rows[some], lengths[some]), lengths[some].astype(np.int64)
        starts = np.concatenate([[0], np.cumsum(lengths)])
        present = rows >= 0
        places = torch.from_numpy(np.nonzero(present)[1])
        entered = items[torch.from_numpy(rows[present].astype(np.int64))]
        seen = entered * self._entry_scale + self.position.weight[places]
        everywhere, ends = np.arange(len(seen)), starts[1:] - 1
        *before, last = self.layers.layers
        for layer in before:
            seen = self._layer(layer, seen, everywhere, starts)
        seen = self._layer(last, seen, ends, starts)
        out[some] = nn.functional.normalize(self.norm(seen), dim=-1).numpy()
        return out

    def _layer(
        self, layer: Any, seen: torch.Tensor, places: NDArray[np.int64], starts: NDArray[np.int64]
    ) -> torch.Tensor:
        """Return a layer's outcome at the places asked, [q, dim], of packed histories."""
        linear, attention = nn.functional.linear, layer.self_attn
        weight, bias, dim = attention.in_proj_weight, attention.in_proj_bias, self.shape.dim
        normal = layer.norm1(seen)
        if len(places) == len(seen):
            here, of_these = seen, normal
        else:
            chosen = torch.from_numpy(places)
            here, of_these = seen[chosen], normal[chosen]
        queries = linear(of_these, weight[:dim], bias[:dim])
        keys_values = linear(normal, weight[dim:], bias[dim:])
        looked = np.empty(queries.shape, np.float32)
        attend(queries.numpy(), places, keys_values.numpy(), starts, self.shape.heads, looked)
        here = here + attention.out_proj(torch.from_numpy(looked))
        inner = layer.activation(layer.linear1(layer.norm2(here)))
        outcome: torch.Tensor = here + layer.linear2(inner)
        return outcome

    def save(self, folder: Path) -> None:
        """Write weights (safetensors) and sizes (JSON)."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(asdict(self.shape), indent=2))
        state = {k: v.detach().cpu().contiguous() for k, v in self.state_dict().items()}
        save_file(state, folder / "model.safetensors")

    @classmethod
    def load(cls, folder: Path) -> SequenceTower:
        """Return a tower that `save` wrote."""
        shape = SequenceTowerShape(**json.loads((folder / "config.json").read_text()))
        check_stored_shapes(lambda: cls(shape), folder / "model.safetensors", layers=shape.layers)
        tower = cls(shape)
        tower.load_state_dict(load_file(folder / "model.safetensors"))
        return tower.requires_grad_(False).eval()


def _later(rows: torch.Tensor) -> torch.Tensor:
    """Return which places lie after which, bool [length, length]."""
    length = rows.shape[1]
    return torch.triu(torch.ones(length, length, dtype=torch.bool, device=rows.device), 1)


def oldest_first(rows: NDArray[np.int32], lengths: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return lists that are newest first the other way round, padding still at the end.

    >>> oldest_first(np.array([[7, 5, 3], [2, -1, -1]]), np.array([3, 1])).tolist()
    [[3, 5, 7], [2, -1, -1]]
    """
    place = lengths[:, None] - 1 - np.arange(rows.shape[1])
    turned = np.take_along_axis(rows, np.maximum(place, 0), axis=1)
    return np.where(place >= 0, turned, -1).astype(rows.dtype)
