"""Softmax cross-entropy over a sample of the catalog."""

from __future__ import annotations

import torch
from torch import nn


def sampled_softmax(logits: torch.Tensor, target_column: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy of each row's target against the sampled candidates.

    ``logits`` [b, c] may hold -inf for masked candidates; ``target_column`` int64 [b]. With
    in-batch candidates this is the InfoNCE loss (van den Oord et al., 2018, eq. 4).

    >>> sampled_softmax(torch.tensor([[0.0, 0.0]]), torch.tensor([0])).item() # log 2
    0.6931471824645996
    """
    return nn.functional.cross_entropy(logits, target_column)
