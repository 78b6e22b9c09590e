"""Item vectors shorter than the encoder's: leading axes, and Matryoshka's first coordinates."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_shop import NO_STAGE, noisy_catalog, settings_for

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.splits import Split
from longtail.retrieval.errors import EncoderError
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.towers.backends.torch_backend import TorchBackend
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.encoding import encode_pooled
from longtail.retrieval.towers.whitening import fit_partial_whitening, unit_rows
from longtail.training.co_taken.co_taken_settings import CoTakenSettings
from longtail.training.train import train_engine


def pooled_of(tower: ItemTower, catalog: Catalog) -> Any:
    return encode_pooled(TorchBackend(tower), tower.tokenise(catalog.texts()))


@pytest.fixture
def matryoshka(tiny_bert: Path, tmp_path: Path) -> Path:
    """The tiny BERT whose settings name lengths that its vectors were trained at."""
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "matryoshka"))
    config = json.loads((folder / "config.json").read_text())
    config["matryoshka_dimensions"] = [8, 16, 32]
    (folder / "config.json").write_text(json.dumps(config))
    return folder


class TestLeadingAxes:
    def test_the_axes_kept_are_those_that_hold_most(self) -> None:
        rng = np.random.default_rng(0)
        unit = unit_rows((rng.normal(size=(400, 6)) * [4, 3, 2, 1, 0.5, 0.2] + 1).astype("f4"))
        whole = unit @ fit_partial_whitening(unit).weight.T
        short = unit @ fit_partial_whitening(unit, dims=2).weight.T
        order = np.argsort(-whole.var(0))[:2]
        assert np.sort(short.var(0)) == pytest.approx(np.sort(whole[:, order].var(0)), rel=1e-4)

    def test_nothing_to_tell_apart_leaves_the_first_coordinates(self) -> None:
        vectors = np.tile(unit_rows(np.array([[3, 4, 0, 0]], "f4")), (5, 1))
        found = fit_partial_whitening(vectors, dims=2).apply(vectors)
        assert found == pytest.approx(vectors[:, :2], abs=1e-6)

    def test_a_short_tower_is_saved_and_read_as_one(
        self, tiny_bert: Path, catalog: Catalog, tmp_path: Path
    ) -> None:
        from sentence_transformers import SentenceTransformer

        tower = ItemTower.from_pretrained(str(tiny_bert), 24, dims=12).eval()
        tower.set_whitening(tower.whitening_of(pooled_of(tower, catalog)))
        texts = catalog.texts()[:5]
        vectors = tower.encode(texts)
        assert vectors.shape == (5, 12)
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
        tower.save(tmp_path / "tower")
        theirs = SentenceTransformer(str(tmp_path / "tower"), device="cpu")
        assert theirs.encode(texts, show_progress_bar=False) == pytest.approx(vectors, abs=1e-5)

    def test_all_dimensions_are_the_whitening_without_the_setting(
        self, item_tower: ItemTower, catalog: Catalog
    ) -> None:
        pooled = pooled_of(item_tower, catalog)
        found, expected = item_tower.whitening_of(pooled), fit_partial_whitening(pooled)
        assert found.weight.tobytes() == expected.weight.tobytes()
        assert found.bias.tobytes() == expected.bias.tobytes()

    def test_more_dimensions_than_the_model_has_are_refused(self, tiny_bert: Path) -> None:
        with pytest.raises(EncoderError, match=r"item_tower\.dims is 33; .* have 32"):
            ItemTower.from_pretrained(str(tiny_bert), 24, dims=33)


class TestMatryoshka:
    @pytest.mark.parametrize(("dims", "first"), [(8, 8), (10, 16), (16, 16)])
    def test_axes_are_those_of_the_first_coordinates(
        self, dims: int, first: int, matryoshka: Path, catalog: Catalog
    ) -> None:
        tower = ItemTower.from_pretrained(str(matryoshka), 24, dims=dims).eval()
        found = tower.whitening_of(pooled_of(tower, catalog))
        assert found.weight.shape == (dims, 32)
        assert not found.weight[:, first:].any()
        assert found.weight[:, first - 1].any()

    def test_without_dims_all_coordinates_count(self, matryoshka: Path, catalog: Catalog) -> None:
        tower = ItemTower.from_pretrained(str(matryoshka), 24).eval()
        assert tower.whitening_of(pooled_of(tower, catalog)).weight[:, 31].any()

    def test_a_model_that_cuts_its_vectors_gives_short_ones(
        self, tiny_bert: Path, tmp_path: Path, catalog: Catalog
    ) -> None:
        folder = Path(shutil.copytree(tiny_bert, tmp_path / "cutting"))
        kinds = (("", "Transformer"), ("p", "Pooling"))
        modules = [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(kinds)
        ]
        (folder / "modules.json").write_text(json.dumps(modules))
        (folder / "p").mkdir()
        (folder / "p" / "config.json").write_text(json.dumps({"word_embedding_dimension": 32}))
        settings = {"truncate_dim": 16, "prompts": {}, "default_prompt_name": None}
        (folder / "config_sentence_transformers.json").write_text(json.dumps(settings))
        tower = ItemTower.from_pretrained(str(folder), 24).eval()
        tower.set_whitening(tower.whitening_of(pooled_of(tower, catalog)))
        assert tower.encode(catalog.texts()[:3]).shape == (3, 16)
        assert not tower.dense.linear.weight[:, 16:].any()
        with pytest.raises(EncoderError, match="have 16"):
            ItemTower.from_pretrained(str(folder), 24, dims=20)


def test_a_run_of_short_vectors_and_fewer_layers_answers_and_opens_again(
    tiny_bert: Path, catalog: Catalog, split: Split, tmp_path: Path
) -> None:
    settings = settings_for(tiny_bert, history=NO_STAGE, encoder=NO_STAGE)
    settings = settings.changed(
        item_tower=settings.item_tower.changed(dims=12, layers=1),
        co_taken=CoTakenSettings(
            epochs=4, batch_size=8, trainable_layers=1, encoder_lr=1e-3, linear_lr=3e-4
        ),
    )
    catalog = noisy_catalog(catalog)
    train_engine(catalog, split, settings, tmp_path / "run")
    retriever = Retriever.open(tmp_path / "run")
    # The pretrained tower's and the tuned one's.
    assert retriever.ranking.index.dim == 2 * 12
    stored = retriever.ranking.index.vectors(np.arange(len(catalog)))
    vectors = retriever.bundle.item_tower.encode(catalog.texts())
    assert (stored * vectors).sum(axis=1).min() > 0.9999
    users = list(split.interactions.user_ids[:3])
    assert len(retriever.recommend(users=users, k=5, pool="all")) == 15
