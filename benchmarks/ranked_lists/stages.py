"""Where the time of a recommendation goes; write benchmarks/results/ranking.json and print it.

Run:  python benchmarks/ranking.py stages RUN [--users 2048] [--batches 1,32,256] [--threads 1]

Processor time a user of every stage, in batches of each size, median of 5 rounds over the same
users of the log, pool "all", k 10. Beside it, in the same run, the trees of the relevance head as
LightGBM itself reads them.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from report.results_file import read_results, results_path, write_results

from longtail.index.faiss_runtime import load_faiss
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.features.scorers.boosting import Boosting
from longtail.retrieval.ranking.eligible import Eligible
from longtail.retrieval.ranking.pipeline import RankingPipeline
from longtail.retrieval.ranking.rerank.rerank import Rerank, rerank
from longtail.retrieval.ranking.rerank.scored_candidates import Candidates
from longtail.retrieval.ranking.retriever import Retriever

RESULTS = results_path("ranking")
ROUNDS = 5


def spent(work: Callable[[], object]) -> tuple[float, object]:
    """Return the processor seconds of some work, and what it returned."""
    began = time.process_time()
    found = work()
    return time.process_time() - began, found


def stages(ranking: RankingPipeline, part: Histories) -> dict[str, float]:
    """Return processor seconds of each stage for one batch."""
    took: dict[str, float] = {}
    took["user_state"], user_state = spent(lambda: ranking.user_state(part))
    took["candidates"], rows = spent(
        lambda: ranking.candidates(user_state, 10, Eligible("all", part))  # type: ignore[arg-type]
    )
    took["evidence"], evidence = spent(lambda: ranking.features(user_state, rows))  # type: ignore[arg-type]
    present = rows >= 0  # type: ignore[operator]
    logits = np.full(present.shape, np.nan, np.float32)
    head = ranking.bundle.relevance
    unknown = ranking.bundle.evidence_models.unknown(rows)[present]  # type: ignore[arg-type]
    took["head"], logits[present] = spent(lambda: head.logits(evidence[present], unknown))  # type: ignore[index]
    log_p = ranking.bundle.popularity.centred[np.maximum(rows, 0)]  # type: ignore[call-overload]
    found = Candidates(rows, logits, log_p)  # type: ignore[arg-type]
    took["rerank"], _ = spent(lambda: rerank(found, 10, Rerank()))
    return took


def by_library(ranking: RankingPipeline, part: Histories) -> dict[str, float]:
    """Return processor seconds of the head's trees, as tables and by LightGBM, on one batch."""
    user_state = ranking.user_state(part)
    rows = ranking.candidates(user_state, 10, Eligible("all", part))
    evidence = ranking.features(user_state, rows)[rows >= 0]
    trees = [s for s in ranking.bundle.relevance.scorers if isinstance(s, Boosting)]
    if not trees:
        return {}
    ours, mine = spent(lambda: [tree.logits(evidence) for tree in trees])
    theirs, other = spent(lambda: [tree.library_logits(evidence) for tree in trees])
    same = all(a.tobytes() == b.tobytes() for a, b in zip(mine, other, strict=True))  # type: ignore[call-overload]
    return {"tables": ours, "lightgbm": theirs, "pairs": len(evidence), "same_bits": float(same)}


def main(words: list[str]) -> None:
    """Measure, print and write."""
    arguments = argparse.ArgumentParser("ranking.py stages", description=__doc__.splitlines()[0])
    arguments.add_argument("run", type=Path)
    arguments.add_argument("--users", type=int, default=2_048)
    arguments.add_argument("--batches", default="1,32,256")
    arguments.add_argument("--threads", type=int, default=1)
    given = arguments.parse_args(words)
    torch.set_num_threads(given.threads)
    load_faiss().omp_set_num_threads(given.threads)
    retriever = Retriever.open(given.run)
    ranking = retriever.ranking
    ids = retriever.bundle.log.user_ids[: given.users]
    histories = Histories.from_pasts([retriever.past(str(user)) for user in ids])
    result: dict[str, object] = {
        "run": given.run.name,
        "items": len(retriever.bundle.catalog),
        "users": len(histories),
        "threads": given.threads,
    }
    for size in (int(size) for size in given.batches.split(",")):
        # A hundred users alone say as much as all.
        chosen = histories.take(np.arange(min(len(histories), max(100 * size, 256))))
        parts = [
            chosen.take(np.arange(start, min(start + size, len(chosen))))
            for start in range(0, len(chosen), size)
        ]
        stages(ranking, parts[0])
        rounds = []
        for _ in range(ROUNDS):
            took = [stages(ranking, part) for part in parts]
            rounds.append({key: sum(t[key] for t in took) for key in took[0]})
        ms = {
            key: statistics.median(r[key] for r in rounds) / len(chosen) * 1e3 for key in rounds[0]
        }
        totals = [sum(r.values()) / len(chosen) * 1e3 for r in rounds]
        result[f"batch_{size}"] = {
            "milliseconds": ms,
            "total": statistics.median(totals),
            "spread": [min(totals), max(totals)],
        }
        line = ", ".join(f"{key} {value:.3f}" for key, value in ms.items())
        print(f"batches of {size}: {statistics.median(totals):.3f} ms a user ({line})")  # noqa: T201
    found = by_library(ranking, histories.take(np.arange(min(256, len(histories)))))
    result["trees"] = found
    if found:
        print(  # noqa: T201
            f"trees: {found['lightgbm'] / found['tables']:.1f} times LightGBM's speed, "
            f"{'the same bits' if found['same_bits'] else 'OTHER BITS'}"
        )
    write_results(RESULTS, read_results(RESULTS) | {given.run.name: result})
