"""What a backend's vectors cost recommendations; write results/encoding_quality.json.

Run:  python benchmarks/encoding.py quality FOLDER ... [--backends onnx-float32,onnx-int8]

Content-kNN on the whitened vectors of each backend, full ranking on the test part, beside the same
on those of PyTorch in float32: text vectors alone, so that nothing else hides what they lose. The
difference is paired by user, with a bootstrap interval.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from report.results_file import read_results, results_path, write_results

from longtail.evaluation.baselines import ContentKNN
from longtail.evaluation.evaluator import evaluate
from longtail.evaluation.score_recommender import ScoreRecommender
from longtail.evaluation.significance.paired_tests import paired_bootstrap
from longtail.files.folders.find_files import find_file
from longtail.retrieval.data.files.catalog_file import read_catalog
from longtail.retrieval.data.files.interaction_file import read_interactions
from longtail.retrieval.data.files.rejected import RejectedRows
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import TEST
from longtail.retrieval.data.popularity import Popularity
from longtail.retrieval.data.splits import split
from longtail.retrieval.towers.backends.choice import open_backend, sample_rows
from longtail.retrieval.towers.backends.names import EXACT, backend_named
from longtail.retrieval.towers.backends.parity import measure_parity
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.encoding import encode_pooled
from longtail.retrieval.towers.text.weights import DEFAULT_ENCODER
from longtail.retrieval.towers.whitening import fit_partial_whitening, unit_rows

RESULTS = results_path("encoding_quality")
METRICS = ("ndcg", "recall", "tail_ndcg", "tail_recall")


def measure(folder: Path, names: list[str], limit: int) -> list[dict[str, Any]]:
    """Return one line a backend, the reference first."""
    catalog = read_catalog(find_file(folder, ("items", "catalog")), rejected=RejectedRows())
    log = read_interactions(find_file(folder, ("interactions",)), catalog, rejected=RejectedRows())
    parts = split(log)
    popularity = Popularity.from_counts(
        parts.train.user_counts(len(catalog)), catalog.item_ids, "items:0.2"
    )
    known = Histories.from_interactions(log.select(parts.part < TEST))
    tower = ItemTower.from_pretrained(DEFAULT_ENCODER, limit).eval()
    tokens = tower.tokenise(catalog.texts())
    sample = sample_rows(len(tokens))
    exact: NDArray[np.float32] | None = None
    by_user: NDArray[np.float64] | None = None
    lines = []
    for name in [EXACT, *(name for name in names if name != EXACT)]:
        backend = open_backend(tower, backend_named(name))
        pooled = encode_pooled(backend, tokens)
        exact = pooled if exact is None else exact
        whitening = fit_partial_whitening(exact)
        cosines = (unit_rows(whitening.apply(exact)) * unit_rows(whitening.apply(pooled))).sum(1)
        knn = ContentKNN(fit_partial_whitening(pooled).apply(pooled)).fit(parts.train, catalog)
        recommender = ScoreRecommender(knn, popularity)
        found = evaluate([recommender], parts.test, known, popularity, ks=(10,))
        ndcg = found.user_values(recommender.name, "ndcg")
        by_user = ndcg if by_user is None else by_user
        test = paired_bootstrap((ndcg - by_user)[:, None])
        lines.append(
            {
                "backend": backend.name,
                "parity": measure_parity(backend, exact[sample], pooled[sample]).report(),
                "whitened_cosine": float(cosines.mean()),
                **{metric: found.value(recommender.name, metric) for metric in METRICS},
                "ndcg_difference": [float(v[0]) for v in (test.difference, test.low, test.high)],
                "users": len(ndcg),
            }
        )
    return lines


def main(words: list[str]) -> None:
    """Measure every folder, keep what was measured of others, print and write."""
    arguments = argparse.ArgumentParser("encoding.py quality", description=__doc__.splitlines()[0])
    arguments.add_argument("folders", nargs="+", type=Path)
    arguments.add_argument("--backends", default="onnx-float32,onnx-int8")
    arguments.add_argument("--tokens", type=int, default=96)
    given = arguments.parse_args(words)
    results = read_results(RESULTS)
    for folder in given.folders:
        results[folder.name] = measure(folder, given.backends.split(","), given.tokens)
        for found in results[folder.name]:
            difference, low, high = found["ndcg_difference"]
            print(  # noqa: T201
                f"{folder.name} {found['backend']}: NDCG@10 {found['ndcg']:.4f} "
                f"({difference:+.4f}, 95 % {low:+.4f} to {high:+.4f}), tail recall "
                f"{found['tail_recall']:.4f}, cosine {found['parity']['cosine']:.4f}, "
                f"whitened {found['whitened_cosine']:.4f}"
            )
    write_results(RESULTS, results)
