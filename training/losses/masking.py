"""Candidates that would be wrong as negatives: the target once more, and other things taken."""

from __future__ import annotations

import torch


def mask_accidental_hits(
    logits: torch.Tensor,
    candidates: torch.Tensor,
    target_column: torch.Tensor,
) -> torch.Tensor:
    """Return the logits with every second copy of a row's target set to -inf.

    ``logits`` [b, c]; ``candidates`` int64 [c] are item numbers; the column in
    ``target_column`` int64 [b] keeps its logit.

    >>> mask_accidental_hits(torch.zeros(1, 3), torch.tensor([7, 4, 7]), torch.tensor([0]))
    tensor([[0., 0., -inf]])
    """
    hits = candidates[None, :] == candidates[target_column][:, None]
    hits.scatter_(1, target_column[:, None], False)
    return logits.masked_fill(hits, float("-inf"))


def mask_other_positives(
    logits: torch.Tensor, taken: torch.Tensor, target_column: torch.Tensor
) -> torch.Tensor:
    """Return the logits with the user's other taken items set to -inf.

    ``taken`` bool [b, c] says which candidates the row's user took at any time in the
    training part; the target's own column keeps its logit. What a user took is no evidence
    that they don't want it.

    >>> taken = torch.tensor([[True, True, False]])
    >>> mask_other_positives(torch.zeros(1, 3), taken, torch.tensor([0]))
    tensor([[0., -inf, 0.]])
    """
    masked = taken.clone()
    masked.scatter_(1, target_column[:, None], False)
    return logits.masked_fill(masked, float("-inf"))
