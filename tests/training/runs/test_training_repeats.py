"""The same data, settings and seed make the same run, file by file; another seed doesn't."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from learned_files import learned_files
from toy_shop import settings_for

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.splits import Split
from longtail.retrieval.ranking.retriever import Retriever
from longtail.training.evidence.fit_sequence_tower import fit_sequence_tower
from longtail.training.evidence.sequence_settings import SequenceSettings
from longtail.training.repeatable import repeatable
from longtail.training.train import train_engine


@pytest.mark.parametrize("refit", [False, True])
def test_a_training_repeated_gives_the_same_bits(
    refit: bool, tiny_bert: Path, catalog: Catalog, split: Split, tmp_path: Path
) -> None:
    settings = settings_for(tiny_bert, refit=refit)
    runs = [tmp_path / "first", tmp_path / "second", tmp_path / "other"]
    for run, seed in zip(runs, (3, 3, 4), strict=True):
        # Whatever else drew numbers meanwhile has no say.
        np.random.seed(len(run.name))
        train_engine(catalog, split, settings.changed(seed=seed), run)
    first, second, other = (learned_files(run) for run in runs)
    assert first == second
    assert first != other
    answers = [Retriever.open(run).recommend(users=["ink-fan-0"], k=9) for run in runs[:2]]
    assert answers[0].equals(answers[1])


def test_several_threads_give_the_same_bits_where_batches_are_large() -> None:
    """Small batches are added up by one thread anyway; these aren't."""
    rng = np.random.default_rng(0)
    n_items = 300
    texts = rng.normal(size=(n_items, 32)).astype(np.float32)
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    lists = rng.integers(0, n_items, (600, 20)).tolist()
    settings = SequenceSettings(epochs=1, dim=64, layers=1, heads=2)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with repeatable():
            towers = [
                fit_sequence_tower(
                    Histories.from_lists(lists),
                    texts,
                    np.bincount(np.ravel(lists), minlength=n_items),
                    settings,
                    popularity_strength=0.5,
                    seed=0,
                )[0].state_dict()
                for _ in range(4)
            ]
    finally:
        torch.set_num_threads(before)
    for again in towers[1:]:
        assert all(weight.equal(again[name]) for name, weight in towers[0].items())


def test_the_engine_is_trained_that_way_and_torch_is_left_as_it_was(
    tiny_bert: Path, catalog: Catalog, split: Split, tmp_path: Path
) -> None:
    seen = set()

    def progress(step: str, done: int, total: int) -> None:
        seen.add(torch.are_deterministic_algorithms_enabled())

    train_engine(catalog, split, settings_for(tiny_bert), tmp_path / "run", progress=progress)
    assert seen == {True}
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory
