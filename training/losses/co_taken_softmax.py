"""Each text tells all its co-takers at once, by softmax over the catalog."""

from __future__ import annotations

import torch

from longtail.training.co_taken.co_taken_rows import CoTakenTargets


def co_taken_softmax(
    fresh: torch.Tensor,
    rows: torch.Tensor,
    bank: torch.Tensor,
    targets: CoTakenTargets,
    scale: torch.Tensor,
    bias: torch.Tensor,
) -> torch.Tensor:
    """Return the cross-entropy between each text's co-takers and its softmax, a scalar.

    The catalog's other vectors come from the bank, without a gradient; the step's own texts are
    candidates as they are now, with one (the decoupled softmax over all labels of Gupta et al.,
    "Dual-Encoders for Extreme Multi-Label Classification", ICLR 2024, with a memory of the
    labels). A text is no candidate of its own.

    Args:
        fresh: unit vectors of the step's distinct texts, float32 [b, d].
        rows: their catalog rows, int64 [b].
        bank: unit vectors of all items, float32 [n, d].
        targets: what the texts are to tell.
        scale: one over the temperature, a scalar.
        bias: added to the logits, float32 [n]; -inf for what is no candidate.
    """
    cosines = (fresh @ bank.T).index_copy(1, rows, fresh @ fresh.T)
    logits = cosines * scale + bias
    own = torch.zeros_like(logits, dtype=torch.bool)
    own[torch.arange(len(rows), device=rows.device), rows] = True
    logits = logits.masked_fill(own, -torch.inf)
    told = logits[targets.place, targets.item] * targets.share
    right = torch.zeros_like(targets.weight).index_add(0, targets.place, told)
    return ((logits.logsumexp(1) - right) * targets.weight).sum()
