"""Item-to-item weights: what they score, what they answer, what they refuse to be read from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import output_of_python
from safetensors.numpy import load_file, save_file

from longtail.index.errors import DamagedFileError
from longtail.retrieval.data.interactions import Histories
from longtail.retrieval.features.item_weights import ItemWeights

# Who takes the kettle (0) takes tea (1) and a cup (2); tea is followed by milk (3), not by 0.
SHOP = np.array(
    [
        [0.0, 0.6, 0.4, 0.0, 0.0],
        [-0.5, 0.0, 0.0, 0.8, 0.0],
        [0.1, 0.0, 0.0, 0.0, 0.0],
        [0.0, 0.3, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
    ],
    np.float32,
)


@pytest.fixture
def shop() -> ItemWeights:
    return ItemWeights.from_matrix(sp.csr_matrix(SHOP))


def by_hand(weights: np.ndarray, history: list[int], decay: float, last: int) -> np.ndarray:
    """Return a history's scores for all items, summed item by item."""
    total = np.zeros(len(weights))
    for age, item in enumerate(reversed(history[-last:] if last else [])):
        total += decay**age * weights[item]
    return total


class TestScores:
    def test_they_are_the_sum_over_past_items_less_with_age(self, shop: ItemWeights) -> None:
        histories = Histories.from_lists([[0, 1], [1, 0], [2, 0, 1], []])
        found = shop.score(histories, decay=0.5, last=2).toarray()
        expected = [by_hand(SHOP, h, 0.5, 2) for h in ([0, 1], [1, 0], [0, 1], [])]
        assert found == pytest.approx(np.array(expected))

    def test_an_item_taken_twice_counts_twice(self, shop: ItemWeights) -> None:
        histories = Histories.from_lists([[0, 0]])
        found = shop.score(histories, decay=0.5, last=20).toarray()[0]
        assert found == pytest.approx(1.5 * SHOP[0])

    def test_what_follows_an_item_can_be_read(self, shop: ItemWeights) -> None:
        rows, weights = shop.following(1)
        assert rows.tolist() == [0, 3]
        assert weights.tolist() == pytest.approx([-0.5, 0.8])


class TestTop:
    def test_the_best_come_first_and_short_answers_are_padded(self, shop: ItemWeights) -> None:
        rows, scores = shop.top(Histories.from_lists([[0], [4], []]), 3, decay=0.8, last=20)
        assert rows.tolist() == [[1, 2, -1], [-1, -1, -1], [-1, -1, -1]]
        assert scores[0].tolist() == pytest.approx([0.6, 0.4, -np.inf])
        assert np.isneginf(scores[1:]).all()

    def test_what_behaviour_speaks_against_is_no_answer(self, shop: ItemWeights) -> None:
        rows, _ = shop.top(Histories.from_lists([[1]]), 5, decay=0.8, last=20)
        assert rows[0].tolist() == [3, -1, -1, -1, -1]

    def test_pool_and_history_are_kept_out(self, shop: ItemWeights) -> None:
        histories = Histories.from_lists([[0, 1], [0]])
        allowed = np.array([True, True, False, True, True])
        rows, _ = shop.top(histories, 2, decay=0.8, last=20, allowed=allowed, excluded=histories)
        assert rows.tolist() == [[3, -1], [1, -1]]

    def test_ties_go_by_row(self) -> None:
        weights = np.zeros((6, 6), np.float32)
        weights[0, [5, 2, 4, 1]] = [0.5, 0.5, 0.5, 0.9]
        made = ItemWeights.from_matrix(sp.csr_matrix(weights))
        rows, _ = made.top(Histories.from_lists([[0]]), 3, decay=1.0, last=1)
        assert rows[0].tolist() == [1, 2, 4]

    @settings(max_examples=40)
    @given(st.integers(0, 10_000), st.integers(1, 8))
    def test_it_is_a_full_sort_of_the_scores(self, seed: int, k: int) -> None:
        rng = np.random.default_rng(seed)
        n = 12
        # Few values, so that there are ties.
        weights = rng.integers(-1, 3, (n, n)).astype(np.float32)
        histories = Histories.from_lists(
            [rng.integers(0, n, rng.integers(0, 5)).tolist() for _ in range(4)]
        )
        allowed = rng.random(n) < 0.7
        made = ItemWeights.from_matrix(sp.csr_matrix(weights))
        rows, scores = made.top(
            histories, k, decay=1.0, last=3, allowed=allowed, excluded=histories
        )
        for user in range(4):
            expected = by_hand(weights, histories[user].tolist(), 1.0, 3)
            expected[~allowed] = 0
            expected[histories[user]] = 0
            order = [i for i in np.lexsort((np.arange(n), -expected)) if expected[i] > 0][:k]
            assert rows[user].tolist() == order + [-1] * (k - len(order))
            assert scores[user, : len(order)].tolist() == expected[order].tolist()

    def test_a_user_gets_the_same_bits_alone_as_in_a_batch(self) -> None:
        rng = np.random.default_rng(1)
        made = ItemWeights.from_matrix(sp.random(50, 50, 0.4, "csr", np.float32, rng))
        histories = Histories.from_lists([rng.integers(0, 50, 9).tolist() for _ in range(8)])
        rows, scores = made.top(histories, 10, decay=0.7, last=20)
        alone = made.top(histories.take(np.array([5])), 10, decay=0.7, last=20)
        assert alone[0].tolist() == rows[5:6].tolist()
        assert alone[1].tobytes() == scores[5:6].tobytes()


