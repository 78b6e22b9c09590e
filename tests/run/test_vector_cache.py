"""Keys and numbers of texts as they come block by block, and across runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from longtail.retrieval.towers.vector_cache import VectorCache

# Few distinct contents: many blocks then fall between the same two keys.
BLOCKS = st.lists(st.lists(st.integers(0, 400), max_size=30), max_size=12)


def contents(names: list[int]) -> list[bytes]:
    return [str(name).encode() for name in names]


@settings(max_examples=60)
@given(BLOCKS)
def test_numbers_count_texts_in_the_order_they_came(blocks: list[list[int]]) -> None:
    cache = VectorCache(Path("never-written"), "reader")
    expected: dict[int, int] = {}
    for block in blocks:
        new = [name for name in dict.fromkeys(block) if name not in expected]
        cache.reserve(cache.keys(contents(new)))
        expected.update((name, i) for i, name in enumerate(new, len(expected)))
        assert len(cache) == len(expected)
        names = list(range(401))
        found = cache.find(cache.keys(contents(names)))
        assert found.tolist() == [expected.get(name, -1) for name in names]


def test_later_texts_are_numbered_after_those_of_the_folder(tmp_path: Path) -> None:
    first = VectorCache(tmp_path, "reader")
    for start in (0, 50):
        first.reserve(first.keys(contents(list(range(start, start + 50)))))
        first.write(np.arange(start, start + 50, dtype=np.float32)[:, None])
    again = VectorCache(tmp_path, "reader")
    assert len(again) == 100
    again.reserve(again.keys(contents([100, 101])))
    again.write(np.array([[100.0], [101.0]], np.float32))
    numbers = again.find(again.keys(contents(list(range(102)))))
    assert sorted(numbers.tolist()) == list(range(102))
    assert numbers[100:].tolist() == [100, 101]
    assert again.vectors(numbers)[:, 0].tolist() == list(range(102))
