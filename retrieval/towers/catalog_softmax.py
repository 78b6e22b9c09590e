"""Softmax cross-entropy over a catalog, without the logits of all its items in memory.

It lies here and not with the losses of `training` because a baseline learns by it too.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# Logits held at once: on a processor they stay in its cache between the steps.
CPU_LOGITS = 1 << 20
GPU_LOGITS = 1 << 26


def catalog_softmax(
    states: Tensor, items: Tensor, answer: Tensor, bias: Tensor | None = None
) -> Tensor:
    """Return the mean of ``-log softmax(states @ items.T + bias)[answer]``, a scalar.

    What `torch.nn.functional.cross_entropy` gives for these logits, and the same gradients. The
    logits are made some rows at a time, and what of them goes into the gradients is taken while
    they are at hand (Hsu et al., "Liger Kernel: Efficient Triton Kernels for LLM Training", 2024,
    section 3.2: fused linear cross-entropy).

    Args:
        states: float32 [p, d].
        items: float32 [n, d].
        answer: int64 [p], the row of each state's item.
        bias: float32 [n]; it gets no gradient.

    >>> catalog_softmax(torch.zeros(1, 3), torch.ones(2, 3), torch.tensor([1])).item() # log 2
    0.6931471824645996
    """
    if bias is None:
        bias = items.new_zeros(len(items))
    given = states, items, answer, bias, torch.is_grad_enabled()
    loss: Tensor = _CatalogSoftmax.apply(*given)  # type: ignore[no-untyped-call]
    return loss


class _CatalogSoftmax(torch.autograd.Function):
    """Works the gradients out with the loss, so that no logit has to be kept."""

    @staticmethod
    def forward(
        ctx: Any, states: Tensor, items: Tensor, answer: Tensor, bias: Tensor, learning: bool
    ) -> Tensor:
        limit = GPU_LOGITS if states.is_cuda else CPU_LOGITS
        at_once = max(1, limit // len(items))
        of_states, of_items = torch.empty_like(states), torch.zeros_like(items)
        each = 1.0 / max(len(states), 1)
        total = states.new_zeros(())
        for start in range(0, len(states), at_once):
            here = slice(start, start + at_once)
            part, column = states[here], answer[here, None]
            logits = torch.addmm(bias, part, items.T)
            right, top = logits.gather(1, column), logits.amax(1, keepdim=True)
            chances = logits.sub_(top).exp_()
            sums = chances.sum(1, keepdim=True)
            total += (sums.log() + top - right).sum()
            if learning:
                pull = chances.mul_(each / sums)
                pull.scatter_add_(1, column, pull.new_full(column.shape, -each))
                torch.mm(pull, items, out=of_states[here])
                of_items.addmm_(pull.T, part)
        if learning:
            ctx.save_for_backward(of_states, of_items)
        return total * each

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, given: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        of_states, of_items = ctx.saved_tensors
        return of_states * given, of_items * given, None, None, None
