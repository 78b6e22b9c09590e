"""Two item towers as one: the cosine is the mean of theirs, and a run holds both."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from longtail.retrieval.towers.backends.choice import open_backend
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.paired_item_tower import PairedItemTower, load_item_tower
from longtail.retrieval.towers.text.encoding import encode_pooled

TEXTS = ["oolong small. tea leaves cup brew", "drill gift", "pastel large. paint colour canvas"]


@pytest.fixture
def pair(item_tower: ItemTower) -> PairedItemTower:
    tuned = copy.deepcopy(item_tower)
    with torch.no_grad():
        for name, weight in tuned.named_parameters():
            if "layer.1." in name:
                weight.add_(torch.linspace(-0.1, 0.1, weight.numel()).reshape(weight.shape))
    return PairedItemTower(item_tower, tuned, 0.25)


def test_its_cosine_is_the_weighted_mean_of_both_cosines(pair: PairedItemTower) -> None:
    vectors, first, second = (tower.encode(TEXTS) for tower in (pair, pair.pretrained, pair.tuned))
    assert vectors.shape == (3, pair.dim)
    mean = 0.75 * first @ first.T + 0.25 * second @ second.T
    assert vectors @ vectors.T == pytest.approx(mean, abs=1e-6)
    assert not np.allclose(first @ first.T, second @ second.T, atol=1e-3)


def test_it_comes_back_from_its_folder_as_it_was(pair: PairedItemTower, tmp_path: Path) -> None:
    pair.save(tmp_path / "tower")
    again = load_item_tower(tmp_path / "tower")
    assert again.fingerprint() == pair.fingerprint()
    assert again.encode(TEXTS) == pytest.approx(pair.encode(TEXTS), abs=1e-7)


def test_its_folder_is_the_tuned_tower_to_others(pair: PairedItemTower, tmp_path: Path) -> None:
    pair.save(tmp_path / "tower")
    read = SentenceTransformer(str(tmp_path / "tower"), device="cpu").encode(TEXTS)
    assert read == pytest.approx(pair.tuned.encode(TEXTS), abs=1e-5)


def test_a_single_tower_comes_back_single(item_tower: ItemTower, tmp_path: Path) -> None:
    item_tower.save(tmp_path / "tower")
    assert type(load_item_tower(tmp_path / "tower")) is ItemTower


@pytest.mark.parametrize("changed", ["tuned", "pretrained"])
def test_its_identity_is_that_of_both(pair: PairedItemTower, changed: str) -> None:
    before = pair.fingerprint(), pair.text_fingerprint()
    with torch.no_grad():
        next(getattr(pair, changed).text_encoder.parameters()).add_(0.1)
    assert pair.fingerprint() != before[0]
    assert pair.text_fingerprint() != before[1]


@pytest.mark.parametrize("name", ["torch-float32", "onnx-float32"])
def test_every_backend_reads_both(pair: PairedItemTower, name: str) -> None:
    if name.startswith("onnx"):
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnxscript")
    backend = open_backend(pair, name)  # type: ignore[arg-type]
    pooled = encode_pooled(backend, pair.tokenise(TEXTS))
    assert pooled.shape == (3, pair.dim_pooled)
    assert pair.project_all(pooled) == pytest.approx(pair.encode(TEXTS), abs=1e-4)
