"""Which way popularity is learned: the logQ correction, with a strength."""

from __future__ import annotations

import torch


def expected_draws(
    popularity: torch.Tensor, in_batch: int, uniform: int, catalog_size: int
) -> torch.Tensor:
    """Return how often each item is expected among the candidates of one batch, float32 [n].

    ``popularity`` is each item's share of the training targets. A batch brings ``in_batch``
    targets (drawn by popularity) and ``uniform`` items drawn evenly; an item occupies at most
    one column, so the expectation is capped at 1.

    >>> expected_draws(torch.tensor([0.5, 0.01]), in_batch=10, uniform=20, catalog_size=100)
    tensor([1.0000, 0.3000])
    """
    return torch.clamp(popularity * in_batch + uniform / catalog_size, max=1.0)


def correct_logits(
    logits: torch.Tensor, log_draws: torch.Tensor, log_p: torch.Tensor, strength: float
) -> torch.Tensor:
    """Return the logits corrected for how the candidates were sampled, [b, c].

    ``log_draws`` [c] is the log of each candidate's expected draws, ``log_p`` [c] of its
    popularity. The result is ``logits - log_draws + (1 - strength) * log_p``, so that a model
    trained on it learns ``log p(item | user) - (1 - strength) * log p(item)``:

    * strength 1 (Yi et al., "Sampling-Bias-Corrected Neural Modeling for Large Corpus Item
      Recommendations", RecSys 2019, eq. 3) learns the most probable item, popularity included;
    * strength 0 learns relevance with popularity taken out. With in-batch candidates alone,
      which are drawn by popularity, the two terms cancel: that is the uncorrected softmax. With
      evenly drawn candidates it is logit adjustment (Menon et al., ICLR 2021, eq. 10).

    >>> in_batch = torch.tensor([[2.0, 2.0]])
    >>> log_p = torch.log(torch.tensor([0.9, 0.1]))
    >>> correct_logits(in_batch, log_p, log_p, strength=0.0)
    tensor([[2., 2.]])
    >>> correct_logits(in_batch, log_p, log_p, strength=1.0).round(decimals=2)
    tensor([[2.1100, 4.3000]])
    """
    return logits - log_draws + (1.0 - strength) * log_p
