"""Dropout that draws a byte a number: PyTorch's own draws are most of a small network's step."""

from __future__ import annotations

import torch
from torch import nn


class ByteDropout(nn.Module):
    """What `torch.nn.Dropout` does (Srivastava et al., JMLR 2014), p rounded to 256ths.

    On a processor PyTorch draws the numbers of a mask one after the other on one core; here one
    draw decides for four of them.

    Args:
        p: share of numbers that become zero, in [0, 1); the others grow to keep the mean.

    Raises:
        ValueError: ``p`` is another number.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"a share of {p} can't be dropped; give one in [0, 1)")
        self._dropped = min(round(256 * p), 255)

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        """Return the numbers with some of them zero while training, as they are otherwise."""
        if not self.training or not self._dropped:
            return given
        words = torch.empty(-(-given.numel() // 4), dtype=torch.int32, device=given.device)
        drawn = words.random_(-(2**31), 2**31).view(torch.uint8)[: given.numel()]
        kept = (drawn >= self._dropped).to(given.dtype).mul_(256 / (256 - self._dropped))
        return given * kept.view_as(given)

    def extra_repr(self) -> str:
        """Return what a printed module says of it."""
        return f"p={self._dropped / 256:g}"
