"""Dropout by bytes keeps the share and the mean that it should, and repeats."""

from __future__ import annotations

import pytest
import torch

from longtail.retrieval.towers.layers.byte_dropout import ByteDropout


def test_the_greatest_share_leaves_something() -> None:
    torch.manual_seed(0)
    found = ByteDropout(0.999)(torch.ones(100, 100))
    assert 0 < int((found > 0).sum()) < 100


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.9])
def test_a_share_is_dropped_and_the_mean_stays(p: float) -> None:
    torch.manual_seed(0)
    found = ByteDropout(p)(torch.ones(501, 401))
    dropped = round(256 * p) / 256
    assert float((found == 0).float().mean()) == pytest.approx(dropped, abs=0.004)
    assert float(found.mean()) == pytest.approx(1.0, abs=0.02)
    assert found.unique().numel() == 2
    # Evenly over lines and columns, and not the same for neighbours.
    zero = (found == 0).float()
    assert float((zero.mean(0) - dropped).abs().max()) < 0.15
    assert float((zero.mean(1) - dropped).abs().max()) < 0.15
    both = float((zero[:, 1:] * zero[:, :-1]).mean())
    assert both == pytest.approx(dropped**2, abs=0.01)


def test_gradients_go_where_the_numbers_went() -> None:
    given = torch.full((7, 3), 2.0, requires_grad=True)
    found = ByteDropout(0.5)(given)
    found.sum().backward()
    assert given.grad is not None
    torch.testing.assert_close(given.grad * 2.0, found)


def test_a_seed_gives_one_mask_and_the_next_draw_another() -> None:
    drop, given = ByteDropout(0.3), torch.ones(5, 31)
    torch.manual_seed(3)
    first, second = drop(given), drop(given)
    torch.manual_seed(3)
    assert torch.equal(drop(given), first)
    assert not torch.equal(first, second)


def test_nothing_is_dropped_unless_it_trains() -> None:
    given = torch.ones(4, 4)
    assert ByteDropout(0.0)(given) is given
    assert ByteDropout(0.5).eval()(given) is given


@pytest.mark.parametrize("p", [-0.1, -0.001, 1.0, 2.0])
def test_other_shares_are_refused(p: float) -> None:
    with pytest.raises(ValueError, match=r"give one in \[0, 1\)"):
        ByteDropout(p)
