"""What a folder must hold to be an encoder, and how much of it a tower takes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_shop import save_tiny_bert

from longtail.retrieval.errors import EncoderError, ModelNotFoundError
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.tower_folder import check_tower_folder

TEXTS = ["oolong small. tea leaves cup brew", "drill gift", "pastel large. paint colour canvas"]


def edited(path: Path, **changes: object) -> None:
    """Change keys of a JSON file, made where it isn't there."""
    content = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps(content | changes))


@pytest.fixture
def encoder(tiny_bert: Path, tmp_path: Path) -> Path:
    """A copy of the tiny BERT that a test may spoil."""
    return Path(shutil.copytree(tiny_bert, tmp_path / "encoder"))


class TestFirstLayers:
    def test_a_tower_of_the_first_layer_says_what_that_layer_says(
        self, tiny_bert: Path, item_tower: ItemTower
    ) -> None:
        tower = ItemTower.from_pretrained(str(tiny_bert), 24, layers=1).eval()
        bert = item_tower.text_encoder.auto_model
        tokens = item_tower.tokenise(TEXTS)
        ids, mask = tokens.padded(np.arange(len(TEXTS)))
        with torch.no_grad():
            states = bert(ids, mask, output_hidden_states=True).hidden_states[1]
        mean = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        expected = torch.nn.functional.normalize(mean, dim=-1).numpy()
        assert tower.encode(TEXTS) == pytest.approx(expected, abs=1e-5)
        assert np.abs(expected - item_tower.encode(TEXTS)).max() > 0.05

    def test_the_saved_tower_has_these_layers_and_no_others(
        self, tiny_bert: Path, tmp_path: Path
    ) -> None:
        from sentence_transformers import SentenceTransformer

        tower = ItemTower.from_pretrained(str(tiny_bert), 24, layers=1).eval()
        tower.save(tmp_path / "tower")
        check_tower_folder(tmp_path / "tower")
        theirs = SentenceTransformer(str(tmp_path / "tower"), device="cpu")
        vectors = theirs.encode(TEXTS, show_progress_bar=False)
        assert vectors == pytest.approx(tower.encode(TEXTS), abs=1e-5)
        assert ItemTower.load(tmp_path / "tower").fingerprint() == tower.fingerprint()
        assert (
            json.loads((tmp_path / "tower" / "config.json").read_text())["num_hidden_layers"] == 1
        )

    def test_vectors_of_other_layers_are_told_apart(
        self, tiny_bert: Path, item_tower: ItemTower
    ) -> None:
        whole = ItemTower.from_pretrained(str(tiny_bert), 24, layers=2)
        part = ItemTower.from_pretrained(str(tiny_bert), 24, layers=1)
        assert whole.text_fingerprint() == item_tower.text_fingerprint()
        assert part.text_fingerprint() != whole.text_fingerprint()

    def test_more_layers_than_there_are_are_refused(self, tiny_bert: Path) -> None:
        with pytest.raises(EncoderError, match=r"item_tower\.layers is 3; .* has 2 layers"):
            ItemTower.from_pretrained(str(tiny_bert), 24, layers=3)


class TestPooling:
    def test_the_first_token_s_state_can_be_the_text_s(
        self, tiny_bert: Path, item_tower: ItemTower
    ) -> None:
        tower = ItemTower.from_pretrained(str(tiny_bert), 24, pooling="first").eval()
        ids, mask = item_tower.tokenise(TEXTS).padded(np.arange(len(TEXTS)))
        with torch.no_grad():
            states = item_tower.text_encoder.auto_model(ids, mask).last_hidden_state[:, 0]
        expected = torch.nn.functional.normalize(states, dim=-1).numpy()
        assert tower.encode(TEXTS) == pytest.approx(expected, abs=1e-5)
        assert tower.text_fingerprint() != item_tower.text_fingerprint()


def _cross_encoder(folder: Path) -> None:
    edited(folder / "config.json", architectures=["BertForSequenceClassification"])


def _saved_cross_encoder(folder: Path) -> None:
    edited(folder / "config_sentence_transformers.json", model_type="CrossEncoder")


def _weights_of_one_layer(folder: Path) -> None:
    save_tiny_bert(folder, layers=1)
    edited(folder / "config.json", num_hidden_layers=2)


def _weights_of_another_width(folder: Path) -> None:
    edited(folder / "config.json", hidden_size=16)


def _no_tokenizer(folder: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()


def _word_vectors(folder: Path) -> None:
    kind = "sentence_transformers.models.Normalize"
    modules = [{"idx": 0, "name": "0", "path": "n", "type": kind}]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "n").mkdir()
    (folder / "n" / "config.json").write_text("{}")


class TestRefusals:
    @pytest.mark.parametrize(
        ("spoil", "said"),
        [
            (_cross_encoder, "a cross-encoder or a classifier"),
            (_saved_cross_encoder, "of the type CrossEncoder"),
            (_weights_of_one_layer, "lacks 16 of the weights"),
            (_weights_of_another_width, "can't be read as a text encoder"),
            (_no_tokenizer, "has no tokenizer"),
            (_word_vectors, "consists of Normalize; an item tower is made of"),
        ],
    )
    def test_what_is_no_encoder_of_texts_is_refused_in_a_line(
        self, spoil: Callable[[Path], None], said: str, encoder: Path
    ) -> None:
        spoil(encoder)
        with pytest.raises(ModelNotFoundError) as error:
            ItemTower.from_pretrained(str(encoder), 24)
        assert said in str(error.value)
        assert str(encoder) in str(error.value)
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize("setting", ["prompt", "query_prompt"])
    def test_a_prompt_without_room_for_a_text_is_refused(
        self, setting: str, tiny_bert: Path
    ) -> None:
        prompt = "tea " * 6  # and a start and an end
        ItemTower.from_pretrained(str(tiny_bert), 9, **{setting: prompt})
        with pytest.raises(EncoderError, match=rf"item_tower\.{setting} takes 8 tokens"):
            ItemTower.from_pretrained(str(tiny_bert), 8, **{setting: prompt})

    def test_what_is_looked_at_draws_no_numbers_of_a_training(self, tiny_bert: Path) -> None:
        drawn = []
        for layers in (None, 1):
            torch.manual_seed(0)
            ItemTower.from_pretrained(str(tiny_bert), 24, layers=layers)
            drawn.append(torch.rand(1).item())
        assert drawn[0] == drawn[1]
