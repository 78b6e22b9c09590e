"""Evidence that unknown items borrow from the known items of the nearest texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from longtail.index.errors import DamagedFileError
from longtail.retrieval.features.evidence_models import EvidenceModels
from longtail.retrieval.features.item_weights import ItemWeights
from longtail.retrieval.features.lent_evidence import Donors, with_lent, with_lent_offsets
from longtail.retrieval.towers.sequence_tower import SequenceTower, SequenceTowerShape
from longtail.retrieval.towers.vector_user_tower import VectorUserTower, VectorUserTowerShape

# Four known items and two that nobody had taken (4 and 5), which had weights of their own.
WEIGHTS = np.zeros((6, 6), np.float32)
WEIGHTS[0, 1], WEIGHTS[1, 0], WEIGHTS[0, 2], WEIGHTS[3, 2] = 0.5, 0.25, -0.125, 1.0
OWN = WEIGHTS.copy()
OWN[4, 0], OWN[2, 5] = 9.0, 9.0
DONORS = Donors(
    np.array([4, 5]),
    np.array([[0, 3], [1, -1]]),
    np.array([[0.75, 0.25], [1.0, 0.0]], np.float32),
)


def models(weights: np.ndarray = OWN) -> EvidenceModels:
    import scipy.sparse as sp

    return EvidenceModels({"next": ItemWeights.from_matrix(sp.csr_matrix(weights))}, {})


class TestItemWeights:
    def test_a_borrower_has_its_donors_rows_and_columns_in_their_shares(self) -> None:
        lent = with_lent(models(), DONORS, 6).item_weights["next"].matrix.toarray()
        shares = np.eye(6, dtype=np.float32)
        shares[4], shares[5] = [0.75, 0, 0, 0.25, 0, 0], [0, 1, 0, 0, 0, 0]
        expected = shares @ WEIGHTS @ shares.T
        np.fill_diagonal(expected, 0.0)
        np.testing.assert_allclose(lent, expected, atol=1e-7)

    def test_what_is_known_of_known_items_stays_to_the_bit(self) -> None:
        lent = with_lent(models(), DONORS, 6).item_weights["next"].matrix.toarray()
        assert lent[:4, :4].tobytes() == WEIGHTS[:4, :4].tobytes()

    def test_without_a_donor_an_item_is_without_evidence(self) -> None:
        nobody = Donors(np.array([4]), np.full((1, 2), -1), np.zeros((1, 2), np.float32))
        lent = with_lent(models(), nobody, 6).item_weights["next"].matrix.toarray()
        assert not lent[4].any()
        assert not lent[:, 4].any()

    def test_lending_in_two_steps_gives_what_one_step_gives(self) -> None:
        first, second = (
            Donors(DONORS.rows[[i]], DONORS.near[[i]], DONORS.shares[[i]]) for i in (0, 1)
        )
        at_once = with_lent(models(), DONORS, 6)
        after = with_lent(with_lent(models(), first, 6), second, 6)
        np.testing.assert_allclose(
            after.item_weights["next"].matrix.toarray(),
            at_once.item_weights["next"].matrix.toarray(),
            atol=1e-7,
        )
        assert after.known is not None
        assert after.known.tolist() == [True] * 4 + [False] * 2


class TestVectors:
    def test_own_vectors_are_the_donors_mean(self) -> None:
        tower = SequenceTower(SequenceTowerShape(items=6, text_dim=4, dim=8, heads=1)).eval()
        given = EvidenceModels({}, {"sequence": tower})
        own = tower.own.weight.detach()
        lent = with_lent(given, DONORS, 6).sequences["sequence"].own.weight
        torch.testing.assert_close(lent[4], 0.75 * own[0] + 0.25 * own[3])
        torch.testing.assert_close(lent[5], own[1])
        assert torch.equal(lent[:4], own[:4])

    def test_history_offsets_reach_items_beyond_those_of_training(self) -> None:
        tower = VectorUserTower(VectorUserTowerShape(dim=4, items=4, layers=0))
        torch.nn.init.normal_(tower.offsets)
        lent = with_lent_offsets(tower, DONORS, 6)
        assert isinstance(lent, VectorUserTower)
        torch.testing.assert_close(
            lent.offsets[4], 0.75 * tower.offsets[0] + 0.25 * tower.offsets[3]
        )
        assert torch.equal(lent.offsets[:4], tower.offsets)


class TestKnown:
    def test_padding_is_neither_known_nor_unknown(self) -> None:
        found = with_lent(models(), DONORS, 6).unknown(np.array([[0, 4, -1]]))
        assert found.tolist() == [[False, True, False]]

    def test_a_run_that_tells_no_difference_knows_every_item(self) -> None:
        assert not models().unknown(np.arange(6)).any()

    def test_it_comes_back_from_the_disk(self, tmp_path: Path) -> None:
        with_lent(models(), DONORS, 6).save(tmp_path)
        again = EvidenceModels.load(tmp_path, n_items=6)
        assert again.known is not None
        assert again.known.tolist() == [True] * 4 + [False] * 2

    @pytest.mark.parametrize("content", [b"", b"no tensors"])
    def test_a_damaged_file_is_said_in_one_line(self, tmp_path: Path, content: bytes) -> None:
        with_lent(models(), DONORS, 6).save(tmp_path)
        (tmp_path / "known.safetensors").write_bytes(content)
        with pytest.raises(DamagedFileError) as error:
            EvidenceModels.load(tmp_path, n_items=6)
        assert "\n" not in str(error.value)
