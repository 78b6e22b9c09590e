"""What a run knows from the log: stored, read again, and refused when damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from longtail.index.errors import DamagedFileError
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.features.evidence_models import EvidenceModels
from longtail.retrieval.features.item_weights import ItemWeights
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.towers.sequence_tower import SequenceTower, SequenceTowerShape


@pytest.fixture
def evidence_models() -> EvidenceModels:
    """Weights of two kinds and a sequence tower, of a catalog of three items."""
    one = ItemWeights.from_rows(np.array([[1], [2], [0]]), np.array([[0.5], [1.0], [2.0]]))
    other = ItemWeights.from_rows(np.array([[2], [-1], [1]]), np.array([[0.25], [0.0], [3.0]]))
    tower = SequenceTower(SequenceTowerShape(3, 4, dim=4, layers=1)).requires_grad_(False).eval()
    return EvidenceModels({"closed_form": one, "next": other}, {"sequence_1": tower})


def test_they_come_back_as_they_were(evidence_models: EvidenceModels, tmp_path: Path) -> None:
    evidence_models.save(tmp_path / "evidence")
    again = EvidenceModels.load(tmp_path / "evidence", n_items=3)
    assert list(again.item_weights) == ["closed_form", "next"]
    for name, weights in evidence_models.item_weights.items():
        assert (again.item_weights[name].matrix != weights.matrix).nnz == 0
    histories = Histories.from_lists([[0, 2], [1]])
    [(before, after)] = zip(
        evidence_models.sequences.values(), again.sequences.values(), strict=True
    )
    items = before.item_vectors(torch.eye(4)[:3], torch.arange(3))
    assert after.encode(histories, items).tobytes() == before.encode(histories, items).tobytes()


def test_no_evidence_is_evidence_too(tmp_path: Path) -> None:
    EvidenceModels().save(tmp_path / "evidence")
    read = EvidenceModels.load(tmp_path / "evidence", n_items=3)
    assert (read.item_weights, read.sequences, read.known) == ({}, {}, None)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "next.safetensors").unlink(),
        lambda folder: (folder / "next.safetensors").write_bytes(b"nonsense"),
    ],
    ids=["missing", "nonsense"],
)
def test_damage_is_one_line_with_a_remedy(
    evidence_models: EvidenceModels, tmp_path: Path, spoil: object
) -> None:
    evidence_models.save(tmp_path / "evidence")
    spoil(tmp_path / "evidence")  # type: ignore[operator]
    with pytest.raises(DamagedFileError, match="longtail train") as error:
        EvidenceModels.load(tmp_path / "evidence", n_items=3)
    assert "\n" not in str(error.value)


def test_another_catalog_s_weights_are_refused(
    evidence_models: EvidenceModels, tmp_path: Path
) -> None:
    evidence_models.save(tmp_path / "evidence")
    with pytest.raises(DamagedFileError, match="made for 3 items"):
        EvidenceModels.load(tmp_path / "evidence", n_items=4)


@pytest.mark.parametrize(
    "name",
    [
        "evidence/sources.json",
        "evidence/closed_form.safetensors",
        "evidence/sequence_0/model.safetensors",
        "relevance_head/config.json",
    ],
)
def test_a_run_folder_without_one_of_its_parts_is_refused(run_copy: Path, name: str) -> None:
    (run_copy / name).unlink()
    with pytest.raises(DamagedFileError) as error:
        Retriever.open(run_copy)
    assert name in str(error.value)
    assert "\n" not in str(error.value)