class TestFile:
    def test_it_comes_back_as_it_was_in_another_process(
        self, shop: ItemWeights, tmp_path: Path
    ) -> None:
        path = tmp_path / "behaviour.safetensors"
        shop.save(path)
        code = (
            "import sys; from pathlib import Path; "
            "from longtail.retrieval.features.item_weights import ItemWeights\n"
            "made = ItemWeights.load(Path(sys.argv[1]), n_items=5)\n"
            "assert 'torch' not in sys.modules\n"
            "print(made.matrix.toarray().tolist())"
        )
        assert output_of_python("-c", code, path).strip() == str(SHOP.tolist())

    @pytest.mark.parametrize(
        ("spoil", "says"),
        [
            ({"columns": None}, "no list of int32 named 'columns'"),
            ({"values": np.zeros(7)}, "no list of float32 named 'values'"),
            ({"indptr": np.array([0, 2, 4, 5, 6], np.int64)}, "made for 4 items, but the catalog"),
            ({"indptr": np.array([0, 2, 1, 5, 6, 6], np.int64)}, "rows that overlap"),
            ({"values": np.ones(5, np.float32)}, "6 columns and 5 weights"),
            ({"columns": np.array([1, 2, 0, 5, 0, 1], np.int32)}, "outside the 5"),
            ({"columns": np.array([2, 1, 0, 3, 0, 1], np.int32)}, "not in order"),
            ({"columns": np.array([1, 1, 0, 3, 0, 1], np.int32)}, "not in order"),
            ({"values": np.array([1, 1, np.nan, 1, 1, 1], np.float32)}, "not finite"),
        ],
    )
    def test_damage_is_named_in_one_line(
        self, shop: ItemWeights, tmp_path: Path, spoil: dict[str, np.ndarray | None], says: str
    ) -> None:
        path = tmp_path / "behaviour.safetensors"
        shop.save(path)
        tensors = {**load_file(path), **spoil}
        save_file({name: t for name, t in tensors.items() if t is not None}, path)
        with pytest.raises(DamagedFileError) as caught:
            ItemWeights.load(path, n_items=5)
        assert says in str(caught.value)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("content", [None, b"", b"x" * 100])
    def test_a_missing_or_foreign_file_is_named(
        self, tmp_path: Path, content: bytes | None
    ) -> None:
        path = tmp_path / "behaviour.safetensors"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(DamagedFileError, match=r"is missing|can't be read"):
            ItemWeights.load(path, n_items=5)
