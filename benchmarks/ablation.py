"""What each part of the engine adds: one row a part, on the test part, all in one run.

Run:  python benchmarks/ablation.py FOLDER ... [--config configs/cpu.yaml] [--runs DIR]

Each folder is trained once (or its run taken from --runs); parts are then taken away from that
run, so that all rows share everything else. Heads of the smaller rows are fitted anew on the
validation part, and that is why runs are trained with refit=false: evidence that has seen the
validation part can't teach a head. Everything is at debias 0 except the row that says otherwise.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from report.results_file import read_results, results_path, write_results

from longtail.evaluation.baselines.text.content import ContentKNN
from longtail.evaluation.engine import EngineRecommender
from longtail.evaluation.evaluator import evaluate
from longtail.evaluation.protocol import Recommender, debiased_name
from longtail.evaluation.score_recommender import ScoreRecommender
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import TEST, TRAIN, VALID
from longtail.retrieval.features.evidence_models import EvidenceModels
from longtail.retrieval.features.relevance_head import RelevanceHead
from longtail.retrieval.ranking.pipeline import RankingPipeline
from longtail.retrieval.ranking.retriever import Retriever
from longtail.retrieval.run.bundle import Bundle
from longtail.retrieval.towers.backends.torch_backend import TorchBackend
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text.encoding import encode_pooled
from longtail.retrieval.towers.whitening import fit_partial_whitening
from longtail.training.head.fit_head import fit_relevance_head
from longtail.training.head.head_settings import HeadSettings

HERE = Path(__file__).parent
RESULTS = results_path("ablation")
METRICS = ("recall", "ndcg", "head_recall", "tail_recall", "cold_recall", "tail_pool_recall")


@dataclass(frozen=True)
class Named:
    """A recommender under the name of its row."""

    inner: Recommender
    name: str

    @property
    def strengths(self) -> tuple[float, ...]:
        """Those of the recommender itself."""
        return self.inner.strengths

    def answers(self, histories, k, pools):  # type: ignore[no-untyped-def]
        """Return the recommender's own answers."""
        return self.inner.answers(histories, k, pools)


def rows(bundle: Bundle, ranking: RankingPipeline) -> Iterator[tuple[Named, float]]:
    """Yield every row's recommender and the seconds its part took to fit."""
    settings = bundle.config["item_tower"]
    tower = ItemTower.from_pretrained(settings["encoder"], settings["max_tokens"])
    backend = TorchBackend(tower)
    pooled = encode_pooled(backend, tower.tokenise(bundle.catalog.texts()))
    catalog, log = bundle.catalog, bundle.log.select(bundle.log.part == TRAIN)
    frozen = fit_partial_whitening(pooled).apply(pooled)
    seconds = {s["stage"]: s.get("seconds", 0.0) for s in bundle.summary["stages"]}
    kept = {s["stage"]: s["kept"] for s in bundle.summary["stages"]}

    def content(vectors: np.ndarray) -> Recommender:
        return ScoreRecommender(ContentKNN(vectors).fit(log, catalog), bundle.popularity)

    yield Named(content(frozen), "frozen text"), 0.0
    tuned = "+ fine-tuned item tower" + ("" if kept.get("text") else " (off)")
    yield (
        Named(content(ranking.index.vectors(np.arange(len(catalog)))), tuned),
        seconds.get("text", 0.0),
    )
    users = "+ user tower" + ("" if kept.get("encoder") else " (its BERT stack off)")
    plain = replace(bundle, relevance=RelevanceHead(), evidence_models=EvidenceModels())
    towers = seconds.get("history", 0.0) + seconds.get("encoder", 0.0)
    yield engine(plain, ranking, users), towers
    evidence = bundle.summary["evidence"]
    models = bundle.evidence_models
    behaviour = EvidenceModels(models.item_weights, known=models.known)
    mixed, spent = with_head(replace(plain, evidence_models=behaviour), ranking, "mixture")
    spent += evidence["closed_form"]["seconds"] + evidence["other_behaviours_seconds"]
    yield engine(mixed, ranking, "+ behaviour evidence (fixed mixture)"), spent
    judged, spent = with_head(replace(plain, evidence_models=behaviour), ranking, "auto")
    yield engine(judged, ranking, "+ relevance head"), spent
    sequences = sum(s["seconds"] for s in evidence.get("sequence_towers", []))
    yield engine(bundle, ranking, "+ sequence towers (the whole engine)"), sequences
    yield engine(bundle, ranking, "+ debias 0.3", debias=0.3), 0.0


