"""The softmax over a catalog is cross-entropy, block by block."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from longtail.retrieval.towers import catalog_softmax as module
from longtail.retrieval.towers.catalog_softmax import catalog_softmax


@pytest.mark.parametrize("logits_at_once", [1, 7 * 11, 1 << 20])
@pytest.mark.parametrize("with_bias", [False, True])
def test_loss_and_gradients_are_those_of_cross_entropy(
    monkeypatch: pytest.MonkeyPatch, logits_at_once: int, with_bias: bool
) -> None:
    monkeypatch.setattr(module, "CPU_LOGITS", logits_at_once)
    rng = torch.Generator().manual_seed(0)
    # Logits of some hundreds: without the greatest taken out, their exponentials overflow.
    states = torch.randn(23, 5, generator=rng) * 40
    items = torch.randn(11, 5, generator=rng)
    answer = torch.randint(11, (23,), generator=rng)
    bias = torch.randn(11, generator=rng) if with_bias else None
    ours, theirs = (
        [states.clone().requires_grad_(), items.clone().requires_grad_()] for _ in range(2)
    )
    loss = catalog_softmax(*ours, answer, bias)
    logits = theirs[0] @ theirs[1].T + (0.0 if bias is None else bias)
    expected = functional.cross_entropy(logits, answer)
    torch.testing.assert_close(loss, expected)
    # Also as a part of something else.
    (3.0 * loss).backward()
    (3.0 * expected).backward()
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, other.grad)


def test_gradients_are_those_of_the_loss_itself() -> None:
    rng = torch.Generator().manual_seed(1)
    states = torch.randn(4, 3, generator=rng, dtype=torch.float64, requires_grad=True)
    items = torch.randn(6, 3, generator=rng, dtype=torch.float64, requires_grad=True)
    answer = torch.tensor([0, 5, 5, 2])
    assert torch.autograd.gradcheck(
        lambda a, b: catalog_softmax(a, b, answer), (states, items), raise_exception=True
    )


def test_nothing_is_kept_where_nothing_learns() -> None:
    items = torch.ones(3, 2, requires_grad=True)
    with torch.no_grad():
        loss = catalog_softmax(torch.zeros(2, 2), items, torch.tensor([0, 1]))
    assert not loss.requires_grad
    assert loss.item() == pytest.approx(torch.log(torch.tensor(3.0)).item())
