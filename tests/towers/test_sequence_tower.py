"""The sequence tower: no look ahead, no company, a planted order, and the same when stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.towers.sequence_tower import SequenceTower, SequenceTowerShape, oldest_first
from longtail.training.evidence.fit_sequence_tower import fit_sequence_tower
from longtail.training.evidence.sequence_settings import SequenceSettings

N_ITEMS, TEXT_DIM = 12, 6
TEXTS = np.random.default_rng(0).normal(size=(N_ITEMS, TEXT_DIM)).astype(np.float32)
TEXTS /= np.linalg.norm(TEXTS, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def tower() -> SequenceTower:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        shape = SequenceTowerShape(N_ITEMS, TEXT_DIM, dim=8, layers=2, max_history=5)
        return SequenceTower(shape).requires_grad_(False).eval()


@pytest.fixture(scope="module")
def items(tower: SequenceTower) -> torch.Tensor:
    return tower.item_vectors(torch.from_numpy(TEXTS), torch.arange(N_ITEMS))


class TestTower:
    def test_items_and_expectations_have_unit_length(
        self, tower: SequenceTower, items: torch.Tensor
    ) -> None:
        assert items.norm(dim=1).numpy() == pytest.approx(1, abs=1e-5)
        found = tower.encode(Histories.from_lists([[1], [2, 3]]), items)
        assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)

    def test_later_items_do_not_change_what_was_expected_before(
        self, tower: SequenceTower, items: torch.Tensor
    ) -> None:
        one = tower(torch.tensor([[3, 1, 4, 7, 5]]), items)
        other = tower(torch.tensor([[3, 1, 4, 0, 2]]), items)
        assert one[0, :3].numpy() == pytest.approx(other[0, :3].numpy(), abs=1e-5)
        assert (one[0, 3:] - other[0, 3:]).abs().max() > 1e-3

    def test_padding_changes_nothing(self, tower: SequenceTower, items: torch.Tensor) -> None:
        short = tower(torch.tensor([[3, 1]]), items)
        padded = tower(torch.tensor([[3, 1, -1, -1]]), items)
        assert padded[0, :2].numpy() == pytest.approx(short[0].numpy(), abs=1e-5)

    @settings(max_examples=20)
    @given(st.lists(st.lists(st.integers(0, N_ITEMS - 1), max_size=8), max_size=7), st.randoms())
    def test_company_and_its_order_change_nothing(
        self, tower: SequenceTower, items: torch.Tensor, lists: list[list[int]], chance: object
    ) -> None:
        together = tower.encode(Histories.from_lists(lists), items)
        order = list(range(len(lists)))
        chance.shuffle(order)  # type: ignore[attr-defined]
        shuffled = tower.encode(Histories.from_lists([lists[i] for i in order]), items)
        assert shuffled == pytest.approx(together[order], abs=1e-5)

    def test_encode_is_the_last_place_of_forward(
        self, tower: SequenceTower, items: torch.Tensor
    ) -> None:
        found = tower.encode(Histories.from_lists([[9, 8, 3, 1, 4, 7, 5], []]), items)
        expected = tower(torch.tensor([[3, 1, 4, 7, 5]]), items)[0, -1]
        assert found[0] == pytest.approx(expected.numpy(), abs=1e-5)
        assert not found[1].any()

    def test_a_stored_tower_says_the_same(
        self, tower: SequenceTower, items: torch.Tensor, tmp_path: Path
    ) -> None:
        tower.save(tmp_path / "tower")
        again = SequenceTower.load(tmp_path / "tower")
        assert again.shape == tower.shape
        histories = Histories.from_lists([[1, 2], [3]])
        assert again.encode(histories, items).tobytes() == tower.encode(histories, items).tobytes()
        names = sorted(path.name for path in (tmp_path / "tower").iterdir())
        assert names == ["config.json", "model.safetensors"]

    @given(st.lists(st.lists(st.integers(0, 9), max_size=6), min_size=1, max_size=5))
    def test_turning_round_keeps_the_padding_at_the_end(self, lists: list[list[int]]) -> None:
        found = oldest_first(*Histories.from_lists(lists).last(4))
        for line, items in zip(found.tolist(), lists, strict=True):
            kept = items[-4:]
            assert line == kept + [-1] * (4 - len(kept))


SETTINGS = SequenceSettings(
    dim=16, layers=1, dropout=0.0, max_history=4, epochs=30, events_per_batch=100,
    learning_rate=0.01, patience=30,
)  # fmt: skip
COUNTS = np.full(N_ITEMS, 20)


def cycles(n: int = 80, seed: int = 1) -> Histories:
    """Return users who go round: after item i comes i + 1."""
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, N_ITEMS, n)
    return Histories.from_lists(
        [[(s + i) % N_ITEMS for i in range(rng.integers(2, 7))] for s in starts]
    )


class TestFitting:
    @pytest.mark.parametrize("negatives", [6_000, 8], ids=["whole catalog", "sampled"])
    def test_it_learns_what_comes_next(self, negatives: int) -> None:
        chosen = SETTINGS.changed(negatives=negatives)
        tower, report = fit_sequence_tower(
            cycles(), TEXTS, COUNTS, chosen, popularity_strength=0.0, seed=0
        )
        items = tower.item_vectors(torch.from_numpy(TEXTS), torch.arange(N_ITEMS)).numpy()
        expected = tower.encode(cycles(30, seed=2), torch.from_numpy(items))
        best = (expected @ items.T).argmax(axis=1)
        known = cycles(30, seed=2)
        wanted = [(int(known[i][-1]) + 1) % N_ITEMS for i in range(30)]
        assert np.mean(best == wanted) > 0.9
        losses = report["held_out_losses"]
        assert min(losses) < losses[0]

    def test_the_same_seed_gives_the_same_tower(self) -> None:
        chosen = SETTINGS.changed(epochs=2, dropout=0.2)
        first, again = (
            fit_sequence_tower(cycles(), TEXTS, COUNTS, chosen, popularity_strength=1.0, seed=3)[0]
            for _ in range(2)
        )
        weights = first.state_dict()
        assert all(weight.equal(weights[name]) for name, weight in again.state_dict().items())

    def test_too_few_users_to_watch_still_give_a_tower(self) -> None:
        chosen = SETTINGS.changed(epochs=2)
        for lists in ([[0, 1], [1, 2, 3]], [[0], []]):
            tower, report = fit_sequence_tower(
                Histories.from_lists(lists), TEXTS, COUNTS, chosen, popularity_strength=0.0, seed=0
            )
            assert report["held_out_losses"] == []
            assert all(weight.isfinite().all() for weight in tower.state_dict().values())

    def test_with_popularity_added_in_training_the_tower_says_less_of_it(self) -> None:
        rng = np.random.default_rng(0)
        share = np.array([0.5, *([0.5 / (N_ITEMS - 1)] * (N_ITEMS - 1))])
        lists = [rng.choice(N_ITEMS, 4, p=share).tolist() for _ in range(120)]
        histories = Histories.from_lists(lists)
        counts = np.bincount(histories.items, minlength=N_ITEMS)
        chosen = SETTINGS.changed(epochs=10)
        share_of_first = []
        for strength in (0.0, 1.0):
            tower, _ = fit_sequence_tower(
                histories, TEXTS, counts, chosen, popularity_strength=strength, seed=0
            )
            items = tower.item_vectors(torch.from_numpy(TEXTS), torch.arange(N_ITEMS))
            cosines = tower.encode(histories, items) @ items.numpy().T
            share_of_first.append((cosines[:, 0] - cosines[:, 1:].mean(axis=1)).mean())
        assert share_of_first[1] < share_of_first[0] - 0.1
