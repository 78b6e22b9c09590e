"""Decoders as item towers: the last token's state, texts without marks, and nothing to pad with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_decoder import save_tiny_decoder
from toy_shop import NO_STAGE, settings_for

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.splits import Split
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.towers.backends.choice import open_backend
from longtail.retrieval.towers.item_tower import ItemTower, PoolingSetting
from longtail.retrieval.towers.text.encoding import encode_pooled
from longtail.retrieval.towers.text.tokens import TokenTable
from longtail.training.co_taken.co_taken_settings import CoTakenSettings
from longtail.training.towers.frozen_layers import LayerStack
from longtail.training.towers.split_encoder import SplitEncoder
from longtail.training.train import train_engine

TEXTS = ["tea", "drill gift tea leaves cup brew", "paint colour"]


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_decoder(tmp_path_factory.mktemp("decoder"))


@pytest.fixture
def tower(decoder: Path) -> ItemTower:
    return ItemTower.from_pretrained(str(decoder), 24).eval()


class TestLastToken:
    def test_a_text_s_vector_is_the_state_of_its_last_token(self, tower: ItemTower) -> None:
        model = tower.text_encoder.auto_model
        for text, vector in zip(TEXTS, tower.encode(TEXTS), strict=True):
            ids = torch.tensor([tower.tokenizer(text)["input_ids"]])
            with torch.no_grad():
                state = model(ids).last_hidden_state[0, -1]
            expected = torch.nn.functional.normalize(state, dim=-1).numpy()
            assert vector == pytest.approx(expected, abs=1e-5)

    def test_a_longer_text_is_cut_and_ends_there(self, tower: ItemTower) -> None:
        long = "tea drill " * 30
        cut = " ".join(long.split()[:24])
        assert tower.encode([long]) == pytest.approx(tower.encode([cut]), abs=1e-6)

    def test_the_mean_of_its_tokens_is_another_tower(self, decoder: Path, tower: ItemTower) -> None:
        mean = ItemTower.from_pretrained(str(decoder), 24, pooling="mean").eval()
        assert mean.text_fingerprint() != tower.text_fingerprint()
        assert np.abs(mean.encode(TEXTS[1:]) - tower.encode(TEXTS[1:])).max() > 0.05


def test_a_tokenizer_without_a_token_to_pad_with_gets_one_and_pads_on_the_right(
    tower: ItemTower, tmp_path: Path
) -> None:
    from sentence_transformers import SentenceTransformer

    assert tower.tokenizer.pad_token == "<end>"
    tower.save(tmp_path / "tower")
    theirs = SentenceTransformer(str(tmp_path / "tower"), device="cpu")
    assert theirs.tokenizer.padding_side == "right"
    # In one batch: the short ones are padded.
    vectors = theirs.encode(TEXTS, show_progress_bar=False)
    assert vectors == pytest.approx(tower.encode(TEXTS), abs=1e-5)


def test_texts_without_a_start_are_joined_whole(decoder: Path) -> None:
    table = TokenTable(np.array([7, 8, 9, 5], np.int32), np.array([0, 2, 4]), 0)
    joined = table.joined(np.array([1, 0]), 10, starts=False)
    assert joined.tolist() == [9, 5, 7, 8]


def test_its_first_layers_are_a_tower(decoder: Path) -> None:
    tower = ItemTower.from_pretrained(str(decoder), 24, layers=2)
    assert len(LayerStack.of(tower.text_encoder).layers) == 2


def test_it_can_be_run_from_its_middle(tower: ItemTower) -> None:
    assert SplitEncoder.of(tower, 1, tower.tokenise(TEXTS)) is not None


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_onnx_runtime_reads_it_as_torch_does(pooling: PoolingSetting, decoder: Path) -> None:
    pytest.importorskip("onnxruntime")
    tower = ItemTower.from_pretrained(str(decoder), 24, pooling=pooling).eval()
    tokens = tower.tokenise(TEXTS)
    exact, exported = (
        encode_pooled(open_backend(tower, name), tokens)
        for name in ("torch-float32", "onnx-float32")
    )
    assert exported == pytest.approx(exact, abs=1e-5)


@pytest.mark.parametrize("kind", ["vectors", "text"])
def test_an_engine_is_trained_over_it(
    kind: str, decoder: Path, catalog: Catalog, split: Split, tmp_path: Path
) -> None:
    settings = settings_for(decoder, history=NO_STAGE, encoder=NO_STAGE)
    settings = settings.changed(
        user_tower=settings.user_tower.changed(kind=kind),
        co_taken=CoTakenSettings(epochs=1, batch_size=8, trainable_layers=1),
    )
    train_engine(catalog, split, settings, tmp_path / "run")
    retriever = Retriever.open(tmp_path / "run")
    users = list(split.interactions.user_ids[:3])
    assert len(retriever.recommend(users=users, k=5, pool="all")) == 15
    tuned = [s for s in retriever.bundle.summary["stages"] if s["stage"] == "co_taken"]
    assert ("evaluations" in tuned[0]) == (kind == "vectors")
