"""The binary relevance head: the probability that this user takes this candidate."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import nn

from retrieval.evidence import Evidence, feature_names


@dataclass(frozen=True)
class RelevanceHeadShape:
    """Sizes of the head; ``counts`` says whether it may see training counts."""

    dim: int
    counts: bool
    projection: int = 16
    hidden: int = 64
    dropout: float = 0.1


class RelevanceHead(nn.Module):
    """A small network on scalar evidence, both vectors, and their product.

    Its probabilities refer to the candidates that retrieval hands over: of pairs it gives
    0.1, one in ten was taken. ``calibration`` (Platt, "Probabilistic Outputs for Support
    Vector Machines", 1999) maps the raw logit to that: ``scale * logit + shift``.
    """

    mean: torch.Tensor
    deviation: torch.Tensor
    calibration: torch.Tensor

    def __init__(self, shape: RelevanceHeadShape) -> None:
        super().__init__()
        self.shape = shape
        n_scalars = len(feature_names(counts=shape.counts))
        self.user_projection = nn.Linear(shape.dim, shape.projection)
        self.item_projection = nn.Linear(shape.dim, shape.projection)
        self.product_projection = nn.Linear(shape.dim, shape.projection)
        last = nn.Linear(shape.hidden, 1)
        self.network = nn.Sequential(
            nn.Linear(n_scalars + 3 * shape.projection, shape.hidden),
            nn.GELU(),
            nn.Dropout(shape.dropout),
            last,
        )
        # The straight path: what a logistic regression would find, found at once. The network
        # starts silent and adds to it.
        self.straight = nn.Linear(n_scalars, 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.register_buffer("mean", torch.zeros(n_scalars))
        self.register_buffer("deviation", torch.ones(n_scalars))
        self.register_buffer("calibration", torch.tensor([1.0, 0.0]))

    def forward(self, evidence: Evidence) -> torch.Tensor:
        """Return raw logits, [m, c]."""
        scalars = (evidence.scalars - self.mean) / self.deviation
        shape = evidence.items.shape[:2]
        user = self.user_projection(evidence.users)[:, None, :].expand(*shape, -1)
        item = self.item_projection(evidence.items)
        product = self.product_projection(evidence.users[:, None, :] * evidence.items)
        joined = torch.cat([scalars, user, item, product], dim=-1)
        logits: torch.Tensor = self.network(joined) + self.straight(scalars)
        return logits[..., 0]

    @torch.no_grad()
    def probability(self, evidence: Evidence) -> NDArray[np.float32]:
        """Return calibrated probabilities, float32 [m, c]."""
        self.eval()
        logits = self.calibration[0] * self(evidence) + self.calibration[1]
        return np.asarray(torch.sigmoid(logits).numpy(), dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Write weights (safetensors) and sizes (JSON)."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(asdict(self.shape), indent=2))
        state = {k: v.detach().cpu().contiguous() for k, v in self.state_dict().items()}
        save_file(state, folder / "model.safetensors")

    @classmethod
    def load(cls, folder: Path) -> RelevanceHead:
        """Return a head that `save` wrote."""
        head = cls(RelevanceHeadShape(**json.loads((folder / "config.json").read_text())))
        head.load_state_dict(load_file(folder / "model.safetensors"))
        head.eval()
        return head
