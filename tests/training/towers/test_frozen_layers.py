"""Frozen layers: without dropout, read once, and the same loss from what they said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn
from towers_in_training import ShopInTraining, shop_in_training
from toy_shop import NO_STAGE, save_tiny_bert, settings_for

from longtail.index.storage.store import open_index
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.splits import Split
from longtail.retrieval.run.bundle import read_manifest
from longtail.retrieval.towers.backends.torch_backend import TorchBackend
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.encoding import encode_pooled
from longtail.training.settings import TrainingSettings
from longtail.training.stages.stage_settings import TextStageSettings
from longtail.training.stages.text_stage import start_from_frozen_states
from longtail.training.towers import frozen_states
from longtail.training.towers.frozen_layers import LayerStack, thaw_last_layers
from longtail.training.towers.frozen_states import FrozenStates, read_frozen_states, states_gb
from longtail.training.towers.split_encoder import SplitEncoder
from longtail.training.train import train_engine

EXAMPLES = list(range(0, 60, 2))


@pytest.fixture(scope="module")
def three_layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT with something to freeze."""
    return save_tiny_bert(tmp_path_factory.mktemp("encoder") / "bert", layers=3)


def shop(bert: Path, catalog: Catalog, split: Split, **options: object) -> ShopInTraining:
    tower = ItemTower.from_pretrained(str(bert), max_tokens=24)
    return shop_in_training(tower, catalog, split, **{"trainable_layers": 1, **options})


def states_of(
    trained: ShopInTraining, folder: Path, dtype: type[np.float16] | type[np.float32] = np.float16
) -> tuple[SplitEncoder, FrozenStates]:
    model = trained.model
    split = SplitEncoder.of(model.item_tower, 1, model.tokens)
    assert split is not None
    states = read_frozen_states(split, model.tokens, folder, tokens_per_pass=100, dtype=dtype)
    return split, states


@torch.no_grad()
def move(layer: nn.Module) -> None:
    """Change a layer as training would."""
    for parameter in layer.parameters():
        parameter.add_(0.05)


def test_the_last_layers_train_or_all_or_none(three_layers: Path) -> None:
    tower = ItemTower.from_pretrained(str(three_layers), max_tokens=24)
    parameters = list(tower.text_encoder.named_parameters())
    for count, layers in ((0, ()), (1, ("2",)), (2, ("1", "2")), (9, ("0", "1", "2"))):
        assert len(thaw_last_layers(tower, count)) == len(layers)
        moving = {
            name.split("layer.")[-1].split(".")[0] for name, p in parameters if p.requires_grad
        }
        assert moving == set(layers)
    thaw_last_layers(tower, -1)
    assert all(p.requires_grad for _, p in parameters)


def test_dropout_is_on_in_what_trains_and_nowhere_else(
    three_layers: Path, catalog: Catalog, split: Split
) -> None:
    for count, expected in ((1, [False, False, True]), (-1, [True, True, True])):
        model = shop(three_layers, catalog, split, trainable_layers=count).model
        stack = LayerStack.of(model.item_tower.text_encoder)
        assert [layer.training for layer in stack.layers] == expected
        assert model.user_tower.training
        assert not any(layer.training for layer in (model.eval(), *stack.layers))


