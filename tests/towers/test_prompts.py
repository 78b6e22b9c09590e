"""What stands before a text: whose prompts they are, and what they change."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.prompts import Prompts

TEXTS = ["oolong small. tea leaves cup brew", "drill gift"]


@pytest.fixture
def with_prompts(tiny_bert: Path, tmp_path: Path) -> Path:
    """The tiny BERT whose settings name prompts."""
    folder = Path(shutil.copytree(tiny_bert, tmp_path / "prompted"))
    prompts = {"query": "gift ", "passage": "tea "}
    settings = {"prompts": prompts, "default_prompt_name": None}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(settings))
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "p", "type": "sentence_transformers.models.Pooling"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "p").mkdir(exist_ok=True)
    (folder / "p" / "config.json").write_text(json.dumps({"word_embedding_dimension": 32}))
    return folder


def test_the_model_s_own_stand_before_items_and_queries(
    with_prompts: Path, item_tower: ItemTower
) -> None:
    tower = ItemTower.from_pretrained(str(with_prompts), 24).eval()
    assert tower.prompts == Prompts("tea ", "gift ")
    said = item_tower.encode(["tea " + text for text in TEXTS])
    assert tower.encode(TEXTS) == pytest.approx(said, abs=1e-5)
    asked = item_tower.encode(["gift " + text for text in TEXTS])
    assert tower.encode_queries(TEXTS) == pytest.approx(asked, abs=1e-5)


def test_settings_take_their_place_and_are_saved(with_prompts: Path, tmp_path: Path) -> None:
    tower = ItemTower.from_pretrained(str(with_prompts), 24, prompt="", query_prompt="cup ")
    tower.save(tmp_path / "tower")
    assert ItemTower.load(tmp_path / "tower").prompts == Prompts("", "cup ")


def test_vectors_of_other_prompts_are_told_apart(with_prompts: Path, item_tower: ItemTower) -> None:
    own = ItemTower.from_pretrained(str(with_prompts), 24)
    none = ItemTower.from_pretrained(str(with_prompts), 24, prompt="", query_prompt="")
    assert own.text_fingerprint() != none.text_fingerprint() == item_tower.text_fingerprint()
    assert own.fingerprint() != none.fingerprint()


def test_each_piece_of_a_long_text_has_the_prompt(with_prompts: Path) -> None:
    tower = ItemTower.from_pretrained(str(with_prompts), 8)
    pieces = tower.pieces(["drill gift cup brew leaves paint colour canvas"], "average")
    assert len(pieces.tokens) > 1
    first = tower.tokenise([""])[0][:-1]
    for number in range(len(pieces.tokens)):
        assert np.array_equal(pieces.tokens[number][: len(first)], first)
        assert len(pieces.tokens[number]) <= 8


@pytest.mark.parametrize(
    ("named", "default", "encoder", "expected"),
    [
        ({}, None, "some/encoder", Prompts()),
        ({"retrieve": "find: "}, "retrieve", "x", Prompts("find: ", "find: ")),
        ({"query": "ask: "}, None, "x", Prompts("", "ask: ")),
        ({"corpus": "c: ", "document": "d: "}, None, "x", Prompts("d: ")),
        ({}, None, "intfloat/multilingual-e5-base", Prompts("passage: ", "query: ")),
        ({}, None, "my/e5-small-tuned", Prompts()),
    ],
)
def test_which_of_a_model_s_prompts_are_meant(
    named: dict[str, str], default: str | None, encoder: str, expected: Prompts
) -> None:
    assert Prompts.of(named, default, encoder) == expected
