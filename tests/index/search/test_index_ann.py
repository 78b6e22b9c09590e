"""A structure finds what exact search finds, as often as it promises, and says how often."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from index_toys import unit_rows
from numpy.typing import NDArray

from longtail.index.ann.ann_index import AnnIndex, read_ann
from longtail.index.ann.filter_plan import plan_filter
from longtail.index.ann.parameters import search_parameters
from longtail.index.ann.space import Space
from longtail.index.ann.tuning import recall
from longtail.index.ann_build import (
    PERTURBED_ITEMS,
    USER_VECTORS,
    AnnSettings,
    factory_for,
    perturbed_items,
    with_ann,
)
from longtail.index.errors import VectorIndexError
from longtail.index.faiss_runtime import load_faiss
from longtail.index.vector_index import VectorIndex
from longtail.index.vectors.stored_vectors import StoredVectors

N, DIM = 4_000, 16


EVERY_KIND = {
    "ivf": AnnSettings("ivf", exact_below=0, ks=(10,)),
    "hnsw": AnnSettings("hnsw", exact_below=0, ks=(10,)),
    "refined": AnnSettings("IVF16,PQ6x4fs,Refine(SQ8)", ks=(10,)),
    "flat lists": AnnSettings("OPQ6,IVF16,Flat", ks=(10,)),
    "no lists": AnnSettings("PQ6x4fs", ks=(10,)),
}


@pytest.fixture(scope="module")
def approximate(exact: VectorIndex, users: NDArray[np.float32]) -> VectorIndex:
    return with_ann(exact, EVERY_KIND["ivf"], user_vectors=users)


@pytest.fixture(params=list(EVERY_KIND))
def of_every_kind(
    request: pytest.FixtureRequest, exact: VectorIndex, users: NDArray[np.float32]
) -> VectorIndex:
    return with_ann(exact, EVERY_KIND[request.param], user_vectors=users)


def overlap(found: NDArray[np.int64], true: NDArray[np.int64]) -> float:
    pairs = zip(found.tolist(), true.tolist(), strict=True)
    return float(np.mean([len(set(a) & set(b)) / len(b) for a, b in pairs]))


def structure_of(index: VectorIndex) -> AnnIndex:
    structure = index.segments[1].ann
    assert structure is not None
    return structure


def test_every_kind_finds_its_share_of_the_exact_answers(
    of_every_kind: VectorIndex, exact: VectorIndex, users: NDArray[np.float32]
) -> None:
    true = exact.search(users[:100], 10).rows
    assert overlap(of_every_kind.search(users[:100], 10).rows, true) >= 0.95


@pytest.mark.parametrize("weight", [-1.0, -0.4, 0.3, 25.0])
def test_popularity_in_the_query_costs_no_recall(
    approximate: VectorIndex, exact: VectorIndex, users: NDArray[np.float32], weight: float
) -> None:
    true = exact.search(users[:100], 10, popularity_weight=weight).rows
    found = approximate.search(users[:100], 10, popularity_weight=weight).rows
    assert overlap(found, true) >= 0.95


def test_a_query_that_is_all_popularity_is_answered_exactly(
    approximate: VectorIndex, exact: VectorIndex
) -> None:
    nothing = np.zeros((1, DIM), np.float32)
    found = approximate.search(nothing, 20, popularity_weight=-1.0)
    assert (found.rows == exact.search(nothing, 20, popularity_weight=-1.0).rows).all()


def test_the_scores_of_what_is_found_are_exact(
    approximate: VectorIndex, exact: VectorIndex, users: NDArray[np.float32]
) -> None:
    found = approximate.search(users[:40], 10, popularity_weight=-0.2)
    assert (exact.score(users[:40], found.rows, popularity_weight=-0.2) == found.scores).all()


def test_the_report_says_what_was_measured_and_on_what(
    exact: VectorIndex, users: NDArray[np.float32]
) -> None:
    structure = structure_of(with_ann(exact, EVERY_KIND["ivf"], user_vectors=users))
    report = structure.report()
    assert report["kind"] == "ivf"
    assert report["factory"] == "RR24,IVF128,PQ6x4fs"
    assert (report["k"], report["target"], report["tuned_on"]) == (10, 0.98, USER_VECTORS)
    measured = recall(structure, exact.segments[1].vectors, users[1::2], 10)
    assert measured == pytest.approx(report["recall"], abs=0.01)
    untuned = with_ann(exact, EVERY_KIND["ivf"])
    assert structure_of(untuned).report()["tuned_on"] == PERTURBED_ITEMS


def test_a_higher_target_looks_further(exact: VectorIndex, users: NDArray[np.float32]) -> None:
    settings = [
        structure_of(
            with_ann(exact, AnnSettings("ivf", 0, target, (10,)), user_vectors=users)
        ).settings[0]
        for target in (0.6, 0.999)
    ]
    assert settings[0].nprobe * settings[0].candidates < settings[1].nprobe * settings[1].candidates
    assert settings[0].recall < settings[1].recall


def test_more_answers_than_it_was_tuned_for_are_as_good(
    approximate: VectorIndex, exact: VectorIndex, users: NDArray[np.float32]
) -> None:
    for k in (60, 400):
        found = approximate.search(users[:50], k, segments=["tail"]).rows
        assert (found >= 0).all()
        assert overlap(found, exact.search(users[:50], k, segments=["tail"]).rows) >= 0.93


def test_k_near_the_size_of_the_catalog_is_answered_exactly(
    approximate: VectorIndex, exact: VectorIndex, users: NDArray[np.float32]
) -> None:
    found = approximate.search(users[:3], N + 5).rows
    assert (found == exact.search(users[:3], N + 5).rows).all()


def test_a_structure_comes_back_from_its_file_and_report(
    approximate: VectorIndex, users: NDArray[np.float32], tmp_path: Path
) -> None:
    structure = structure_of(approximate)
    structure.write(tmp_path / "tail.ann.faiss")
    setting = structure.setting_for(10, 0.0)
    asked = np.concatenate([users[:30], np.zeros((30, 1), np.float32)], axis=1)
    for mmap in (False, True):
        again = read_ann(tmp_path / "tail.ann.faiss", structure.report(), mmap=mmap)
        assert again.report() == structure.report()
        assert (again.propose(asked, setting) == structure.propose(asked, setting)).all()
    # Plain FAISS reads the file too.
    assert load_faiss().read_index(str(tmp_path / "tail.ann.faiss")).ntotal == len(
        approximate.segments[1]
    )


def test_a_report_of_another_structure_is_refused(approximate: VectorIndex, tmp_path: Path) -> None:
    structure = structure_of(approximate)
    structure.write(tmp_path / "s.faiss")
    report = structure.report()
    with pytest.raises(ValueError, match="has 24 dimensions, not 32"):
        read_ann(tmp_path / "s.faiss", {**report, "space": {**report["space"], "width": 32}})
    with pytest.raises(KeyError):
        read_ann(tmp_path / "s.faiss", {})


def test_small_segments_stay_exact(exact: VectorIndex) -> None:
    assert all(s.ann is None for s in with_ann(exact).segments)
    assert all(s.ann is None for s in with_ann(exact, AnnSettings("exact", exact_below=0)).segments)
    some = with_ann(exact, AnnSettings("ivf", exact_below=2_000, ks=(10,)))
    assert [s.ann is None for s in some.segments] == [True, False, True]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"structure": "IVF16,Nonsense"}, "FAISS makes no index of 'IVF16,Nonsense'"),
        ({"structure": "IVF16,PQ7x4fs"}, "PQ7x4fs|can't be trained"),
        ({"target": 1.5}, "target must be above 0 and at most 1"),
        ({"ks": ()}, "ks must be one or more numbers"),
        ({"exact_below": -1}, "exact_below must be 0 or more"),
    ],
)
def test_settings_that_make_no_structure_are_refused_in_one_line(
    exact: VectorIndex, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(VectorIndexError, match=message) as caught:
        with_ann(exact, AnnSettings(**settings))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_user_vectors_of_another_length_are_refused(exact: VectorIndex) -> None:
    with pytest.raises(VectorIndexError, match=r"user vectors must be \[m, 16\]"):
        with_ann(exact, user_vectors=np.ones((4, 5), np.float32))


def test_the_gpu_gets_structures_that_faiss_has_for_it() -> None:
    factory = factory_for(10_000_000, 384, AnnSettings(device="gpu"))
    assert factory == "IVF8192,SQfp16"


def test_the_space_keeps_the_order_of_scores() -> None:
    rng = np.random.default_rng(3)
    items = np.concatenate([unit_rows(rng, 200, 7), rng.normal(-8, 2, (200, 1))], axis=1)
    queries = np.concatenate([unit_rows(rng, 5, 7), rng.normal(0, 0.2, (5, 1))], axis=1)
    items, queries = items.astype(np.float32), queries.astype(np.float32)
    space = Space.of(items)
    as_stored = queries.astype(float) @ items.T.astype(float)
    as_seen = space.queries(queries).astype(float) @ space.items(items).T.astype(float)
    difference = as_stored - as_seen
    assert np.allclose(difference, difference[:, :1], atol=1e-5)
    pulled = space.with_popularity_weight_ratio(queries[:, :-1], 0.3)
    assert np.allclose(space.popularity_weight_ratios(pulled), 0.3, rtol=1e-5)


def test_a_selector_reaches_the_index_inside_a_refinement() -> None:
    # IndexRefine ignores a selector in its own parameters without a word.
    faiss, rng = load_faiss(), np.random.default_rng(4)
    vectors = unit_rows(rng, 2_000, 16)
    for factory in ("IVF8,PQ4x4fs,RFlat", "OPQ4,IVF8,PQ4x4fs,RFlat", "PCA8,IVF8,Flat"):
        index = faiss.index_factory(16, factory, faiss.METRIC_INNER_PRODUCT)
        index.train(vectors)
        index.add(vectors)
        chosen = faiss.IDSelectorRange(100, 120)
        _, found = index.search(vectors[:9], 30, params=search_parameters(index, 8, chosen))
        assert set(np.unique(found)) <= {-1, *range(100, 120)}
        assert len(np.unique(found)) > 15


def test_a_filter_is_planned_by_what_it_lets_through() -> None:
    allowed = (5, 1_000, 10_000, 500_000)

    def plans(m: int) -> list[str]:
        return [plan_filter(m, n, 1_000_000, 385, scanned=0.02) for n in allowed]

    assert plans(1) == [*["in place"] * 3, "selector"]
    assert plans(256) == [*["copy"] * 3, "selector"]
    # A structure that can't keep to a filter is never asked with one.
    assert plan_filter(1, 500_000, 1_000_000, 385, scanned=None) == "in place"


def test_perturbed_items_lie_near_their_items() -> None:
    stored = StoredVectors.of_vectors(
        np.concatenate([np.eye(8, dtype=np.float32), np.full((8, 1), -9.0)], axis=1)
    )
    near = perturbed_items(stored, np.random.default_rng(0))
    assert np.allclose(np.linalg.norm(near - np.eye(8), axis=1), 0.5, atol=1e-5)


def test_readers_in_several_threads_get_the_answers_of_one(
    approximate: VectorIndex, users: NDArray[np.float32]
) -> None:
    allowed = np.random.default_rng(10).random(N) < 0.5
    expected = [approximate.search(users, 10, allowed=mask).rows for mask in (None, allowed)]

    def read(start: int) -> float:
        part, mask = users[start : start + 16], (None, allowed)[start % 2]
        found = approximate.search(part, 10, allowed=mask).rows
        return overlap(found, expected[start % 2][start : start + 16])

    with ThreadPoolExecutor(4) as readers:
        assert min(readers.map(read, list(range(0, 180, 7)))) > 0.97


@pytest.mark.gpu
def test_inverted_lists_on_the_gpu_find_what_they_find_on_the_cpu(
    exact: VectorIndex, users: NDArray[np.float32]
) -> None:
    from longtail.index.faiss_runtime import gpu_count

    if gpu_count() == 0:
        pytest.skip("FAISS sees no GPU")
    settings = AnnSettings("ivf", exact_below=0, ks=(10,), device="gpu")
    cpu = with_ann(exact, settings, user_vectors=users)
    gpu = cpu.to_device("gpu")
    allowed = np.random.default_rng(11).random(N) < 0.3
    # 1,500 answers need more candidates than the GPU gives.
    for k in (1, 10, 600):
        for mask in (None, allowed):
            asked = {"allowed": mask, "popularity_weight": -0.3}
            found = gpu.search(users[:40], k, **asked).rows
            assert overlap(found, cpu.search(users[:40], k, **asked).rows) > 0.99