class TestStates:
    @pytest.mark.parametrize(
        ("dtype", "tolerance"), [(np.float32, 1e-5), (np.float16, 2e-3)], ids=["float32", "float16"]
    )
    @pytest.mark.parametrize("gradient_cache", [False, True])
    def test_a_step_from_the_states_has_the_loss_and_gradient_of_a_whole_one(
        self,
        dtype: type[np.float16] | type[np.float32],
        tolerance: float,
        gradient_cache: bool,
        three_layers: Path,
        catalog: Catalog,
        split: Split,
        tmp_path: Path,
    ) -> None:
        whole = shop(three_layers, catalog, split, dropout=0.2)
        short = shop(three_layers, catalog, split, dropout=0.2, gradient_cache=gradient_cache)
        short.model.reading.start_from(*states_of(short, tmp_path, dtype))
        expected, found = whole.step(EXAMPLES), short.step(EXAMPLES)
        assert found[0] == pytest.approx(expected[0], abs=tolerance)
        assert found[1].keys() == expected[1].keys()
        for name, gradient in expected[1].items():
            assert found[1][name].numpy() == pytest.approx(gradient.numpy(), abs=tolerance), name

    def test_the_frozen_layers_are_not_run_again(
        self, three_layers: Path, catalog: Catalog, split: Split, tmp_path: Path
    ) -> None:
        trained = shop(three_layers, catalog, split)
        trained.model.reading.start_from(*states_of(trained, tmp_path))
        run = []
        layers = LayerStack.of(trained.model.item_tower.text_encoder).layers
        for i, layer in enumerate(layers):
            layer.register_forward_hook(lambda *_, i=i: run.append(i))
        trained.step(EXAMPLES)
        assert set(run) == {2}
        # And the encoder has all its layers back.
        assert LayerStack.of(trained.model.item_tower.text_encoder).layers == layers

    def test_the_catalog_reads_as_the_whole_encoder_reads_it(
        self, three_layers: Path, catalog: Catalog, split: Split, tmp_path: Path
    ) -> None:
        trained = shop(three_layers, catalog, split, dropout=0.2)
        model = trained.model
        model.reading.start_from(*states_of(trained, tmp_path))
        move(LayerStack.of(model.item_tower.text_encoder).layers[2])
        expected = encode_pooled(TorchBackend(model.item_tower), model.tokens)
        assert model.reading.catalog() == pytest.approx(expected, abs=2e-3)
        assert model.item_tower.training, "reading left another mode"

    def test_they_are_read_once_for_the_same_weights_and_texts(
        self,
        three_layers: Path,
        catalog: Catalog,
        split: Split,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        trained = shop(three_layers, catalog, split)
        _, first = states_of(trained, tmp_path)
        layers = LayerStack.of(trained.model.item_tower.text_encoder).layers
        move(layers[2])  # it trains, and the states are below it
        monkeypatch.setattr(
            frozen_states.SplitEncoder, "states", lambda *_: pytest.fail("read again")
        )
        split_encoder = SplitEncoder(trained.model.item_tower, 1, in_tuple=False)
        again = read_frozen_states(
            split_encoder, trained.model.tokens, tmp_path, tokens_per_pass=100
        )
        assert np.array_equal(first.states, again.states)
        monkeypatch.undo()
        move(layers[0])
        other = read_frozen_states(
            split_encoder, trained.model.tokens, tmp_path, tokens_per_pass=100
        )
        assert not np.array_equal(first.states, other.states)


class TestWhereItCannotBeDone:
    @pytest.mark.parametrize("trained", [0, 3, 5])
    def test_nothing_is_split_where_all_layers_train_or_none(
        self, trained: int, three_layers: Path, catalog: Catalog, split: Split
    ) -> None:
        model = shop(three_layers, catalog, split).model
        assert SplitEncoder.of(model.item_tower, trained, model.tokens) is None

    def test_an_encoder_whose_layers_cannot_be_replaced_is_not_split(
        self, three_layers: Path, catalog: Catalog, split: Split, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model = shop(three_layers, catalog, split).model
        stack = LayerStack.of(model.item_tower.text_encoder)
        own = type(stack.parent).forward

        def forward(encoder: nn.Module, *given: object, **named: object) -> object:
            assert all(layer.attention is not None for layer in getattr(encoder, stack.name))
            return own(encoder, *given, **named)

        monkeypatch.setattr(type(stack.parent), "forward", forward)
        assert SplitEncoder.of(model.item_tower, 1, model.tokens) is None
        assert LayerStack.of(model.item_tower.text_encoder).layers == stack.layers

    def test_an_encoder_that_gives_other_vectors_from_its_middle_is_not_split(
        self, three_layers: Path, catalog: Catalog, split: Split, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model = shop(three_layers, catalog, split).model
        own = SplitEncoder.states
        monkeypatch.setattr(SplitEncoder, "states", lambda *given: own(*given) + 0.1)
        assert SplitEncoder.of(model.item_tower, 1, model.tokens) is None

    @pytest.mark.parametrize(
        ("changes", "reads_states"),
        [
            ({}, True),
            ({"frozen_states_gb": 0.0}, False),
            ({"frozen_states_gb": 1e-6}, False),
            ({"max_steps": 1, "evaluations_per_epoch": 1.0}, False),
            ({"trainable_layers": -1}, False),
        ],
        ids=["as it is", "switched off", "too large", "few steps", "nothing frozen"],
    )
    def test_when_steps_start_from_states(
        self,
        changes: dict[str, float],
        reads_states: bool,
        three_layers: Path,
        catalog: Catalog,
        split: Split,
        tmp_path: Path,
    ) -> None:
        usual = TextStageSettings(epochs=2, batch_size=16, uniform_negatives=4, trainable_layers=1)
        stage = usual.changed(**changes)
        model = shop(three_layers, catalog, split, trainable_layers=stage.trainable_layers).model
        start_from_frozen_states(model, stage, 100, tmp_path)
        assert model.reading.starts_from_states == reads_states
        assert bool(list(tmp_path.glob("frozen-*"))) == reads_states

    def test_their_size_is_that_of_the_file(
        self, three_layers: Path, catalog: Catalog, split: Split, tmp_path: Path
    ) -> None:
        trained = shop(three_layers, catalog, split)
        states_of(trained, tmp_path)
        (path,) = tmp_path.iterdir()
        assert states_gb(trained.model.tokens, 32) == pytest.approx(1e-9 * path.stat().st_size)


class TestTheTextStage:
    def settings(self, bert: Path, **changes: object) -> TrainingSettings:
        stage = TextStageSettings(
            epochs=2,
            batch_size=32,
            uniform_negatives=16,
            trainable_layers=1,
            fresh_texts="candidates",
            text_encoder_lr=2e-4,
            evaluations_per_epoch=2,
            least_gain=0.0,
        )
        return settings_for(bert, history=NO_STAGE, encoder=NO_STAGE, text=stage.changed(**changes))

    def test_a_run_from_the_states_ends_near_one_without(
        self, three_layers: Path, catalog: Catalog, split: Split, tmp_path: Path
    ) -> None:
        stages = []
        for name, limit in (("with", 4.0), ("without", 0.0)):
            chosen = self.settings(three_layers, frozen_states_gb=limit)
            train_engine(catalog, split, chosen, tmp_path / name)
            stages.append(read_manifest(tmp_path / name)["summary"]["stages"][0])
        balances = [[e["balance"] for e in stage["evaluations"]] for stage in stages]
        assert len(balances[0]) > 2
        assert balances[0] == pytest.approx(balances[1], abs=0.02)

    @pytest.mark.parametrize("least_gain", [0.0, 9.0], ids=["kept", "undone"])
    def test_the_vectors_of_the_run_are_its_tower_s_own(
        self,
        least_gain: float,
        three_layers: Path,
        catalog: Catalog,
        split: Split,
        tmp_path: Path,
    ) -> None:
        run = tmp_path / "run"
        chosen = self.settings(three_layers, least_gain=least_gain)
        trained = train_engine(catalog, split, chosen, run)
        assert trained.bundle.summary["stages"][0]["kept"] == (least_gain == 0)
        expected: NDArray[np.float32] = ItemTower.load(run / "item_tower").encode(catalog.texts())
        found = open_index(run / "index").vectors(np.arange(len(catalog)))
        # What the stage found had been kept as float16, and whitening spreads its rounding.
        assert found == pytest.approx(expected, abs=1e-5 if least_gain == 0 else 0.03)
