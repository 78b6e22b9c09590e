"""What the relevance head sees of a pair, and the untrained head itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from retrieval.evidence import Evidence, feature_names, gather_evidence
from retrieval.relevance import RelevanceHead, RelevanceHeadShape


def made_up_evidence(seed: int, *, counts: bool, m: int = 4, c: int = 6, dim: int = 5) -> Evidence:
    rng = np.random.default_rng(seed)
    return gather_evidence(
        rng.normal(size=(m, dim)).astype(np.float32),
        rng.normal(size=(m, 3, dim)).astype(np.float32),
        rng.integers(0, 4, m).astype(np.int32),
        rng.random(m).astype(np.float32),
        rng.normal(size=(m, c, dim)).astype(np.float32),
        rng.integers(0, 50, (m, c)),
        counts=counts,
    )


class TestEvidence:
    def test_each_feature_is_what_its_name_says(self) -> None:
        user = np.array([[1.0, 0.0]], np.float32)
        past = np.array([[[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]]], np.float32)
        candidates = np.array([[[0.6, 0.8], [-1.0, 0.0]]], np.float32)
        found = gather_evidence(
            user,
            past,
            np.array([2], np.int32),
            np.array([0.5], np.float32),
            candidates,
            np.array([[0, 9]]),
            counts=True,
        )
        names = feature_names(counts=True)
        columns = dict(zip(names, found.scalars[0].T.numpy(), strict=True))
        expected = {
            "cosine": [0.6, -1.0],
            "last_match": [0.8, 0.0],
            "best_match": [0.8, 0.0],
            "mean_match": [0.7, -0.5],
            "log_history_length": [np.log(3)] * 2,
            "history_popularity": [0.5, 0.5],
            "log_count": [0.0, np.log(10)],
            "log_count_difference": [-0.5, np.log(10) - 0.5],
            "is_cold": [1.0, 0.0],
        }
        assert set(columns) == set(expected)
        for name, values in expected.items():
            assert columns[name] == pytest.approx(values, abs=1e-6), name

    def test_padding_is_never_the_best_match(self) -> None:
        past = np.array([[[-1.0, 0.0], [0.0, 0.0]]], np.float32)
        found = gather_evidence(
            np.zeros((1, 2), np.float32),
            past,
            np.array([1], np.int32),
            np.zeros(1, np.float32),
            np.array([[[1.0, 0.0]]], np.float32),
            np.array([[3]]),
            counts=False,
        )
        best = found.scalars[0, 0, feature_names(counts=False).index("best_match")]
        assert best.item() == -1.0

    def test_count_blind_evidence_names_no_count(self) -> None:
        assert not [name for name in feature_names(counts=False) if "count" in name]
        assert "is_cold" not in feature_names(counts=False)
        n_blind = made_up_evidence(0, counts=False).scalars.shape[-1]
        assert n_blind == len(feature_names(counts=False))


class TestHead:
    def test_a_batch_gives_what_each_pair_gives_alone(self) -> None:
        torch.manual_seed(0)
        head = RelevanceHead(RelevanceHeadShape(dim=5, counts=True))
        whole = made_up_evidence(1, counts=True)
        together = head.probability(whole)
        for i in range(4):
            for j in range(6):
                alone = Evidence(
                    whole.scalars[i : i + 1, j : j + 1],
                    whole.users[i : i + 1],
                    whole.items[i : i + 1, j : j + 1],
                )
                assert head.probability(alone)[0, 0] == pytest.approx(together[i, j], abs=1e-6)

    def test_a_saved_head_gives_the_same_probabilities(self, tmp_path: Path) -> None:
        torch.manual_seed(0)
        head = RelevanceHead(RelevanceHeadShape(dim=5, counts=False, hidden=7, projection=3))
        head.calibration.copy_(torch.tensor([0.7, -1.2]))
        head.mean.normal_()
        evidence = made_up_evidence(2, counts=False)
        before = head.probability(evidence)
        head.save(tmp_path / "head")
        again = RelevanceHead.load(tmp_path / "head")
        assert again.shape == head.shape
        assert again.probability(evidence).tobytes() == before.tobytes()
        assert sorted(p.suffix for p in (tmp_path / "head").iterdir()) == [".json", ".safetensors"]

    def test_calibration_keeps_the_order(self) -> None:
        torch.manual_seed(0)
        head = RelevanceHead(RelevanceHeadShape(dim=5, counts=False))
        evidence = made_up_evidence(3, counts=False)
        before = head.probability(evidence)
        head.calibration.copy_(torch.tensor([0.3, -2.0]))
        after = head.probability(evidence)
        assert np.argsort(before, axis=1).tolist() == np.argsort(after, axis=1).tolist()
