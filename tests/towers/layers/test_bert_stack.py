"""The user tower's BERT stack in few calls: what the modules themselves give."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.towers.layers.bert_stack import bert_states
from longtail.retrieval.towers.user_tower import ItemSource
from longtail.retrieval.towers.vector_user_tower import VectorUserTower, VectorUserTowerShape


@pytest.fixture
def tower() -> VectorUserTower:
    torch.manual_seed(3)
    shape = VectorUserTowerShape(24, items=40, max_history=30, layers=3, hidden=32, heads=4)
    made = VectorUserTower(shape).eval()
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            # Biases start at zero and norms at one: they would hide each other.
            parameter.add_(torch.randn_like(parameter) * (0.3 if "bert" in name else 0.1))
    return made


@pytest.mark.parametrize("lengths", [[1], [30], [7, 7], [9, 4, 1]])
def test_the_states_are_those_of_the_modules(tower: VectorUserTower, lengths: list[int]) -> None:
    attended = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    entered = torch.randn(len(lengths), max(lengths), 32)
    with torch.inference_mode():
        found = bert_states(tower.bert, entered, attended)
        expected = tower.bert(inputs_embeds=entered, attention_mask=attended.long())
    there = attended[..., None]
    torch.testing.assert_close(
        found * there, expected.last_hidden_state * there, atol=1e-5, rtol=1e-5
    )


def test_users_are_read_as_they_were_trained(tower: VectorUserTower) -> None:
    """Without dropout, training mode is the modules' way, and reading is the short one."""
    for part in tower.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    rng = np.random.default_rng(0)
    histories = Histories.from_lists([rng.integers(0, 40, n).tolist() for n in (1, 5, 0, 30)])
    items = torch.nn.functional.normalize(torch.randn(40, 24), dim=-1)
    source = ItemSource(items, torch.arange(40))
    found = tower.encode(histories, source)
    rows, _ = histories.last(30)
    with torch.no_grad():
        trained = tower.train()(torch.from_numpy(rows).long(), source)
    assert found == pytest.approx(trained.numpy(), abs=1e-5)


def test_gradients_of_a_tower_that_is_read_are_those_of_the_modules(tower: VectorUserTower) -> None:
    entered = torch.randn(2, 5, 32)
    attended = torch.arange(5) < torch.tensor([5, 3])[:, None]
    weight = tower.bert.encoder.layer[0].attention.self.query.weight

    def gradient(states: torch.Tensor) -> torch.Tensor:
        (found,) = torch.autograd.grad((states * attended[..., None]).square().sum(), weight)
        return found

    modules = tower.bert(inputs_embeds=entered, attention_mask=attended.long())
    torch.testing.assert_close(
        gradient(bert_states(tower.bert, entered, attended)),
        gradient(modules.last_hidden_state),
        atol=1e-3,
        rtol=1e-4,
    )
