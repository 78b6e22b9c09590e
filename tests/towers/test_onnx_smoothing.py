"""Smoothing before int8: the same encoder in float32, and a better one in int8."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.towers.backends import names, onnx_export
from longtail.retrieval.towers.backends.choice import open_backend
from longtail.retrieval.towers.backends.onnx_export import export_float32
from longtail.retrieval.towers.backends.torch_backend import TorchBackend
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.encoding import encode_pooled


@pytest.fixture(autouse=True)
def _installed() -> None:
    for package in names.ONNX_PACKAGES:
        pytest.importorskip(package)


@pytest.fixture
def uneven(item_tower: ItemTower) -> ItemTower:
    """Return the tower with channels of very different sizes behind its layer norms."""
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in item_tower.text_encoder.named_parameters():
            if "LayerNorm.weight" in name:
                parameter.copy_(torch.exp(1.5 * torch.randn(parameter.shape, generator=rng)))
    return item_tower


def layers_behind_norms(tower: ItemTower) -> int:
    """Queries, keys, values and the first feed-forward layer, in each layer of a BERT."""
    return 4 * int(tower.sentence_transformer[0].model.config.num_hidden_layers)


def test_the_encoder_says_the_same(uneven: ItemTower, catalog: Catalog, tmp_path: Path) -> None:
    import onnx
    import onnxruntime

    from longtail.retrieval.towers.backends.onnx_smoothing import smooth

    export_float32(uneven, tmp_path / "plain.onnx")
    model = onnx.load(tmp_path / "plain.onnx")
    before = {t.name: onnx.numpy_helper.to_array(t).copy() for t in model.graph.initializer}
    assert smooth(model) == layers_behind_norms(uneven)
    changed = [
        t.name
        for t in model.graph.initializer
        if t.name in before and not np.array_equal(onnx.numpy_helper.to_array(t), before[t.name])
    ]
    assert len(changed) == layers_behind_norms(uneven)
    onnx.checker.check_model(model)
    tokens = uneven.tokenise(catalog.texts())
    ids, mask = tokens.padded(np.arange(len(tokens)))
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (found,) = session.run(None, {"ids": ids.numpy(), "mask": mask.numpy()})
    expected = TorchBackend(uneven).pool(ids.numpy(), mask.numpy())
    assert found == pytest.approx(expected, abs=1e-4)


def test_int8_comes_nearer_where_channels_differ(
    uneven: ItemTower, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = uneven.tokenise(catalog.texts())
    exact = encode_pooled(TorchBackend(uneven), tokens)

    def error() -> float:
        found = encode_pooled(open_backend(uneven, "onnx-int8"), tokens)
        return float(1 - np.einsum("nd,nd->n", found, exact).mean())

    smoothed = error()
    monkeypatch.setattr(onnx_export, "smooth", lambda model: 0)
    assert smoothed < 0.9 * error()


def test_a_weight_that_layers_share_stays(uneven: ItemTower, tmp_path: Path) -> None:
    import onnx

    from longtail.retrieval.towers.backends.onnx_smoothing import smooth

    export_float32(uneven, tmp_path / "plain.onnx")
    model = onnx.load(tmp_path / "plain.onnx")
    tensors = {t.name for t in model.graph.initializer}
    first, second = [
        n for n in model.graph.node if n.op_type == "MatMul" and n.input[1] in tensors
    ][:2]
    second.input[1] = first.input[1]
    assert smooth(model) == layers_behind_norms(uneven) - 2
