"""What a text encoder makes of a shop in a language: known tokens, neighbours, and the tail found.

Run:  python benchmarks/languages/measure.py FOLDER ... [--encoders A B] [--cache FOLDER]

By texts alone: each encoder reads the catalog, its vectors are whitened as the item tower does it,
and a user gets what reads like the last items of the history (content kNN). The difference of the
second encoder to the first is tested user by user (paired bootstrap). The neighbours are those of
titles alone, since other columns name the kind. Results go to benchmarks/results/languages.json.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.evaluation.baselines.text.bm25 import BM25
from longtail.evaluation.baselines.text.content import ContentKNN
from longtail.evaluation.evaluator import evaluate
from longtail.evaluation.protocol import Recommender
from longtail.evaluation.score_recommender import ScoreRecommender
from longtail.evaluation.significance.paired_tests import paired_bootstrap
from longtail.files.folders.find_files import find_file
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import TEST, Interactions
from longtail.retrieval.data.popularity import Popularity
from longtail.retrieval.data.splits import split
from longtail.retrieval.towers.backends.torch_backend import TorchBackend
from longtail.retrieval.towers.catalog_encoding import embed_texts, text_blocks
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.token_coverage import token_coverage
from longtail.retrieval.towers.text.weights import DEFAULT_ENCODER
from longtail.retrieval.towers.whitening import fit_partial_whitening

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from report.results_file import read_results, results_path, write_results  # noqa: E402

MAX_TOKENS = 96
NEAREST = 5
METRICS = ("recall", "tail_recall", "tail_pool_recall")
RESULTS = results_path("languages")


def whitened(encoder: str, texts: list[str], cache: Path) -> tuple[NDArray[np.float32], float]:
    """Return the texts' vectors as the item tower has them before training, and texts a second."""
    tower = ItemTower.from_pretrained(encoder, MAX_TOKENS).eval()
    frame = np.array(texts, dtype=object)
    start = time.perf_counter()
    blocks = text_blocks(tower, lambda rows: frame[rows].tolist(), len(texts))
    read = embed_texts(tower, TorchBackend(tower), blocks, len(texts), cache)
    speed = read.read / (time.perf_counter() - start)
    pooled = read.all()
    return fit_partial_whitening(pooled).apply(pooled), speed


def same_kind(vectors: NDArray[np.float32], kinds: NDArray[np.object_]) -> float:
    """Return which share of the nearest `NEAREST` items are of an item's own kind."""
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    near = np.argsort(-cosines, axis=1)[:, :NEAREST]
    return float((kinds[near] == kinds[:, None]).mean())


def titles_record(encoders: list[str], cache: Path) -> list[dict[str, Any]]:
    """Return a line an encoder on the titles that were written by hand."""
    frame = pd.read_csv(HERE / "titles.csv")
    titles, kinds = frame["title"].tolist(), frame["kind"].to_numpy(object)
    records = []
    for encoder in encoders:
        vectors, _ = whitened(encoder, titles, cache)
        unknown = token_coverage(encoder, titles).unknown_share
        records.append(
            {
                "data": "titles by hand",
                "items": len(titles),
                "encoder": encoder,
                "unknown tokens": unknown,
                "same kind": same_kind(vectors, kinds),
            }
        )
    return records


def shop_record(folder: Path, encoders: list[str], cache: Path, most_items: int) -> dict[str, Any]:
    """Return what each encoder, and BM25, find in a folder's log, and how they differ."""
    catalog_file = find_file(folder, ("items", "catalog"))
    catalog = read_catalog(catalog_file, rejected=RejectedRows())
    log_file = find_file(folder, ("interactions",))
    log = read_interactions(log_file, catalog, rejected=RejectedRows())
    if len(catalog) > most_items:
        catalog, log = sampled(catalog, log, most_items)
    parts = split(log)
    counts = parts.train.user_counts(len(catalog))
    popularity = Popularity.from_counts(counts, catalog.item_ids)
    known = Histories.from_interactions(parts.interactions.select(parts.part != TEST))
    lines: list[dict[str, Any]] = []
    recommenders: list[Recommender] = []
    for encoder in encoders:
        vectors, speed = whitened(encoder, catalog.texts(), cache)
        line = {
            "data": folder.name,
            "items": len(catalog),
            "encoder": encoder,
            "unknown tokens": token_coverage(encoder, catalog.texts()).unknown_share,
            "texts a second": speed,
        }
        if "categories" in catalog.frame:
            titles, _ = whitened(encoder, catalog.frame["title"].tolist(), cache)
            line["same kind"] = same_kind(titles, catalog.frame["categories"].to_numpy(object))
        lines.append(line)
        recommenders.append(named(encoder, ContentKNN(vectors), parts, catalog, popularity))
    recommenders.append(named("BM25", BM25(), parts, catalog, popularity))
    found = evaluate(recommenders, parts.test, known, popularity, ks=(10,), pools=("all", "tail"))
    lines.append({"data": folder.name, "items": len(catalog), "encoder": "BM25"})
    for line in lines:
        line |= {metric: found.value(line["encoder"], metric) for metric in METRICS}
    tests = []
    for metric in METRICS[1:]:
        first, second = (found.user_values(name, metric) for name in encoders[:2])
        result = paired_bootstrap((second - first)[:, None])
        tests.append(
            {
                "data": folder.name,
                "metric": metric,
                "users": int(result.users[0]),
                "difference": float(result.difference[0]),
                "low": float(result.low[0]),
                "high": float(result.high[0]),
                "p": float(result.p[0]),
            }
        )
    return {"rows": lines, "tests": tests}


def sampled(catalog: Catalog, log: Interactions, n: int) -> tuple[Catalog, Interactions]:
    """Return so many of the items, drawn at random, and their events."""
    chosen = np.sort(np.random.default_rng(0).choice(len(catalog), n, replace=False))
    place = np.full(len(catalog), -1, np.int32)
    place[chosen] = np.arange(n)
    kept = log.select(place[log.item] >= 0)
    frame = catalog.frame.iloc[chosen].reset_index(drop=True)
    return Catalog(frame, catalog.template), replace(kept, item=place[kept.item])


def named(
    name: str, baseline: Any, parts: Any, catalog: Catalog, popularity: Popularity
) -> Recommender:
    """Return a baseline that answers under this name."""
    baseline.name = name
    return ScoreRecommender(baseline.fit(parts.train, catalog), popularity)


def table(records: list[dict[str, Any]]) -> str:
    """Return records as lines for a person."""
    return pd.DataFrame(records).to_string() + "\n"


def main() -> None:
    """Measure, print, and keep the results."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folders", nargs="*", type=Path)
    arguments.add_argument("--encoders", nargs=2, default=[DEFAULT_ENCODER, "multilingual"])
    arguments.add_argument("--cache", type=Path, default=Path("language-vectors"))
    arguments.add_argument("--items", type=int, default=10_000, help="a sample of so many")
    given = arguments.parse_args()
    content = read_results(RESULTS)
    content["titles"] = titles_record(given.encoders, given.cache)
    content.setdefault("shops", {})
    write_results(RESULTS, content)
    sys.stdout.write(table(content["titles"]))
    for folder in given.folders:
        record = shop_record(folder, given.encoders, given.cache, given.items)
        content["shops"][folder.name] = record
        write_results(RESULTS, content)
        sys.stdout.write(table(record["rows"]) + table(record["tests"]))


if __name__ == "__main__":
    main()
