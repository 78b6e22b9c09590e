"""The same data, settings and seed make the same run, file by file; another seed doesn't."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from toy_shop import settings_for

from evaluation.splits import Split
from retrieval.bundle import read_manifest
from retrieval.catalog import Catalog
from retrieval.retriever import Retriever
from training.fit import train_engine

# Library versions and seconds stand in the manifest; what was learned stands in these.
LEARNED = ("evidence/", "user_tower/", "relevance_head/", "item_tower/model.safetensors")


def learned_files(run: Path) -> dict[str, object]:
    """Return the recorded sizes and hashes of all that training learned."""
    files = read_manifest(run)["files"]
    found = {name: entry for name, entry in files.items() if name.startswith(LEARNED)}
    assert len(found) > 6
    return found


@pytest.mark.parametrize("refit", [False, True])
def test_a_training_repeated_gives_the_same_bits(
    refit: bool, tiny_bert: Path, catalog: Catalog, split: Split, tmp_path: Path
) -> None:
    settings = replace(settings_for(tiny_bert), refit=refit)
    runs = [tmp_path / "first", tmp_path / "second", tmp_path / "other"]
    for run, seed in zip(runs, (3, 3, 4), strict=True):
        # Whatever else drew numbers meanwhile has no say.
        np.random.seed(len(run.name))
        train_engine(catalog, split, replace(settings, seed=seed), run)
    first, second, other = (learned_files(run) for run in runs)
    assert first == second
    assert first != other
    answers = [Retriever.open(run).recommend(users=["ink-fan-0"], k=9) for run in runs[:2]]
    assert answers[0].equals(answers[1])
