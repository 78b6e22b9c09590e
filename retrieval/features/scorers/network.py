"""A small network on the evidence; without hidden layers it is a fixed mixture."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import nn

from longtail.retrieval.towers.layers.stored_shapes import check_stored_shapes

KNOTS = 33


@dataclass(frozen=True)
class NetworkShape:
    """Sizes of the network: evidence columns, and hidden layers (none: a fixed mixture)."""

    columns: int
    hidden: tuple[int, ...] = (64, 32)
    dropout: float = 0.1


class Network(nn.Module):
    """Log-odds from ranks and standard scores of the evidence.

    Evidence of this kind has long tails and steps at zero: each column enters twice, as its
    standard score (clipped) and as its place among the training pairs' quantiles, in [-1, 1].
    A linear path is what a logistic regression would find; the hidden layers start silent and
    add to it. The mixture has the standard scores alone: one fixed weight a column.
    """

    kind: ClassVar[str] = "network"
    mean: torch.Tensor
    deviation: torch.Tensor
    quantiles: torch.Tensor

    def __init__(self, shape: NetworkShape) -> None:
        super().__init__()
        self.shape = shape
        columns = shape.columns
        self.straight = nn.Linear(columns, 1)
        nn.init.zeros_(self.straight.weight)
        nn.init.zeros_(self.straight.bias)
        sizes = [2 * columns, *shape.hidden]
        layers: list[nn.Module] = []
        for width, after in pairwise(sizes):
            layers += [nn.Linear(width, after), nn.GELU(), nn.Dropout(shape.dropout)]
        if shape.hidden:
            last = nn.Linear(shape.hidden[-1], 1)
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
            layers.append(last)
        self.layers = nn.Sequential(*layers)
        self.register_buffer("mean", torch.zeros(columns))
        self.register_buffer("deviation", torch.ones(columns))
        self.register_buffer("quantiles", torch.zeros(columns, KNOTS))

    def look_at(self, evidence: NDArray[np.float32]) -> None:
        """Take means, deviations and quantiles from training pairs [p, f]."""
        self.mean.copy_(torch.from_numpy(evidence.mean(0)))
        self.deviation.copy_(torch.from_numpy(np.maximum(evidence.std(0), 1e-6)))
        knots = np.quantile(evidence, np.linspace(0, 1, KNOTS), axis=0).T
        self.quantiles.copy_(torch.from_numpy(np.ascontiguousarray(knots, np.float32)))

    def forward(self, evidence: torch.Tensor) -> torch.Tensor:
        """Return raw log-odds [p] of evidence [p, f]."""
        standard = ((evidence - self.mean) / self.deviation).clamp(-8, 8)
        logits: torch.Tensor = self.straight(standard)[:, 0]
        if not self.shape.hidden:
            return logits
        columns = evidence.T.contiguous()
        # The middle of the knots that tie, so that a step stays where it was.
        below = torch.searchsorted(self.quantiles, columns)
        through = torch.searchsorted(self.quantiles, columns, right=True)
        place = ((below + through).float() / KNOTS - 1.0).T
        extra: torch.Tensor = self.layers(torch.cat([standard, place], dim=1))[:, 0]
        return logits + extra

    @property
    def columns(self) -> int:
        """Columns of the evidence that it reads."""
        return self.shape.columns

    @torch.no_grad()
    def logits(self, evidence: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return raw log-odds [p] of evidence [p, f]."""
        self.eval()
        return np.asarray(self(torch.from_numpy(evidence)).numpy(), np.float32)

    def save(self, folder: Path) -> None:
        """Write weights (safetensors) and sizes (JSON)."""
        (folder / "network.json").write_text(json.dumps(asdict(self.shape), indent=2))
        state = {k: v.detach().cpu().contiguous() for k, v in self.state_dict().items()}
        save_file(state, folder / "network.safetensors")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return a network that `save` wrote."""
        shape = json.loads((folder / "network.json").read_text())
        sizes = NetworkShape(shape["columns"], tuple(shape["hidden"]), shape["dropout"])
        check_stored_shapes(lambda: cls(sizes), folder / "network.safetensors")
        network = cls(sizes)
        network.load_state_dict(load_file(folder / "network.safetensors"))
        network.requires_grad_(False)
        return network.eval()
