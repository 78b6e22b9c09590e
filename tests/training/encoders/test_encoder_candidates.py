"""Which encoders are tried: what a person may write, and what is found without asking."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from toy_shop import settings_for

from longtail.retrieval.errors import EncoderError
from longtail.training.encoders import candidates
from longtail.training.encoders.candidates import (
    EncoderCandidate,
    candidates_here,
    named_candidates,
)


class TestNamed:
    def test_parts_behind_a_name_are_settings_of_the_tower(self, tiny_bert: Path) -> None:
        candidate = EncoderCandidate.of("my/model:layers=1:dims=12:pooling=first")
        assert candidate.encoder == "my/model"
        assert candidate.name == "my/model:layers=1:dims=12:pooling=first"
        settings = candidate.settings(settings_for(tiny_bert).item_tower)
        assert (settings.encoder, settings.layers, settings.dims) == ("my/model", 1, 12)
        assert settings.pooling == "first"
        assert settings.max_tokens == 24

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("model:depth=3", "'depth' is none of layers, dims"),
            ("", "names no encoder"),
            (":layers=3", "names no encoder"),
        ],
    )
    def test_what_is_none_is_refused(self, text: str, said: str) -> None:
        with pytest.raises(EncoderError, match=said):
            EncoderCandidate.of(text)

    @pytest.mark.parametrize(
        "text", ["m:layers=0", "m:layers=some", "m:dims=1", "m:pooling=max", "m:max_tokens=2"]
    )
    def test_a_value_that_its_setting_does_not_take_is_refused(
        self, text: str, tiny_bert: Path
    ) -> None:
        with pytest.raises(EncoderError, match=text.partition(":")[2]):
            EncoderCandidate.of(text).settings(settings_for(tiny_bert).item_tower)

    def test_a_folder_of_encoders_stands_for_all_in_it(
        self, tiny_bert: Path, tmp_path: Path
    ) -> None:
        for name in ("b", "a"):
            shutil.copytree(tiny_bert, tmp_path / "models" / name)
        (tmp_path / "models" / "notes").mkdir()
        found = named_candidates([f"{tmp_path / 'models'}:layers=1", str(tiny_bert)])
        assert [candidate.name for candidate in found] == [
            f"{tmp_path / 'models' / 'a'}:layers=1",
            f"{tmp_path / 'models' / 'b'}:layers=1",
            str(tiny_bert),
        ]

    def test_one_that_is_named_twice_is_tried_once(self) -> None:
        assert len(named_candidates(["a", "b", "a", "a:layers=1"])) == 3


class TestFound:
    def test_packages_and_the_hub_s_cache_the_default_first(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Package:
            def __init__(self, there: bool) -> None:
                self.is_there = lambda: there

        names = ("intfloat/multilingual-e5-small", "sentence-transformers/all-MiniLM-L6-v2", "x/y")
        packages = {name: Package(name != "x/y") for name in names}
        monkeypatch.setattr(candidates, "PACKAGES", packages)
        monkeypatch.setattr(candidates, "_in_hub_cache", lambda: ["my/own", names[0]])
        found = [candidate.encoder for candidate in candidates_here()]
        assert found == ["all-MiniLM-L6-v2", "multilingual", "my/own"]

    def test_models_in_the_hub_s_cache_are_those_with_settings(
        self, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import huggingface_hub

        for name, whole in (("models--my--own", True), ("models--no--settings", False)):
            snapshot = tmp_path / name / "snapshots" / ("0" * 40)
            snapshot.mkdir(parents=True)
            (tmp_path / name / "refs").mkdir()
            (tmp_path / name / "refs" / "main").write_text("0" * 40)
            if whole:
                shutil.copy(tiny_bert / "config.json", snapshot)
        scan = huggingface_hub.scan_cache_dir
        monkeypatch.setattr(huggingface_hub, "scan_cache_dir", lambda: scan(tmp_path))
        assert candidates._in_hub_cache() == ["my/own"]

    def test_no_cache_is_no_model(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import huggingface_hub

        scan = huggingface_hub.scan_cache_dir
        monkeypatch.setattr(huggingface_hub, "scan_cache_dir", lambda: scan(tmp_path / "none"))
        assert candidates._in_hub_cache() == []
