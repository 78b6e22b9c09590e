"""The parts of the index benchmark; each returns its figures and its targets."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from indexes.rivals import (
    Kept,
    Rows,
    faiss_rows,
    hnswlib_rows,
    overlap,
    speed,
    usearch_rows,
)
from indexes.vectors import Population
from machine.ceilings import timed
from numpy.typing import NDArray
from report.targets import target

from longtail.index.ann.parameters import search_parameters
from longtail.index.ann_build import AnnSettings, with_ann
from longtail.index.faiss_runtime import exactly_threads, load_faiss
from longtail.index.storage.store import open_index, save_index
from longtail.index.vector_index import VectorIndex
from longtail.index.vectors.scoring import exact_scores

K = 10
QUERIES = 2_048
# More items than this are made in a file, so that they don't count as the index's memory.
IN_MEMORY = 1_000_000
Found = tuple[Any, list[dict[str, Any]]]


def index_of(
    vectors: NDArray[np.float32], *, pools: bool = False, storage: str = "float32"
) -> VectorIndex:
    """Return an exact index, in one pool or in head, tail and cold (20, 60 and 20 %)."""
    rng, n = np.random.default_rng(3), len(vectors)
    popularity = rng.normal(-8, 2, n).astype(np.float32)
    segment_of = rng.choice(3, n, p=[0.2, 0.6, 0.2]) if pools else np.zeros(n, np.int64)
    return VectorIndex.build(
        vectors,
        popularity,
        segment_of.astype(np.int8),
        ("head", "tail", "cold") if pools else ("all",),
        item_ids=[f"item-{row}" for row in range(n)],
        tower_fingerprint="benchmark",
        storage=storage,  # type: ignore[arg-type]
    )


def exact_part(people: Population, n: int, ceiling: dict[str, Any], threads: int) -> Found:
    """Exact search of 1, 64 and 2,048 queries, beside what the machine can do at most."""
    queries, index = people.users(QUERIES), index_of(people.items(n))
    n_bytes, rows = n * (index.dim + 1) * 4, []
    floor_s = n_bytes / 1e9 / ceiling[f"read_{threads}_threads"]["gb_per_second"]
    for m in (1, 64, 2_048):
        found = timed(lambda m=m: index.search(queries[:m], K))
        gflops = 2e-9 * m * n * (index.dim + 1) / found["seconds"]
        rows.append(
            {
                "queries": m,
                "ms_a_query": 1e3 * found["seconds"] / m,
                "ms_a_query_least": 1e3 * found["least"] / m,
                "ms_a_query_greatest": 1e3 * found["greatest"] / m,
                "recall": 1.0,
                "times_the_reading_floor": found["seconds"] / floor_s,
                "share_of_the_matrix_rate": gflops / ceiling["matrix"]["gflops"],
            }
        )
    said = f"exact {n:,} x {index.dim}"
    lines = [
        target(
            f"{said}: one query, times the reading floor",
            rows[0]["times_the_reading_floor"],
            1.2,
            most=True,
        ),
        target(
            f"{said}: share of the matrix rate at 2,048",
            rows[2]["share_of_the_matrix_rate"],
            0.75,
            most=False,
        ),
    ]
    # The target's milliseconds are those of a million items; the work is proportional.
    most_ms = 9.0 * n / 1e6
    lines.append(target(f"{said}: ms a query in 64", rows[1]["ms_a_query"], most_ms, most=True))
    return {"items": n, "dim": index.dim, "reading_floor_ms": 1e3 * floor_s, "rows": rows}, lines


def rivals_part(people: Population, n: int, threads: int, kept: Kept) -> Found:
    """The default index against other libraries, at the same recall."""
    items, queries = people.items(n), people.users(QUERIES)
    exact = index_of(items)
    true, targets = exact.search(queries, K).rows, (0.95, 0.98)
    ours = []
    for recall in targets:
        settings = AnnSettings("ivf", exact_below=1_000, target=recall, ks=(K,))
        made, costs = kept.built(
            f"longtail-{recall}",
            lambda s=settings: with_ann(exact, s, user_vectors=people.users(4_096)[2_048:]),
            save_index,
            open_index,
        )

        def search(part: NDArray[np.float32], m: int, made: VectorIndex = made) -> Rows:
            return made.search(part, K).rows

        costs["memory_gb"] += n * (exact.dim + 1) * 4 / 1e9  # the stored vectors are needed too
        found = overlap(search(queries, len(queries)), true)
        report = next(s.ann.report() for s in made.segments if s.ann is not None)
        ours.append(
            {"index": "longtail", "target": recall, "recall": found}
            | {"effort": report["nprobe"], "depth": report["depth"], "factory": report["factory"]}
            | speed(search, queries)
            | costs
        )
    lists = 2 ** round(float(np.log2(2.0 * np.sqrt(n))))
    workload = (items, queries, true, targets)
    others = [
        *faiss_rows(f"IVF{lists},Flat", *workload, threads=threads, k=K, kept=kept),
        *faiss_rows(f"IVF{lists},PQ96x4fs,RFlat", *workload, threads=threads, k=K, kept=kept),
        *hnswlib_rows(*workload, threads=threads, k=K, kept=kept),
        *usearch_rows(*workload, threads=threads, k=K, kept=kept),
    ]
    lines = []
    for row in ours:
        rest = [r for r in others if r["target"] == row["target"] and r["recall"] is not None]
        said = f"{n:,} items, recall {row['target']}"
        lines.append(target(f"{said}: recall", row["recall"], row["target"] - 0.005, most=False))
        if not rest:
            continue
        batch = max(r["batch_qps"] for r in rest)
        alone = min(r["single_ms"] for r in rest)
        lines += [
            target(f"{said}: batch, times the best", row["batch_qps"] / batch, 1.5, most=False),
            target(f"{said}: alone, times the best's ms", row["single_ms"] / alone, 1.0, most=True),
        ]
    return {"items": n, "queries": QUERIES, "rows": ours + others}, lines


def filters_part(people: Population, n: int, threads: int) -> Found:
    """Filters of 10 % and 1 %, and the tail pool, against a selector on the whole."""
    # As many as tell a recall to some thousandths.
    items, queries = people.items(n), people.users(1_024)
    exact = index_of(items, pools=True)
    index = with_ann(
        exact, AnnSettings(exact_below=min(200_000, n // 10)), user_vectors=people.users(800)
    )
    faiss, rng = load_faiss(), np.random.default_rng(5)
    flat = faiss.IndexFlatIP(items.shape[1])
    flat.add(items)
    rows, lines = [], []
    in_tail = exact.segments[1].rows
    for name in ("10 %", "1 %", "tail pool"):
        mask: NDArray[np.bool_] | None = None
        may = np.zeros(n, bool)
        if name == "tail pool":
            may[in_tail] = True
            options: dict[str, Any] = {"segments": ["tail"]}
        else:
            mask = rng.random(n) < {"10 %": 0.1, "1 %": 0.01}[name]
            may, options = mask, {"allowed": mask}
        true = exact.search(queries, K, **options).rows
        bits = np.packbits(may, bitorder="little")
        chosen = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))
        for m in (1, 64):
            some = queries[:64]
            parts = [some[i : i + m] for i in range(0, len(some) if m > 1 else 8, m)]
            ours = timed(lambda p=parts, a=options: [index.search(part, K, **a) for part in p])
            with exactly_threads(1 if m == 1 else threads):
                whole = timed(
                    lambda p=parts, c=chosen: [flat.search(part, K, params=c) for part in p]
                )
            ratio = whole["seconds"] / ours["seconds"]
            # As many at once as were timed: one takes other ways than many.
            groups = [queries[i : i + m] for i in range(0, len(queries), m)]
            got = np.concatenate([index.search(group, K, **options).rows for group in groups])
            found = overlap(got, true)
            count = sum(len(part) for part in parts)
            rows.append(
                {
                    "filter": name,
                    "queries": m,
                    "recall": found,
                    "ms_a_query": 1e3 * ours["seconds"] / count,
                    "ms_a_query_least": 1e3 * ours["least"] / count,
                    "ms_a_query_greatest": 1e3 * ours["greatest"] / count,
                    "selector_ms_a_query": 1e3 * whole["seconds"] / count,
                    "times_faster": ratio,
                }
            )
            said = f"{n:,} items, {name}, {m} at once"
            lines += [
                target(f"{said}: times a selector's speed", ratio, 3.0, most=False),
                target(f"{said}: recall", found, 0.98, most=False),
            ]
    return {"items": n, "rows": rows}, lines


def overhead_part(people: Population, n: int) -> Found:
    """What pools, excluded items and ids add to FAISS's own search, in batches of 256."""
    exact = index_of(people.items(n))
    settings = AnnSettings("ivf", exact_below=1_000, ks=(K,))
    index = with_ann(exact, settings, user_vectors=people.users(800))
    queries, rng = people.users(256), np.random.default_rng(6)
    full = np.concatenate([queries, np.zeros((256, 1), np.float32)], axis=1)
    segment = index.segments[0]
    structure = segment.ann
    if structure is None:
        raise SystemExit(f"{n} items are too few for a structure")
    setting = structure.setting_for(K, 0.0)
    stored = segment.vectors.read(np.arange(n))
    offsets = np.arange(0, 257 * 20, 20)
    excluded = offsets.astype(np.int64), rng.integers(0, n, 256 * 20).astype(np.int32)
    in_space = structure.space.queries(full)
    # As the catalog holds them.
    ids = np.array(index.item_ids.tolist(), object)

    def raw(more: int) -> None:
        candidates, nprobe = setting.reach(n, structure.lists, more=more)
        parameters = search_parameters(structure.index, nprobe, None)
        _, local = structure.index.search(in_space, candidates, params=parameters)
        scores = exact_scores(full, stored, local)
        np.argpartition(-scores, K, axis=1)

    rows = []
    for name, options, more in (
        ("search", {}, 0),
        ("search, 20 excluded a user", {"excluded": excluded}, 20),
    ):
        bare = timed(lambda m=more: raw(m))
        ours = timed(lambda o=options: ids[index.search(queries, K, **o).rows])
        rows.append(
            {
                "what": name,
                "raw_ms": 1e3 * bare["seconds"],
                "engine_ms": 1e3 * ours["seconds"],
                "engine_ms_least": 1e3 * ours["least"],
                "engine_ms_greatest": 1e3 * ours["greatest"],
                "overhead": ours["seconds"] / bare["seconds"] - 1.0,
            }
        )
    lines = [
        target(f"{n:,} items, {row['what']}: overhead at 256", row["overhead"], 0.15, most=True)
        for row in rows
    ]
    return {"items": n, "rows": rows}, lines


