"""The user towers: content-kNN before training, one interface, and back as they were saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text_user_tower import (
    TextUserTower,
    TextUserTowerShape,
    load_user_tower,
)
from longtail.retrieval.towers.user_tower import ItemSource, UserTower
from longtail.retrieval.towers.vector_user_tower import VectorUserTower, VectorUserTowerShape
from longtail.retrieval.towers.whitening import unit_rows


@pytest.fixture
def source(item_tower: ItemTower, catalog: Catalog) -> ItemSource:
    """The toy shop as a user tower may read it: vectors, rows and tokens."""
    tokens = item_tower.tokenise(catalog.texts())
    vectors = torch.from_numpy(item_tower.encode(catalog.texts()))
    return ItemSource(vectors, torch.arange(len(vectors)), tokens)


def user_tower(kind: str, item_tower: ItemTower) -> UserTower:
    """Return a tower whose every part has something to say."""
    torch.manual_seed(7)
    if kind.startswith("text"):
        shape = TextUserTowerShape(
            32, max_history=4, max_tokens=50, shared_weights="own" not in kind
        )
        tower: UserTower = TextUserTower(shape, item_tower)
    else:
        tower = VectorUserTower(
            VectorUserTowerShape(
                32, items=60, max_history=6, layers=0 if kind == "sum" else 1, hidden=16, heads=2
            )
        )
        with torch.no_grad():
            tower.offsets.normal_(std=0.1)
            if kind == "vectors":
                tower.outward.weight.normal_()
    return tower.eval()


KINDS = ["vectors", "sum", "text", "text, own weights"]
HISTORIES = [[3, 17, 40], [], [59], [1, 2, 3, 4, 5, 6, 7, 8], [40, 40]]


@pytest.fixture(params=KINDS)
def tower(request: pytest.FixtureRequest, item_tower: ItemTower) -> UserTower:
    """Each kind of user tower in turn."""
    return user_tower(request.param, item_tower)


class TestUserTowers:
    def test_vectors_have_unit_length_and_an_empty_history_gives_zero(
        self, tower: UserTower, source: ItemSource
    ) -> None:
        found = tower.encode(Histories.from_lists(HISTORIES), source)
        assert np.linalg.norm(found, axis=1) == pytest.approx([1, 0, 1, 1, 1], abs=1e-5)

    def test_a_batch_gives_what_each_history_gives_alone(
        self, tower: UserTower, source: ItemSource
    ) -> None:
        together = tower.encode(Histories.from_lists(HISTORIES), source)
        alone = [tower.encode(Histories.from_lists([h]), source)[0] for h in HISTORIES]
        assert together == pytest.approx(np.stack(alone), abs=1e-5)
        in_twos = tower.encode(Histories.from_lists(HISTORIES), source, batch_size=2)
        assert in_twos == pytest.approx(together, abs=1e-5)

    def test_padding_says_nothing(self, tower: UserTower, source: ItemSource) -> None:
        history = torch.tensor([[40, 17, 3]])
        padded = torch.tensor([[40, 17, 3, -1, -1]])
        with torch.no_grad():
            assert tower(padded, source).numpy() == pytest.approx(
                tower(history, source).numpy(), abs=1e-5
            )

    def test_only_the_last_items_are_read(self, tower: UserTower, source: ItemSource) -> None:
        long = list(range(20))
        short = long[-tower.max_history :]
        found = tower.encode(Histories.from_lists([long, short]), source)
        assert found[0] == pytest.approx(found[1], abs=1e-6)

    def test_order_matters(self, tower: UserTower, source: ItemSource) -> None:
        found = tower.encode(Histories.from_lists([[3, 17, 40], [40, 17, 3]]), source)
        assert np.abs(found[0] - found[1]).max() > 1e-3

    def test_a_part_of_the_catalog_gives_what_the_whole_gives(
        self, tower: UserTower, source: ItemSource
    ) -> None:
        rows = np.array([3, 17, 40])
        assert source.tokens is not None
        part = ItemSource(source.vectors[rows], torch.from_numpy(rows), source.tokens.take(rows))
        whole = tower.encode(Histories.from_lists([[3, 17, 40]]), source)
        assert tower.encode(Histories.from_lists([[0, 1, 2]]), part) == pytest.approx(
            whole, abs=1e-5
        )

    def test_a_saved_tower_gives_the_same_vectors(
        self, tower: UserTower, source: ItemSource, item_tower: ItemTower, tmp_path: Path
    ) -> None:
        histories = Histories.from_lists(HISTORIES)
        tower.save(tmp_path / "user_tower")
        again = load_user_tower(tmp_path / "user_tower", item_tower).eval()
        assert type(again) is type(tower)
        assert (
            again.encode(histories, source).tobytes() == tower.encode(histories, source).tobytes()
        )

    def test_reading_leaves_the_mode_as_it_was(
        self, tower: UserTower, source: ItemSource, item_tower: ItemTower
    ) -> None:
        histories = Histories.from_lists(HISTORIES)
        quiet = tower.encode(histories, source)
        tower.train()
        item_tower.train()
        noisy = tower.encode(histories, source)
        assert tower.training
        assert noisy == pytest.approx(quiet, abs=1e-6), "dropout was on while reading"


class TestBeforeTraining:
    @settings(max_examples=30)
    @given(st.lists(st.lists(st.integers(0, 29), max_size=9), min_size=1, max_size=5))
    def test_the_user_tower_is_the_decayed_sum(self, histories: list[list[int]]) -> None:
        vectors = unit_rows(np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32))
        tower = VectorUserTower(
            VectorUserTowerShape(8, items=30, max_history=5, decay=0.7, hidden=8, heads=2)
        )
        source = ItemSource(torch.from_numpy(vectors), torch.arange(30))
        expected = np.zeros((len(histories), 8))
        for i, history in enumerate(histories):
            for age, row in enumerate(history[::-1][:5]):
                expected[i] += 0.7**age * vectors[row].astype(np.float64)
        expected /= np.maximum(np.linalg.norm(expected, axis=1, keepdims=True), 1e-12)
        found = tower.encode(Histories.from_lists(histories), source)
        assert found == pytest.approx(expected, abs=1e-5)

    def test_items_beyond_the_offsets_speak_by_their_text(self) -> None:
        tower = VectorUserTower(VectorUserTowerShape(8, items=2, layers=0))
        with torch.no_grad():
            tower.offsets.fill_(5.0)
        vectors = torch.eye(8)[:3]
        seen = tower.history_vectors(ItemSource(vectors, torch.tensor([0, 1, 2])))
        assert torch.equal(seen[2], vectors[2])
        assert torch.equal(seen[:2], vectors[:2] + 5.0)

    def test_each_stage_trains_its_own_part(self) -> None:
        tower = VectorUserTower(VectorUserTowerShape(8, items=4, hidden=8, heads=2))
        names = {name for name, _ in tower.named_parameters()}
        trained = {}
        for part in ("history", "encoder", "text"):
            tower.train_only(part)
            trained[part] = {n for n, p in tower.named_parameters() if p.requires_grad}
        assert trained["history"] == {"log_recency", "offsets"}
        assert trained["encoder"] == names - trained["history"]
        assert trained["text"] == names


class TestTextUserTower:
    def test_shared_weights_are_stored_once(self, item_tower: ItemTower, tmp_path: Path) -> None:
        user_tower("text", item_tower).save(tmp_path / "shared")
        user_tower("text, own weights", item_tower).save(tmp_path / "own")
        assert sorted(p.name for p in (tmp_path / "shared").iterdir()) == [
            "config.json",
            "linear.safetensors",
        ]
        assert (tmp_path / "own" / "encoder" / "modules.json").is_file()

    def test_shared_weights_follow_the_item_tower_and_own_ones_do_not(
        self, item_tower: ItemTower, source: ItemSource
    ) -> None:
        towers = [user_tower(kind, item_tower) for kind in ("text", "text, own weights")]
        histories = Histories.from_lists([[3, 17]])
        before = [tower.encode(histories, source) for tower in towers]
        with torch.no_grad():
            for parameter in item_tower.text_encoder.parameters():
                parameter.mul_(1.5)
        moved = [
            np.abs(tower.encode(histories, source) - old).max() > 1e-3
            for tower, old in zip(towers, before, strict=True)
        ]
        assert moved == [True, False]

    def test_one_item_reads_like_its_own_text(
        self, item_tower: ItemTower, source: ItemSource
    ) -> None:
        tower = user_tower("text", item_tower)
        found = tower.encode(Histories.from_lists([[17]]), source)[0]
        assert found == pytest.approx(source.vectors[17].numpy(), abs=1e-5)

    def test_it_needs_tokens(self, item_tower: ItemTower, source: ItemSource) -> None:
        blind = ItemSource(source.vectors, source.rows)
        with pytest.raises(ValueError, match="reads tokens"):
            user_tower("text", item_tower).encode(Histories.from_lists([[1]]), blind)
