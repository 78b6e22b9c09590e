"""The indexes that the default one is compared with: same vectors, same queries, same threads."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from index_ceilings import timed
from numpy.typing import NDArray

from index.faiss_runtime import load_faiss

Rows = NDArray[np.int64]
Search = Callable[[NDArray[np.float32], int], Rows]
SINGLES = 256
EFFORTS = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1_024, 1_536, 2_048)


def overlap(found: Rows, true: Rows) -> float:
    """Return the share of the true neighbours among those found."""
    pairs = zip(found.tolist(), true.tolist(), strict=True)
    return float(np.mean([len(set(f) & set(t)) / len(t) for f, t in pairs]))


def speed(search: Search, queries: NDArray[np.float32]) -> dict[str, Any]:
    """Return queries a second in one batch and one by one, with the spread of five runs."""
    batch = timed(lambda: search(queries, len(queries)))
    some = queries[:SINGLES]
    alone = timed(lambda: [search(some[i : i + 1], 1) for i in range(len(some))])
    return {
        "batch_qps": len(queries) / batch["seconds"],
        "batch_qps_least": len(queries) / batch["greatest"],
        "batch_qps_greatest": len(queries) / batch["least"],
        "single_ms": 1e3 * alone["seconds"] / len(some),
        "single_ms_least": 1e3 * alone["least"] / len(some),
        "single_ms_greatest": 1e3 * alone["greatest"] / len(some),
    }


def resident_gb() -> float:
    """Return the process's resident memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e9


def built(make: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """Return what ``make`` builds, its seconds, and how much more memory the process holds."""
    before, began = resident_gb(), time.perf_counter()
    made = make()
    seconds = time.perf_counter() - began
    return made, {"build_seconds": seconds, "memory_gb": resident_gb() - before}


def swept(
    name: str,
    search_with: Callable[[int], Search],
    costs: dict[str, float],
    queries: NDArray[np.float32],
    true: Rows,
    targets: Sequence[float],
) -> list[dict[str, Any]]:
    """Return one row a target: the least effort that reaches it on the first half, measured on all.

    Every rival gets the setting that suits these queries best, as a careful user would choose.
    """
    rows, half, left = [], len(queries) // 2, list(targets)
    for effort in EFFORTS:
        search = search_with(effort)
        if not left or overlap(search(queries[:half], half), true[:half]) < left[0]:
            continue
        found = overlap(search(queries, len(queries)), true)
        measured = speed(search, queries)
        while left and found >= left[0] - 0.005:
            target = left.pop(0)
            rows.append(
                {"index": name, "target": target, "effort": effort, "recall": found}
                | measured
                | costs
            )
    rows += [{"index": name, "target": target, "recall": None} | costs for target in left]
    return rows


def hnswlib_rows(
    items: NDArray[np.float32], *asked: Any, threads: int, k: int
) -> list[dict[str, Any]]:
    """Return the rows of hnswlib with M 16 and efConstruction 200."""
    import hnswlib

    def make() -> Any:
        graph = hnswlib.Index(space="ip", dim=items.shape[1])
        graph.init_index(max_elements=len(items), ef_construction=200, M=16, random_seed=0)
        graph.add_items(items, num_threads=threads)
        return graph

    graph, costs = built(make)

    def search_with(effort: int) -> Search:
        def search(queries: NDArray[np.float32], m: int) -> Rows:
            graph.set_ef(max(k, effort))
            used = threads if m > 1 else 1
            return np.asarray(graph.knn_query(queries, k=k, num_threads=used)[0], np.int64)

        return search

    return swept("hnswlib M16", search_with, costs, *asked)


def usearch_rows(
    items: NDArray[np.float32], *asked: Any, threads: int, k: int
) -> list[dict[str, Any]]:
    """Return the rows of usearch with connectivity 16, float32."""
    from usearch.index import Index

    def make() -> Any:
        graph = Index(
            ndim=items.shape[1], metric="ip", dtype="f32", connectivity=16, expansion_add=128
        )
        graph.add(np.arange(len(items)), items, threads=threads)
        return graph

    graph, costs = built(make)

    def search_with(effort: int) -> Search:
        def search(queries: NDArray[np.float32], m: int) -> Rows:
            graph.expansion_search = max(k, effort)
            found = graph.search(
                queries if m > 1 else queries[0], k, threads=threads if m > 1 else 1
            )
            return np.asarray(found.keys, np.int64).reshape(m, -1)

        return search

    return swept("usearch M16", search_with, costs, *asked)


def faiss_rows(
    factory: str, items: NDArray[np.float32], *asked: Any, threads: int, k: int
) -> list[dict[str, Any]]:
    """Return the rows of a plain FAISS index with its default settings, nprobe swept."""
    faiss = load_faiss()

    def make() -> Any:
        index = faiss.index_factory(items.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
        index.train(items)
        index.add(items)
        return index

    faiss.omp_set_num_threads(threads)
    index, costs = built(make)
    inverted = faiss.extract_index_ivf(
        faiss.downcast_index(index.base_index) if hasattr(index, "base_index") else index
    )

    def search_with(effort: int) -> Search:
        inverted.nprobe = min(effort, inverted.nlist)

        def search(queries: NDArray[np.float32], m: int) -> Rows:
            faiss.omp_set_num_threads(threads if m > 1 else 1)
            return np.asarray(index.search(queries, k)[1], np.int64)

        return search

    return swept(f"faiss {factory}", search_with, costs, *asked)