def size_part(people: Population, n: int, storage: str, place: Path) -> dict[str, Any]:
    """Build, save, open and search an index of one size; runs in a process of its own.

    ``place`` is an empty folder, which whoever started the process removes: a process that ran
    out of memory can't.
    """
    items: Any = people.items(n) if n <= IN_MEMORY else _on_disk(people, n, place)
    users = people.users(1_024)
    began = time.perf_counter()
    index = index_of(items, pools=True, storage=storage)
    del items
    index = with_ann(index, user_vectors=users[:400])
    built_s = time.perf_counter() - began
    began = time.perf_counter()
    save_index(index, place / "index")
    saved_s = time.perf_counter() - began
    some = users[512:640]
    plain = replace(index, segments=tuple(replace(s, ann=None) for s in index.segments))
    true = plain.search(some, K).rows
    del index, plain
    began = time.perf_counter()
    mapped = open_index(place / "index", memory_map=True, check="sizes")
    opened_s = time.perf_counter() - began
    first = timed(lambda: mapped.search(users[:1], K), 1)
    found = overlap(mapped.search(some, K).rows, true)
    alone = timed(lambda: [mapped.search(users[i : i + 1], K) for i in range(64)])
    batch = timed(lambda: mapped.search(users[:256], K))
    size = sum(path.stat().st_size for path in (place / "index").rglob("*") if path.is_file())
    return {
        "items": n,
        "storage": storage,
        "build_seconds": built_s,
        "save_seconds": saved_s,
        "open_seconds": opened_s,
        "disk_gb": size / 1e9,
        "first_query_ms": 1e3 * first["seconds"],
        "single_ms": 1e3 * alone["seconds"] / 64,
        "single_ms_least": 1e3 * alone["least"] / 64,
        "single_ms_greatest": 1e3 * alone["greatest"] / 64,
        "batch_qps": 256 / batch["seconds"],
        "recall": found,
    }


def _on_disk(people: Population, n: int, place: Path) -> NDArray[np.float32]:
    """Return n items in a mapped file, made in parts, so that they don't count as memory."""
    made: NDArray[np.float32] = np.lib.format.open_memmap(
        place / "items.npy", "w+", np.float32, (n, people.real.shape[1])
    )
    people.fill(made)
    return made
