"""Item-to-item weights: what follows what, and what they refuse to be read from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from processes import output_of_python
from safetensors.numpy import load_file, save_file

from longtail.index.errors import DamagedFileError
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


def test_what_follows_an_item_can_be_read(shop: ItemWeights) -> None:
    following = shop.matrix[1]
    assert following.indices.tolist() == [0, 3]
    assert following.data.tolist() == pytest.approx([-0.5, 0.8])


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
