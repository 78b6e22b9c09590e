"""No search returns what it must not, and every search returns k answers where k exist."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from index_toys import build, compress, unit_rows
from numpy.typing import NDArray

from longtail.index.ann import filter_plan
from longtail.index.ann_build import AnnSettings, with_ann
from longtail.index.vector_index import VectorIndex

N, DIM, K = 1_500, 12, 10
KINDS = {
    "exact": AnnSettings("exact"),
    "ivf": AnnSettings("ivf", exact_below=0, ks=(10,)),
    "hnsw": AnnSettings("hnsw", exact_below=0, ks=(10,)),
    "flat lists": AnnSettings("IVF16,Flat", ks=(10,)),
    "refined": AnnSettings("IVF16,PQ4x4fs,RFlat", ks=(10,)),
    "transformed": AnnSettings("PCA8,IVF16,PQ4x4", ks=(10,)),
    "product codes": AnnSettings("PQ8x4fs", ks=(10,)),
}
SHARES = {"half": 0.5, "a tenth": 0.1, "a hundredth": 0.01, "a handful": 5 / N, "nothing": 0.0}
POOLS = {"all": None, "tail": ["tail"], "tail and cold": ["tail", "cold"]}
ROUTES = ("selector", "copy", "in place")


@cache
def segment_of() -> NDArray[np.int8]:
    return np.random.default_rng(1).choice(3, N, p=[0.2, 0.6, 0.2]).astype(np.int8)


@cache
def index_of(kind: str, storage: str, removed: bool) -> VectorIndex:
    rng = np.random.default_rng(2)
    popularity = rng.normal(-8, 2, N).astype(np.float32)
    vectors = unit_rows(rng, N, DIM)
    base = build(vectors, popularity, segment_of())
    if storage == "float16":
        base = VectorIndex.build(
            vectors,
            popularity,
            segment_of(),
            item_ids=[f"item {row}" for row in range(N)],
            tower_fingerprint="tower-a",
            storage="float16",
        )
    made = with_ann(base, KINDS[kind], user_vectors=users())
    if not removed:
        return made
    gone = removed_rows()
    segments = tuple(
        replace(s, removed=np.flatnonzero(np.isin(s.rows, gone)).astype(np.int64))
        for s in made.segments
    )
    return replace(made, segments=segments)


@cache
def users() -> NDArray[np.float32]:
    return unit_rows(np.random.default_rng(3), 60, DIM) * np.float32(20)


@cache
def removed_rows() -> NDArray[np.int64]:
    return np.random.default_rng(4).choice(N, N // 5, replace=False)


@cache
def seen() -> list[list[int]]:
    """Most users have seen a few items, some hundreds, one nearly everything near them."""
    rng = np.random.default_rng(5)
    lengths = rng.choice([0, 3, 20, 400], 60, p=[0.2, 0.4, 0.3, 0.1])
    lists = [rng.choice(N, length, replace=False).tolist() for length in lengths]
    lists[7] = rng.choice(N, N - 4, replace=False).tolist()
    return lists


def check(index: VectorIndex, may_return: NDArray[np.bool_], m: int, **asked: object) -> None:
    """Search for m users; compare what comes back with what may come back, bool [60, n]."""
    found = index.search(users()[:m], K, **asked).rows  # type: ignore[arg-type]
    for user, rows in enumerate(found):
        there = rows[rows >= 0]
        assert may_return[user, there].all(), f"user {user} got what is forbidden"
        assert len(set(there.tolist())) == len(there), f"user {user} got a row twice"
        wanted = min(K, int(may_return[user].sum()))
        assert len(there) == wanted, f"user {user} got {len(there)} of {wanted}"


@pytest.mark.parametrize("removed", [False, True], ids=["whole", "with removed items"])
@pytest.mark.parametrize("pool", list(POOLS))
@pytest.mark.parametrize("kind", list(KINDS))
def test_no_search_leaks_and_none_comes_back_short(kind: str, pool: str, removed: bool) -> None:
    storage = "float16" if kind in ("exact", "ivf") and pool == "tail" else "float32"
    index, names = index_of(kind, storage, removed), POOLS[pool]
    base = np.ones((60, N), bool)
    if names is not None:
        base &= np.isin(segment_of(), [("head", "tail", "cold").index(name) for name in names])
    if removed:
        base[:, removed_rows()] = False
    unseen = base.copy()
    for user, rows in enumerate(seen()):
        unseen[user, rows] = False
    for weight in (0.0, -0.4):
        asked = {"segments": names, "popularity_weight": weight}
        for m in (1, 60):
            check(index, base, m, **asked)
            check(index, unseen, m, **asked, excluded=compress(seen()[:m]))


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("share", list(SHARES))
@pytest.mark.parametrize("kind", list(KINDS))
def test_no_way_to_filter_leaks_or_comes_back_short(
    kind: str, share: str, route: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    force(route, monkeypatch)
    rng = np.random.default_rng(6)
    allowed = np.zeros(N, bool)
    allowed[rng.choice(N, round(SHARES[share] * N), replace=False)] = True
    for removed in (False, True):
        index = index_of(kind, "float32", removed)
        may_return = np.tile(allowed, (60, 1))
        if removed:
            may_return[:, removed_rows()] = False
        for m in (1, 12):
            check(index, may_return, m, allowed=allowed)
        for user, rows in enumerate(seen()):
            may_return[user, rows] = False
        check(index, may_return, 12, allowed=allowed, excluded=compress(seen()[:12]))


def force(route: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every filtered search go this way, however dear it is."""
    for name in ("READ_IN_PLACE", "COPY", "MULTIPLY"):
        monkeypatch.setattr(filter_plan, name, 1e6 if route == "selector" else 0.0)
    monkeypatch.setattr(filter_plan, "GATHER_FROM_QUERIES", 10**9 if route == "in place" else 0)


def test_a_filter_far_from_the_user_still_gets_k_answers() -> None:
    # All that is allowed lies opposite to the user: no list near them holds any of it.
    index = index_of("ivf", "float32", False)
    rows = np.arange(N)
    scores = index.score(users()[:1], rows[None, :])[0]
    for n_allowed in (3, 300):
        allowed = np.zeros(N, bool)
        allowed[np.argsort(scores)[:n_allowed]] = True
        check(index, np.tile(allowed, (60, 1)), 1, allowed=allowed)
