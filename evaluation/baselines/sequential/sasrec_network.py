"""The causal Transformer of SASRec: from sequences of rows to one state a position."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SASRecNetwork(nn.Module):
    """Self-attention over the items so far (Kang and McAuley, 2018, section III).

    Sequences are padded on the right with ``n_items``: a causal mask alone then keeps padding
    out of every state that is read. Places are counted from the end, so that a user's newest
    item always has the same place vector. Layers normalise first, which trains more steadily.
    """

    def __init__(
        self,
        n_items: int,
        *,
        dim: int,
        layers: int,
        heads: int,
        dropout: float,
        max_history: int,
    ) -> None:
        super().__init__()
        self.n_items = n_items
        self.items = nn.Embedding(n_items + 1, dim, padding_idx=n_items)
        self.places = nn.Embedding(max_history, dim)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(_Layer(dim, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(dim)
        for weight in (self.items.weight, self.places.weight):
            nn.init.normal_(weight, std=0.02)
        with torch.no_grad():
            self.items.weight[n_items] = 0

    def forward(self, rows: Tensor, lengths: Tensor) -> Tensor:
        """Return the state after each item, float32 [m, l, d].

        ``rows`` int64 [m, l], oldest first, padded on the right; ``lengths`` int64 [m].
        """
        newest_first = lengths[:, None] - 1 - torch.arange(rows.shape[1])
        state = self.items(rows) * self.items.embedding_dim**0.5
        state = self.dropout(state + self.places(newest_first.clamp(min=0)))
        for layer in self.layers:
            state = layer(state)
        states: Tensor = self.norm(state)
        return states

    @property
    def item_vectors(self) -> Tensor:
        """The vectors that items enter and are scored by, float32 [n_items, d]."""
        return self.items.weight[: self.n_items]

    def logits(self, states: Tensor) -> Tensor:
        """Return the score of every item, float32 [p, n_items]."""
        return states @ self.item_vectors.T


class _Layer(nn.Module):
    """One block: causal self-attention, then a point-wise feed-forward network."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_feed = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.query_key_value = nn.Linear(dim, 3 * dim)
        self.output = nn.Linear(dim, dim)
        self.feed = nn.Sequential(
            nn.Linear(dim, dim), nn.GELU(), nn.Dropout(dropout), nn.Linear(dim, dim)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, state: Tensor) -> Tensor:
        m, length, dim = state.shape
        parts = self.query_key_value(self.before_attention(state))
        query, key, value = parts.view(m, length, 3, self.heads, dim // self.heads).unbind(2)
        attended = F.scaled_dot_product_attention(
            query.transpose(1, 2),
            key.transpose(1, 2),
            value.transpose(1, 2),
            dropout_p=self.dropout.p if self.training else 0.0,
            is_causal=True,
        )
        state = state + self.dropout(self.output(attended.transpose(1, 2).reshape(m, length, dim)))
        states: Tensor = state + self.dropout(self.feed(self.before_feed(state)))
        return states
