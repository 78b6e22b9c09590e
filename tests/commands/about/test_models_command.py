"""`longtail models`: encoders side by side on a shop's files, broken ones with their reasons."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import longtail, write_shop
from processes import Done
from safetensors.numpy import load_file, save_file
from tiny_decoder import save_tiny_decoder
from toy_shop import save_tiny_bert

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.splits import Split
from longtail.training.encoders import candidates


@pytest.fixture
def shop(catalog: Catalog, split: Split, tmp_path: Path) -> Path:
    """A folder with the toy shop's catalog and log."""
    return write_shop(tmp_path / "shop", catalog, split)


def tried(shop: Path, *encoders: object, options: tuple[object, ...] = ()) -> Done:
    """Run the command; what is set aside is written beside the files."""
    names = ",".join(map(str, encoders))
    rejected = shop / "rejected.csv"
    return longtail("models", shop, "--try", names, "--rejected", rejected, *options)


def records(done: Done) -> dict[str, dict[str, Any]]:
    """Return the encoders of a JSON answer by name."""
    return {each["name"]: each for each in json.loads(done.out)["encoders"]}


AS_JSON = ("--format", "json")


class TestCosts:
    def test_what_each_costs_and_gives(self, shop: Path, tiny_bert: Path) -> None:
        whole, part = str(tiny_bert), f"{tiny_bert}:layers=1:dims=12"
        done = tried(shop, whole, part, options=AS_JSON)
        assert done.code == 0, done.err
        found = records(done)
        assert found[whole]["bytes_an_item"] == 4 * 32
        assert found[part]["bytes_an_item"] == 4 * 12
        weights = sum(w.size for w in load_file(tiny_bert / "model.safetensors").values())
        # All of them, and the linear layer.
        assert found[whole]["model_bytes"] == 4 * (weights + 32 * 32 + 32)
        assert found[part]["model_bytes"] < found[whole]["model_bytes"]
        for record in found.values():
            assert record["texts_per_second"] > 0
            assert record["hours"] == pytest.approx(
                60 / record["texts_per_second"] / 3600, abs=1e-4
            )
            assert 0 < record["balance_interval"][0] < record["balance"]
            assert record["users"] > 0
        assert json.loads(done.out)["recommended"] in found

    def test_the_table_says_which_to_take_and_how(self, shop: Path, tiny_bert: Path) -> None:
        done = tried(shop, f"{tiny_bert}:layers=1")
        assert done.code == 0, done.err
        assert "balance (95 %)" in done.out
        assert f"recommended: {tiny_bert}:layers=1: the only one measured" in done.out
        settings = f"--set item_tower.encoder={tiny_bert} --set item_tower.layers=1"
        assert settings in " ".join(done.out.split())

    def test_texts_that_a_tokeniser_does_not_know_are_counted(
        self, shop: Path, tiny_bert: Path
    ) -> None:
        items = shop / "items.csv"
        items.write_text(items.read_text().replace("leaves", "茶叶"), encoding="utf-8")
        done = tried(shop, tiny_bert, options=AS_JSON)
        assert 0 < records(done)[str(tiny_bert)]["unknown_tokens"] < 1

    def test_settings_of_the_tower_hold_here_too(self, shop: Path, tiny_bert: Path) -> None:
        done = tried(shop, tiny_bert, options=("--set", "item_tower.dims=8", *AS_JSON))
        assert records(done)[str(tiny_bert)]["dims"] == 8

    def test_a_sample_is_no_larger_than_asked(self, shop: Path, tiny_bert: Path) -> None:
        done = tried(shop, tiny_bert, options=("--items", 20, *AS_JSON))
        assert done.code == 0, done.err
        assert "20 of 60 items, " in done.err
        assert json.loads(done.out)["items"] == 60

    def test_one_that_would_read_too_long_has_its_speed_alone(
        self, shop: Path, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("longtail.training.encoders.trial._speed", lambda *a: 0.1)
        done = tried(shop, tiny_bert, options=AS_JSON)
        record = records(done)[str(tiny_bert)]
        assert record["texts_per_second"] == 0.1
        assert record["unmeasured"].startswith("its sample would take 600 s to read")
        assert "balance" not in record


class TestWithoutALog:
    def test_nothing_is_said_of_what_people_take(self, shop: Path, tiny_bert: Path) -> None:
        catalog, rejected = shop / "items.csv", shop / "rejected.csv"
        given = ("--catalog", catalog, "--try", tiny_bert, "--rejected", rejected)
        done = longtail("models", *given)
        assert done.code == 0, done.err
        assert "balance (95 %)" not in done.out
        assert "no log says what people take" in done.out
        assert "without a log nothing says which reads better" in done.out


def _cross_encoder(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["architectures"] = ["BertForSequenceClassification"]
    (folder / "config.json").write_text(json.dumps(config))


def _other_weights(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file({f"other.{name}": w for name, w in weights.items()}, folder / "model.safetensors")


def _weights_without_numbers(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    name = "embeddings.LayerNorm.weight"
    weights[name] = np.full_like(weights[name], np.nan)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


def _no_tokenizer(folder: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()


def _no_model(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    (folder / "notes.txt").write_text("nothing here")


class TestBrokenCandidates:
    @pytest.mark.parametrize(
        ("spoil", "said"),
        [
            (_cross_encoder, "a cross-encoder or a classifier"),
            (_other_weights, "of the weights that its config.json asks for"),
            (_weights_without_numbers, "its vectors hold what isn't a number"),
            (_no_tokenizer, "has no tokenizer"),
            (_no_model, "no text encoder in"),
        ],
    )
    def test_each_is_a_row_with_its_reason_beside_the_others(
        self, spoil: Callable[[Path], None], said: str, shop: Path, tiny_bert: Path, tmp_path: Path
    ) -> None:
        broken = Path(shutil.copytree(tiny_bert, tmp_path / "broken"))
        spoil(broken)
        done = tried(shop, broken, tiny_bert, options=AS_JSON)
        assert done.code == 0, done.err
        assert said in records(done)[str(broken)]["reason"]
        assert json.loads(done.out)["recommended"] == str(tiny_bert)

    @pytest.mark.parametrize(
        ("parts", "said"),
        [
            (":layers=3", "has 2 layers"),
            (":dims=33", "have 32"),
            (":layers=none", "layers=none"),
        ],
    )
    def test_more_than_there_is_is_a_row_too(
        self, parts: str, said: str, shop: Path, tiny_bert: Path
    ) -> None:
        done = tried(shop, f"{tiny_bert}{parts}", tiny_bert, options=AS_JSON)
        assert done.code == 0, done.err
        assert said in records(done)[f"{tiny_bert}{parts}"]["reason"]

    def test_a_prompt_longer_than_the_limit_is_a_row(self, shop: Path, tiny_bert: Path) -> None:
        prompt = f"item_tower.prompt={'tea ' * 200}"
        done = tried(shop, tiny_bert, options=("--set", prompt, *AS_JSON))
        assert done.code == 1
        assert "no text would be read behind it" in records(done)[str(tiny_bert)]["reason"]

    def test_a_library_that_fails_in_its_own_way_stops_nobody_else(
        self, shop: Path, tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from longtail.retrieval.towers.item_tower import ItemTower

        opened = ItemTower.from_pretrained

        def odd(name: str, *given: Any, **more: Any) -> ItemTower:
            if name == "odd":
                raise ZeroDivisionError("by a library\nof somebody else's")
            return opened(name, *given, **more)

        monkeypatch.setattr(ItemTower, "from_pretrained", odd)
        done = tried(shop, "odd", tiny_bert, options=AS_JSON)
        assert done.code == 0, done.err
        reason = records(done)["odd"]["reason"]
        assert reason == "ZeroDivisionError: by a library of somebody else's"

    def test_where_none_can_be_used_it_ends_with_1(self, shop: Path, tmp_path: Path) -> None:
        done = tried(shop, tmp_path / "nowhere")
        assert done.code == 1
        assert "nowhere: can't be used:" in done.out
        assert done.err.splitlines()[-1] == "error: none of the encoders can be used"

    def test_a_part_that_is_none_is_refused_at_once(self, shop: Path) -> None:
        done = tried(shop, "model:depth=3")
        assert done.code == 1
        assert "'depth' is none of layers, dims, pooling, max_tokens" in done.err
        assert "validation users" not in done.err

    def test_what_nobody_named_and_is_too_large_is_not_opened(
        self, shop: Path, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        found = candidates.EncoderCandidate(str(tiny_bert), found=True)
        monkeypatch.setattr(candidates, "candidates_here", lambda: [found])
        monkeypatch.setattr("longtail.training.encoders.trial.MOST_FOUND_GB", 1e-6)
        done = longtail("models", shop, "--rejected", shop / "rejected.csv", *AS_JSON)
        assert done.code == 1
        reason = records(done)[str(tiny_bert)]["reason"]
        assert f"GB; --try {tiny_bert} tries it" in reason
        assert tried(shop, tiny_bert).code == 0

    def test_nothing_to_try_says_what_to_install(
        self, shop: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(candidates, "PACKAGES", {})
        monkeypatch.setattr(candidates, "_in_hub_cache", list)
        done = longtail("models", shop)
        assert done.code == 1
        assert "longtail[offline]" in done.err


def test_a_bert_and_a_decoder_stand_side_by_side(shop: Path, tmp_path: Path) -> None:
    save_tiny_bert(tmp_path / "models" / "bert")
    save_tiny_decoder(tmp_path / "models" / "decoder")
    done = tried(shop, tmp_path / "models", options=AS_JSON)
    assert done.code == 0, done.err
    found = records(done)
    assert [Path(name).name for name in found] == ["bert", "decoder"]
    assert all(record["balance"] > 0 for record in found.values())
    assert sum("to_the_best" in record for record in found.values()) == 1