def engine(bundle: Bundle, ranking: RankingPipeline, name: str, *, debias: float = 0.0) -> Named:
    """Return the engine with a bundle's parts."""
    return Named(EngineRecommender(RankingPipeline(bundle, ranking.index), (debias,)), name)


def with_head(bundle: Bundle, ranking: RankingPipeline, scorer: str) -> tuple[Bundle, float]:
    """Return the bundle with a head fitted on its evidence, and the seconds it took."""
    began = time.monotonic()
    log = bundle.log
    known = Histories.from_interactions(log.select(log.part == TRAIN))
    valid = Histories.from_interactions(log.select(log.part == VALID))
    rejected = Histories.of_events(log.select(log.part <= VALID).refused())
    users = np.flatnonzero((np.diff(known.offsets) > 0) & (np.diff(valid.offsets) > 0))
    settings = HeadSettings(**_tuples(bundle.config["relevance"])).changed(scorer=scorer)
    fitted = fit_relevance_head(
        RankingPipeline(bundle, ranking.index),
        known.take(users),
        valid.take(users),
        rejected.take(users),
        settings,
        counts=bool(bundle.summary["relevance"]["counts"]),
        seed=int(bundle.config["seed"]),
    )
    return replace(bundle, relevance=fitted.head), time.monotonic() - began


def _tuples(settings: dict[str, object]) -> dict[str, object]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()}


def measure(run: Path) -> list[dict[str, object]]:
    """Return one line a row: name, seconds and every metric at k = 10."""
    retriever = Retriever.open(run)
    bundle, ranking = retriever.bundle, retriever.ranking
    if bundle.config["refit"]:
        raise SystemExit(f"{run} was trained with refit: true; train it with --set refit=false")
    log = bundle.log
    test, known = (
        log.select(log.part == TEST),
        Histories.from_interactions(log.select(log.part != TEST)),
    )
    spent: dict[str, float] = {}

    def one_by_one() -> Iterator[Named]:
        for named, seconds in rows(bundle, ranking):
            spent[debiased_name(named.name, named.strengths[0])] = seconds
            yield named

    found = evaluate(one_by_one(), test, known, bundle.popularity, ks=(10,))
    return [
        {
            "row": name.removesuffix(" (debias 0.3)"),
            "seconds": round(spent[name], 1),
            **{metric: _known(found.value(name, metric)) for metric in METRICS},
        }
        for name in found.recommenders
    ]


def _known(value: float) -> float | None:
    """Return the value, None where there was nothing to measure: JSON has no NaN."""
    return None if np.isnan(value) else round(value, 5)


def main() -> None:
    """Measure every folder and write the results beside those of other folders."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folders", nargs="+", type=Path)
    arguments.add_argument("--config", type=Path, default=HERE.parent / "configs" / "cpu.yaml")
    arguments.add_argument("--runs", type=Path, help="run folders, named as the data folders")
    given = arguments.parse_args()
    results = read_results(RESULTS)
    with tempfile.TemporaryDirectory() as temporary:
        for folder in given.folders:
            run = (given.runs or Path(temporary)) / folder.name
            if not run.exists():
                rejected = str(Path(temporary) / "rejected.csv")
                command = ["train", str(folder), "--config", str(given.config), "--out", str(run)]
                command += ["--set", "refit=false"]
                subprocess.run(
                    [sys.executable, "-m", "longtail.cli", *command, "--rejected", rejected],
                    check=True,
                )
            results[folder.name] = measure(run)
            write_results(RESULTS, results)
            for line in results[folder.name]:
                print(line)  # noqa: T201


if __name__ == "__main__":
    main()
