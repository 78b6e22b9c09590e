"""LoRA: only adapters train, and the saved tower is a plain encoder with their changes in it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from towers_in_training import shop_in_training
from toy_shop import NO_STAGE, save_tiny_bert, settings_for

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.splits import Split
from longtail.retrieval.run.bundle import work_folder
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.settings.errors import SettingsError
from longtail.settings.settings_file import load_settings
from longtail.training.stages.stage_settings import TextStageSettings
from longtail.training.towers.lora import Lora, LoraNotInstalledError, check_lora_installed
from longtail.training.train import train_engine

EXAMPLES = list(range(0, 60, 2))
installed = importlib.util.find_spec("peft") is not None
needs_peft = pytest.mark.skipif(not installed, reason="peft isn't installed")


@pytest.fixture(scope="module")
def three_layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT with something to freeze."""
    return save_tiny_bert(tmp_path_factory.mktemp("encoder") / "bert", layers=3)


def tower(bert: Path) -> ItemTower:
    return ItemTower.from_pretrained(str(bert), max_tokens=24)


@needs_peft
class TestAdapters:
    def test_only_the_last_layers_adapters_train_and_nothing_has_changed_yet(
        self, three_layers: Path, catalog: Catalog, split: Split
    ) -> None:
        shop = shop_in_training(tower(three_layers), catalog, split, trainable_layers=1)
        before = shop.step(EXAMPLES)[0]
        Lora(shop.model.item_tower.text_encoder, shop.model.thawed, 4, seed=0)
        loss, gradients = shop.step(EXAMPLES)
        assert loss == pytest.approx(before, abs=1e-6)
        trained = [name for name in gradients if "sentence_transformer.0" in name]
        # Query, key, value and output of attention, and two of the feed-forward part.
        assert len(trained) == 6 * 2
        assert all(".layer.2." in name and "lora_" in name for name in trained)

    def test_merged_adapters_leave_a_plain_encoder_with_the_same_vectors(
        self, three_layers: Path, catalog: Catalog, split: Split, tmp_path: Path
    ) -> None:
        plain = tower(three_layers)
        names = set(plain.state_dict())
        shop = shop_in_training(plain, catalog, split, trainable_layers=2)
        model = shop.model
        lora = Lora(model.item_tower.text_encoder, model.thawed, 4, seed=0)
        untouched = model.item_tower.encode(catalog.texts())
        optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 1e-2)
        for _ in range(3):
            shop.step(EXAMPLES)
            optimizer.step()
        adapted = model.item_tower.encode(catalog.texts())
        assert np.abs(adapted - untouched).max() > 1e-2
        lora.merge()
        assert set(model.item_tower.state_dict()) == names
        model.item_tower.save(tmp_path / "tower")
        loaded = ItemTower.load(tmp_path / "tower").encode(catalog.texts())
        assert loaded == pytest.approx(adapted, abs=1e-5)

    def test_untrained_adapters_leave_the_bits_as_they_were(self, three_layers: Path) -> None:
        plain = tower(three_layers)
        before = plain.fingerprint()
        Lora(plain.text_encoder, [plain.text_encoder], 2, seed=0).merge()
        assert plain.fingerprint() == before

    @pytest.mark.parametrize("frozen_states_gb", [0.0, 4.0])
    def test_an_interrupted_stage_resumes_and_ends_as_an_unbroken_one(
        self,
        frozen_states_gb: float,
        three_layers: Path,
        catalog: Catalog,
        split: Split,
        tmp_path: Path,
    ) -> None:
        stage = TextStageSettings(
            epochs=3,
            batch_size=32,
            uniform_negatives=16,
            trainable_layers=1,
            lora_rank=4,
            text_encoder_lr=2e-3,
            evaluations_per_epoch=2,
            frozen_states_gb=frozen_states_gb,
            least_gain=0.0,
        )
        chosen = settings_for(three_layers, history=NO_STAGE, encoder=NO_STAGE, text=stage)
        whole = train_engine(catalog, split, chosen, tmp_path / "whole").bundle
        assert whole.summary["stages"][0]["kept"]
        with pytest.raises(KeyboardInterrupt):
            train_engine(
                catalog, split, chosen, tmp_path / "run", progress=interrupted("training text", 6)
            )
        assert work_folder(tmp_path / "run").is_dir()
        again = train_engine(catalog, split, chosen, tmp_path / "run", resume=True).bundle
        expected, found = whole.item_tower.state_dict(), again.item_tower.state_dict()
        assert set(found) == set(tower(three_layers).state_dict())
        for name, weight in expected.items():
            assert found[name].numpy() == pytest.approx(weight.numpy(), abs=1e-5), name


def interrupted(step: str, done: int) -> Callable[[str, int, int], None]:
    """Return a progress that is a Ctrl-C at this point."""

    def progress(name: str, at: int, total: int) -> None:
        if name == step and at >= done:
            raise KeyboardInterrupt

    return progress


def absent(name: str) -> None:
    """Find nothing, as in an environment without the package."""


class TestWithoutPeft:
    def test_it_is_one_line_with_the_command_that_helps(
        self, monkeypatch: pytest.MonkeyPatch, three_layers: Path
    ) -> None:
        monkeypatch.setattr("longtail.training.towers.lora.find_spec", absent)
        with pytest.raises(LoraNotInstalledError, match=r"pip install 'longtail\[lora\]'") as error:
            check_lora_installed()
        assert "\n" not in str(error.value)
        encoder = tower(three_layers).text_encoder
        with pytest.raises(LoraNotInstalledError):
            Lora(encoder, [encoder], 4, seed=0)

    def test_settings_that_need_it_are_refused_before_any_work(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("longtail.training.towers.lora.find_spec", absent)
        with pytest.raises(SettingsError, match=r"text\.lora_rank: .*pip install"):
            load_settings(None, ["co_taken.epochs=0", "text.lora_rank=4", "text.epochs=1"])
        # A stage that doesn't run needs nothing.
        assert load_settings(None, ["text.lora_rank=4", "text.epochs=0"]).text.lora_rank == 4
