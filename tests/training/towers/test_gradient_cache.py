"""Passes of like length and gradient caching: the same loss and gradient with less memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from towers_in_training import USER_TOWERS, shop_in_training

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.splits import Split
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.token_batches import token_batches

EXAMPLES = list(range(0, 60, 2))


@given(st.lists(st.integers(0, 40), max_size=60), st.integers(1, 100))
def test_passes_hold_every_text_once_and_no_more_tokens_than_allowed(
    lengths: list[int], tokens_per_pass: int
) -> None:
    sizes = np.array(lengths, np.int64)
    parts = token_batches(sizes, tokens_per_pass)
    assert sorted(np.concatenate([*parts, []]).tolist()) == list(range(len(lengths)))
    for part in parts:
        assert len(part) == 1 or len(part) * max(sizes[part].max(), 1) <= tokens_per_pass
    ends = [(sizes[part].max(), sizes[part].min()) for part in parts]
    assert all(ends[i][1] >= ends[i + 1][0] for i in range(len(ends) - 1)), "lengths are mixed"


def tower(bert: Path) -> ItemTower:
    return ItemTower.from_pretrained(str(bert), max_tokens=24)


def assert_same(
    expected: tuple[float, dict[str, torch.Tensor]], found: tuple[float, dict[str, torch.Tensor]]
) -> None:
    """Two steps have the same loss and the same gradient of every parameter."""
    assert found[0] == pytest.approx(expected[0], abs=1e-6)
    assert found[1].keys() == expected[1].keys()
    for name, gradient in expected[1].items():
        assert found[1][name].numpy() == pytest.approx(gradient.numpy(), abs=1e-6), name


@pytest.mark.parametrize("user_tower", USER_TOWERS)
class TestSameLossAndGradient:
    def test_many_passes_give_what_one_gives(
        self, user_tower: str, tiny_bert: Path, catalog: Catalog, split: Split
    ) -> None:
        one, many = (
            shop_in_training(
                tower(tiny_bert), catalog, split, user_tower=user_tower, tokens_per_pass=size
            )
            for size in (100_000, 60)
        )
        assert_same(one.step(EXAMPLES), many.step(EXAMPLES))

    # With dropout: it must be the same in both runs of a pass.
    @pytest.mark.parametrize("dropout", [0.0, 0.3])
    def test_cached_gradients_are_the_uncached_ones(
        self, user_tower: str, dropout: float, tiny_bert: Path, catalog: Catalog, split: Split
    ) -> None:
        kept, cached = (
            shop_in_training(
                tower(tiny_bert),
                catalog,
                split,
                user_tower=user_tower,
                dropout=dropout,
                tokens_per_pass=60,
                gradient_cache=gradient_cache,
            )
            for gradient_cache in (False, True)
        )
        expected, found = kept.step(EXAMPLES), cached.step(EXAMPLES)
        assert any("sentence_transformer.0" in name for name in expected[1])
        assert_same(expected, found)
        if dropout:
            assert kept.step(EXAMPLES, seed=1)[0] != expected[0], "there was no dropout"


def test_a_cached_step_keeps_no_pass_for_its_gradient(
    tiny_bert: Path, catalog: Catalog, split: Split
) -> None:
    kept: dict[bool, int] = {}
    for gradient_cache in (False, True):
        shop = shop_in_training(
            tower(tiny_bert), catalog, split, tokens_per_pass=60, gradient_cache=gradient_cache
        )
        saved = 0

        def count(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal saved
            saved += tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            shop.model(**shop.collator(EXAMPLES))
        kept[gradient_cache] = saved
    # What is left are the vectors and the linear layer's part.
    assert kept[True] < kept[False] / 3


class TestFreshTexts:
    @pytest.mark.parametrize("fresh", ["targets", "candidates", "all"])
    def test_only_these_texts_are_read_in_a_step(
        self,
        fresh: str,
        tiny_bert: Path,
        catalog: Catalog,
        split: Split,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        shop = shop_in_training(tower(tiny_bert), catalog, split, fresh_texts=fresh)
        batch = shop.collator(EXAMPLES)
        candidates = batch["items"][batch["candidates"]]
        expected = {
            "targets": candidates[batch["target_column"]].unique(),
            "candidates": candidates,
            "all": batch["items"],
        }[fresh]
        read: list[int] = []
        own = shop.model.reading.items

        def items(rows: np.ndarray) -> torch.Tensor:
            read.extend(rows.tolist())
            return own(rows)

        monkeypatch.setattr(shop.model.reading, "items", items)
        loss, _ = shop.step(EXAMPLES)
        assert sorted(read) == sorted(expected.tolist())
        # The others stand in the table, which the untrained tower read: nothing differs yet.
        whole = shop_in_training(tower(tiny_bert), catalog, split)
        assert loss == pytest.approx(whole.step(EXAMPLES)[0], abs=1e-5)
