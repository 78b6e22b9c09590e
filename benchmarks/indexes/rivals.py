"""The indexes that the default one is compared with: same vectors, same queries, same threads.

Building them takes an hour at a million items, and can go on beside other work: with a folder to
keep them in, a later run on an idle machine only searches.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from machine.ceilings import timed
from numpy.typing import NDArray

from longtail.index.faiss_runtime import load_faiss

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


@dataclass(frozen=True)
class Kept:
    """Built indexes of some items in a folder, each beside what it cost; None keeps nothing."""

    folder: Path | None

    def built(
        self,
        name: str,
        make: Callable[[], Any],
        store: Callable[[Any, Path], object],
        load: Callable[[Path], Any],
    ) -> tuple[Any, dict[str, float]]:
        """Return an index, its processor seconds, and how much more memory the process held."""
        place = self.folder / name if self.folder else None
        costs_file = self.folder / f"{name}.costs.json" if self.folder else None
        if place and costs_file and costs_file.exists():
            return load(place), json.loads(costs_file.read_text())
        before, began = resident_gb(), time.process_time()
        made = make()
        # Of the processors, not of the clock: whatever else the machine does isn't in it.
        costs = {
            "build_processor_s": time.process_time() - began,
            "memory_gb": resident_gb() - before,
        }
        if place and costs_file:
            place.parent.mkdir(parents=True, exist_ok=True)
            store(made, place)
            costs_file.write_text(json.dumps(costs))
        return made, costs


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
    items: NDArray[np.float32], *workload: Any, threads: int, k: int, kept: Kept
) -> list[dict[str, Any]]:
    """Return the rows of hnswlib with M 16 and efConstruction 200."""
    import hnswlib

    def make() -> Any:
        graph = hnswlib.Index(space="ip", dim=items.shape[1])
        graph.init_index(max_elements=len(items), ef_construction=200, M=16, random_seed=0)
        graph.add_items(items, num_threads=threads)
        return graph

    def load(place: Path) -> Any:
        graph = hnswlib.Index(space="ip", dim=items.shape[1])
        graph.load_index(str(place), max_elements=len(items))
        return graph

    graph, costs = kept.built("hnswlib", make, lambda g, place: g.save_index(str(place)), load)

    def search_with(effort: int) -> Search:
        def search(queries: NDArray[np.float32], m: int) -> Rows:
            graph.set_ef(max(k, effort))
            used = threads if m > 1 else 1
            return np.asarray(graph.knn_query(queries, k=k, num_threads=used)[0], np.int64)

        return search

    return swept("hnswlib M16", search_with, costs, *workload)


def usearch_rows(
    items: NDArray[np.float32], *workload: Any, threads: int, k: int, kept: Kept
) -> list[dict[str, Any]]:
    """Return the rows of usearch with connectivity 16, float32."""
    from usearch.index import Index

    def make() -> Any:
        graph = Index(
            ndim=items.shape[1], metric="ip", dtype="f32", connectivity=16, expansion_add=128
        )
        graph.add(np.arange(len(items)), items, threads=threads)
        return graph

    graph, costs = kept.built(
        "usearch",
        make,
        lambda g, place: g.save(str(place)),
        lambda place: Index.restore(str(place)),
    )

    def search_with(effort: int) -> Search:
        def search(queries: NDArray[np.float32], m: int) -> Rows:
            graph.expansion_search = max(k, effort)
            found = graph.search(
                queries if m > 1 else queries[0], k, threads=threads if m > 1 else 1
            )
            return np.asarray(found.keys, np.int64).reshape(m, -1)

        return search

    return swept("usearch M16", search_with, costs, *workload)


def faiss_rows(
    factory: str, items: NDArray[np.float32], *workload: Any, threads: int, k: int, kept: Kept
) -> list[dict[str, Any]]:
    """Return the rows of a plain FAISS index with its default settings, nprobe swept."""
    faiss = load_faiss()

    def make() -> Any:
        index = faiss.index_factory(items.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
        index.train(items)
        index.add(items)
        return index

    faiss.omp_set_num_threads(threads)
    index, costs = kept.built(
        factory.replace(",", "-"),
        make,
        lambda made, place: faiss.write_index(made, str(place)),
        lambda place: faiss.read_index(str(place)),
    )
    inverted = faiss.extract_index_ivf(
        faiss.downcast_index(index.base_index) if hasattr(index, "base_index") else index
    )

    def search_with(effort: int) -> Search:
        inverted.nprobe = min(effort, inverted.nlist)

        def search(queries: NDArray[np.float32], m: int) -> Rows:
            faiss.omp_set_num_threads(threads if m > 1 else 1)
            return np.asarray(index.search(queries, k)[1], np.int64)

        return search

    return swept(f"faiss {factory}", search_with, costs, *workload)
