"""Few queries under a filter score what is allowed in the near lists."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from longtail.index.ann import allowed_lists, filter_plan
from longtail.index.ann.allowed_lists import AllowedLists, has_near_lists
from longtail.index.ann.ann_index import AnnIndex
from longtail.index.ann_build import StructureSettings, with_structures
from longtail.index.faiss_runtime import load_faiss
from longtail.index.updates import remove_items
from longtail.index.vector_index import VectorIndex


@pytest.fixture(scope="module")
def index(exact: VectorIndex, users: NDArray[np.float32]) -> VectorIndex:
    settings = StructureSettings("IVF64,Flat", ks=(10,))
    return with_structures(exact, settings, user_vectors=users)


@pytest.fixture(autouse=True)
def _by_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    # However few are allowed: at this size reading them all would always be planned.
    monkeypatch.setattr(filter_plan, "READ_IN_PLACE", 1e3)
    monkeypatch.setattr(filter_plan, "LISTED", 0.0)
    monkeypatch.setattr(filter_plan, "ASK_LISTS", 0.0)


def structure_of(index: VectorIndex) -> AnnIndex:
    structure = index.segments[1].structure
    assert structure is not None
    return structure


def lists_of(index: VectorIndex) -> AllowedLists:
    return AllowedLists.of(structure_of(index).index)


def recall(found: VectorIndex, exact: VectorIndex, users: NDArray[np.float32], **asked) -> float:  # type: ignore[no-untyped-def]
    shared = []
    for user in users:
        some, true = (one.search(user[None], 10, **asked).rows[0] for one in (found, exact))
        shared.append(len(set(some.tolist()) & set(true.tolist())) / 10)
    return float(np.mean(shared))


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_a_random_filter_loses_little(
    index: VectorIndex, exact: VectorIndex, users: NDArray[np.float32], share: float
) -> None:
    allowed = np.random.default_rng(1).random(exact.n_items) < share
    assert recall(index, exact, users[:60], allowed=allowed) >= 0.97


def test_where_popularity_weighs_all_that_is_allowed_is_looked_at(
    index: VectorIndex,
    exact: VectorIndex,
    users: NDArray[np.float32],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The lists are made without it: what it lifts lies in any of them.
    monkeypatch.setattr(allowed_lists, "LEAST_SHARE", 0.02)
    monkeypatch.setattr(allowed_lists, "LEAST_AN_ANSWER", 1)
    monkeypatch.setattr(allowed_lists, "LEAST_LISTS", 0.02)
    asked = {"allowed": np.random.default_rng(1).random(exact.n_items) < 0.5}
    assert recall(index, exact, users[:40], **asked) < 1.0
    for weight in (0.01, -0.3, 1.0):
        assert recall(index, exact, users[:40], **asked, popularity_weight=weight) == 1.0


def test_a_higher_target_is_not_served_by_lists(
    exact: VectorIndex, users: NDArray[np.float32]
) -> None:
    allowed = np.arange(0, 500, dtype=np.int64)
    for target, served in ((0.98, True), (0.99, False)):
        settings = StructureSettings("IVF64,Flat", target=target, ks=(10,))
        made = with_structures(exact, settings, user_vectors=users)
        assert made.segments[1].restricted(allowed, 1).by_lists is served


def test_not_all_that_is_allowed_is_looked_at(
    index: VectorIndex, users: NDArray[np.float32]
) -> None:
    structure = structure_of(index)
    allowed = np.arange(0, len(structure), 2, dtype=np.int64)
    full = np.concatenate([users[:5], np.zeros((5, 1), np.float32)], axis=1)
    near = lists_of(index).near(structure.space.queries(full), allowed, 10)
    for line in near:
        held = line[line >= 0]
        assert 500 <= len(held) < 0.8 * len(allowed)
        assert np.isin(held, allowed).all()
        assert (np.diff(held) > 0).all()
    # Looking further comes to an end at all that is allowed.
    all_of_them = lists_of(index).near(structure.space.queries(full), allowed, 10, 16)
    assert (all_of_them == allowed).all()


def test_every_position_has_the_list_that_faiss_put_it_into(index: VectorIndex) -> None:
    structure = structure_of(index)
    lists = lists_of(index)
    core = load_faiss().downcast_index(structure.index)
    for number in (0, 7, 63):
        held = load_faiss().rev_swig_ptr(
            core.invlists.get_ids(number), core.invlists.list_size(number)
        )
        assert (lists.list_of[held] == number).all()
        assert len(held) == (lists.list_of == number).sum()


def test_a_filter_that_lies_in_few_lists_is_exact(
    index: VectorIndex, exact: VectorIndex, users: NDArray[np.float32]
) -> None:
    # The rows nearest to one item: what a brand or a category may let through.
    vectors = exact.vectors(np.arange(exact.n_items))
    nearness = vectors @ vectors[17]
    allowed = nearness >= np.sort(nearness)[-400]
    for user in users[:40]:
        asked = {"allowed": allowed}
        some, true = (one.search(user[None], 10, **asked) for one in (index, exact))
        assert (some.rows == true.rows).all()
        assert (some.scores == true.scores).all()


def test_what_was_removed_or_excluded_is_no_answer(
    index: VectorIndex, users: NDArray[np.float32]
) -> None:
    allowed = np.zeros(index.n_items, bool)
    allowed[np.random.default_rng(2).choice(index.n_items, 900, replace=False)] = True
    first = index.search(users[:1], 10, allowed=allowed).rows[0]
    without = remove_items(index, first[:5])
    offsets, rows = np.array([0, 5], np.int64), first[5:].astype(np.int32)
    found = without.search(users[:1], 10, allowed=allowed, excluded=(offsets, rows)).rows[0]
    assert not set(found.tolist()) & set(first.tolist())
    assert (found >= 0).all()
    assert allowed[found].all()


def test_lists_whose_centroids_are_codes_are_left_to_faiss() -> None:
    faiss = load_faiss()
    coarse = faiss.IndexScalarQuantizer(
        16, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
    )
    lists = faiss.IndexIVFFlat(coarse, 16, 4, faiss.METRIC_INNER_PRODUCT)
    assert not has_near_lists(lists)
    assert not has_near_lists(faiss.IndexFlatIP(16))
