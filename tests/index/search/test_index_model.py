"""Any sequence of updates, saves and openings answers as a dictionary with a full sort does."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from index_toys import by_hand, whole_number_vectors
from numpy.typing import NDArray

from longtail.index import files
from longtail.index.errors import MissingVersionError
from longtail.index.storage.store import open_index, rollback, save_index
from longtail.index.updates import add_items, compact, reassign, remove_items, replace_items
from longtail.index.vector_index import SEGMENT_NAMES, VectorIndex

DIM = 3
SEEDS = st.integers(0, 2**16)
SHARES = st.sampled_from([0.05, 0.3, 0.9])


@dataclass(frozen=True)
class Item:
    """What the dictionary knows of one row."""

    item_id: str
    vector: tuple[float, ...]
    popularity: float
    pool: int
    removed: bool = False


Model = dict[int, Item]


class IndexMachine(RuleBasedStateMachine):
    """Does the same to an index and to a dictionary of rows."""

    operations = 0

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp()) / "run" / "index"
        self.versions: dict[str, Model] = {}
        self.served: list[str] = []
        self.saved = True
        self.fresh_id = 0

    def teardown(self) -> None:
        shutil.rmtree(self.folder.parent.parent)

    @initialize(seed=SEEDS, storage=st.sampled_from(["float32", "float16"]), n=st.integers(1, 12))
    def build(self, seed: int, storage: str, n: int) -> None:
        items = self._items(np.random.default_rng(seed), n)
        self.model: Model = dict(enumerate(items))
        self.index = VectorIndex.build(
            *columns(items),
            item_ids=[item.item_id for item in items],
            tower_fingerprint="tower",
            storage=storage,  # type: ignore[arg-type]
        )
        self._save()

    @rule(seed=SEEDS, n=st.integers(1, 6))
    def add(self, seed: int, n: int) -> None:
        items = self._items(np.random.default_rng(seed), n)
        self._add(items)

    @precondition(lambda self: any(item.removed for item in self.model.values()))
    @rule(seed=SEEDS)
    def add_what_was_removed(self, seed: int) -> None:
        gone = {item.item_id for item in self.model.values() if item.removed}
        gone -= {item.item_id for item in self.model.values() if not item.removed}
        for item_id in sorted(gone)[:1]:
            item = self._items(np.random.default_rng(seed), 1)[0]
            self._add([replace(item, item_id=item_id)])

    @precondition(lambda self: self._live())
    @rule(seed=SEEDS, share=SHARES)
    def replace_some(self, seed: int, share: float) -> None:
        rng = np.random.default_rng(seed)
        rows = self._some(rng, share)
        items = [
            replace(item, item_id=self.model[row].item_id)
            for row, item in zip(rows.tolist(), self._items(rng, len(rows)), strict=True)
        ]
        self.index = replace_items(self.index, rows, *columns(items))
        self.model = self.model | dict(zip(rows.tolist(), items, strict=True))
        self._changed()

    @precondition(lambda self: self._live())
    @rule(seed=SEEDS, share=SHARES)
    def remove_some(self, seed: int, share: float) -> None:
        rows = self._some(np.random.default_rng(seed), share)
        self.index = remove_items(self.index, rows)
        gone = {row: replace(self.model[row], removed=True) for row in rows.tolist()}
        self.model = self.model | gone
        self._changed()

    @precondition(lambda self: self._live())
    @rule(seed=SEEDS, share=SHARES)
    def move_some(self, seed: int, share: float) -> None:
        rng = np.random.default_rng(seed)
        for row in self._some(rng, share).tolist():
            moved = self._items(rng, 1)[0]
            item = replace(self.model[row], popularity=moved.popularity, pool=moved.pool)
            self.model = self.model | {row: item}
        _, popularity, pool = columns(list(self.model.values()))
        self.index = reassign(self.index, popularity, pool)
        self._changed()

    @precondition(lambda self: self._live())
    @rule()
    def compact_all(self) -> None:
        self.index, old_row = compact(self.index)
        assert old_row.tolist() == self._live()
        self.model = {new: self.model[old] for new, old in enumerate(old_row.tolist())}
        self._changed()

    @rule()
    def save(self) -> None:
        self._save()

    @precondition(lambda self: self.saved)
    @rule(memory_map=st.booleans(), check=st.sampled_from(["sums", "sizes"]))
    def open_what_is_served(self, memory_map: bool, check: str) -> None:
        self.index = open_index(
            self.folder,
            memory_map=memory_map,
            check=check,  # type: ignore[arg-type]
        )
        self._changed(saved=True)

    @precondition(lambda self: self.saved)
    @rule()
    def go_back(self) -> None:
        earlier = [name for name in self.served if name < self.version]
        if not earlier:
            with pytest.raises(MissingVersionError):
                rollback(self.folder)
            return
        self.version = rollback(self.folder)
        assert self.version == earlier[-1]
        self.model = self.versions[self.version]
        self.index = open_index(self.folder)
        self._changed(saved=True)

    @invariant()
    def the_index_knows_what_the_dictionary_knows(self) -> None:
        if not hasattr(self, "index"):
            return
        items, rows = list(self.model.values()), np.arange(len(self.model))
        vectors, popularity, pool = columns(items)
        assert self.index.item_ids.tolist() == [item.item_id for item in items]
        assert (self.index.vectors(rows) == vectors).all()
        assert (self.index.popularity(rows) == popularity).all()
        assert (self.index.pool_codes() == pool).all()
        assert self.index.removed.tolist() == [item.removed for item in items]
        live = self._live()
        assert self.index.n_live == len(live)
        assert self.index.rows_of([items[row].item_id for row in live]).tolist() == live

    @rule(seed=SEEDS, k=st.integers(1, 20), weight=st.integers(-2, 2))
    def query(self, seed: int, k: int, weight: int) -> None:
        type(self).operations += 1
        rng, n = np.random.default_rng(seed), len(self.model)
        queries = whole_number_vectors(rng, 3, DIM)
        vectors, popularity, pool = columns(list(self.model.values()))
        chosen = rng.random(len(SEGMENT_NAMES)) < 0.7
        allowed, seen = rng.random(n) < 0.8, [np.flatnonzero(rng.random(n) < 0.2) for _ in range(3)]
        gone = np.array([item.removed for item in self.model.values()])
        may = np.tile(allowed & ~gone & chosen[pool], (3, 1))
        for line, rows in zip(may, seen, strict=True):
            line[rows] = False
        scores = queries.astype(np.float64) @ vectors.T + weight * popularity.astype(np.float64)
        found = self.index.search(
            queries,
            k,
            popularity_weight=float(weight),
            segments=[name for name, taken in zip(SEGMENT_NAMES, chosen, strict=True) if taken],
            excluded=(
                np.cumsum([0, *map(len, seen)]).astype(np.int64),
                np.concatenate(seen).astype(np.int32),
            ),
            allowed=allowed,
        )
        expected = by_hand(scores, k, may)
        assert found.rows.tolist() == expected.tolist()
        again = self.index.score(queries, found.rows, popularity_weight=float(weight))
        assert (again == found.scores).all()

    def _add(self, items: list[Item]) -> None:
        ids = [item.item_id for item in items]
        self.index = add_items(self.index, *columns(items), item_ids=ids)
        self.model = self.model | dict(enumerate(items, start=len(self.model)))
        self._changed()

    def _save(self) -> None:
        if not self.saved or not self.served:
            self.version = save_index(self.index, self.folder, keep=3)
            self.versions[self.version] = self.model
            kept = [name for name in self.served if (self.folder / name).is_dir()]
            self.served = [*kept, self.version]
        self._changed(saved=True)

    def _changed(self, *, saved: bool = False) -> None:
        type(self).operations += 1
        self.saved = saved

    def _live(self) -> list[int]:
        return [row for row, item in self.model.items() if not item.removed]

    def _some(self, rng: np.random.Generator, share: float) -> NDArray[np.int64]:
        live = np.array(self._live(), np.int64)
        return rng.permutation(live)[: max(1, int(share * len(live)))]

    def _items(self, rng: np.random.Generator, n: int) -> list[Item]:
        self.fresh_id += n
        return [
            Item(
                f"item {self.fresh_id - number}",
                tuple(whole_number_vectors(rng, 1, DIM)[0].tolist()),
                float(rng.integers(-9, 0)),
                int(rng.integers(0, 3)),
            )
            for number in range(n)
        ]


def columns(
    items: list[Item],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int8]]:
    """Return vectors, popularities and pools of the items, as the index takes them."""
    return (
        np.array([item.vector for item in items], np.float32),
        np.array([item.popularity for item in items], np.float32),
        np.array([item.pool for item in items], np.int8),
    )


def test_a_thousand_random_operations_answer_as_a_dictionary_with_a_full_sort(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Nobody pulls the plug here, and waiting for the disk is most of the time.
    monkeypatch.setattr(files.os, "fsync", lambda descriptor: None)
    IndexMachine.operations = 0
    run_state_machine_as_test(
        IndexMachine, settings=settings(max_examples=60, stateful_step_count=30)
    )
    assert IndexMachine.operations >= 1_000
