"""What a tail weight buys and what the debias dial buys, on validation users out of fold.

Run:  python benchmarks/ranking.py dial RUN ... [--seeds 0,1,2] [--bags N]

The runs are trained with refit=false: evidence that has seen the validation part can't teach a
head. Pairs are collected once; each seed draws folds and fits heads of tail weight 1, 2 and 3
anew. Five families turn the dial: weight 1; weight 2; weight 3; two heads whose calibrated logits
are blended, (1 - m) A + m B - debias log p, A of weight 1 and B of weight 3; and A with a bonus of
m log 3 for every item of the tail, which is what weight 3 gives where nothing else is learned.
Writes benchmarks/results/dial.json, an entry a run; `tables.py dial` makes the table.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pages.dial import level_table
from ranked_lists.frontier import METRICS, Judged, compare
from report.results_file import read_results, results_path, write_results

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import TRAIN, VALID
from longtail.retrieval.features.relevance_head import RelevanceHead
from longtail.retrieval.ranking.retriever import Retriever
from longtail.training.head.fit_head import DEBIAS_GRID
from longtail.training.head.folds import Folds
from longtail.training.head.head_examples import HeadExamples, newcomers
from longtail.training.head.head_settings import HeadSettings
from longtail.training.head.judging.platt import platt
from longtail.training.head.judging.ranked_pairs import PairRanks
from longtail.training.head.training_pairs import Pairs, collect_pairs, evened

RESULTS = results_path("dial")
WEIGHTS = (1.0, 2.0, 3.0)
BLENDS = (0.25, 0.5, 0.75, 1.0)
SHARES = (0.99, 0.98, 0.95, 0.9)

Floats = NDArray[np.float32]


def settings_of(config: dict[str, Any]) -> HeadSettings:
    """Return the head's settings of a run."""
    given = config["relevance"]
    return HeadSettings(**{k: tuple(v) if isinstance(v, list) else v for k, v in given.items()})


def examples(retriever: Retriever, settings: HeadSettings) -> Pairs:
    """Return the pairs of validation users, newcomers of a dated log among them.

    Earlier moments of the log, from which a training may learn too, are left out.
    """
    bundle = retriever.bundle
    log, counts = bundle.log, bool(bundle.summary["relevance"]["counts"])
    seed = int(bundle.config["seed"])
    blank = replace(bundle, relevance=RelevanceHead(counts=counts))
    ranking = replace(retriever.ranking, bundle=blank)
    known = Histories.from_interactions(log.select(log.part == TRAIN))
    valid = Histories.from_interactions(log.select(log.part == VALID))
    rejected = Histories.of_events(log.select(log.part <= VALID).refused())
    users = np.flatnonzero((np.diff(known.offsets) > 0) & (np.diff(valid.offsets) > 0))
    rng = np.random.default_rng(seed)
    users = users[np.sort(rng.permutation(len(users))[: settings.max_users])]
    sets = [HeadExamples(ranking, known.take(users), valid.take(users), rejected.take(users))]
    if bundle.clock is not None:
        sets.append(newcomers(ranking, known, valid, rejected, seed=seed))
    parts = [
        collect_pairs(
            each.ranking,
            each.known,
            each.positives,
            each.rejected,
            counts=counts,
            popularity_matched=settings.popularity_matched,
            rng=rng,
        )
        for each in sets
        if len(each.known)
    ]
    return Pairs.joined(parts)


def calibrated(folds: Folds, kind: str, weight: float) -> Floats:
    """Return every pair's log-odds by a head of a tail weight that didn't see its user."""
    raw, pairs = folds.predictions(kind, weight), folds.pairs
    scale, shift = platt(raw[pairs.retrieved], pairs.label[pairs.retrieved])
    return np.asarray(scale * raw + shift, np.float32)


def with_a_hit(pairs: Pairs) -> NDArray[np.bool_]:
    """Return the pairs of users of whom retrieval found a target: no other user has a figure."""
    found = np.zeros(pairs.n_users, bool)
    found[pairs.user[pairs.retrieved & pairs.label]] = True
    return found[pairs.user]


def judged(folds: Folds, kind: str) -> list[Judged]:
    """Return all families' heads at every setting of the dial, weight 1 first."""
    kept = with_a_hit(folds.pairs)
    few = folds.pairs.select(kept)
    ranks = PairRanks(few)
    logits = {weight: calibrated(folds, kind, weight)[kept] for weight in WEIGHTS}
    plain, last = logits[WEIGHTS[0]], logits[WEIGHTS[-1]]
    heads = {("dial alone", "weight 1"): plain}
    heads |= {(f"weight {w:g}", f"weight {w:g}"): logits[w] for w in WEIGHTS[1:]}
    for m in BLENDS:
        heads["two heads", f"blend {m:g}"] = np.asarray((1 - m) * plain + m * last, np.float32)
    for m in BLENDS:
        bonus = np.float32(m * np.log(WEIGHTS[-1]))
        heads["tail bonus", f"bonus {m:g}"] = plain + bonus * few.in_tail
    found = []
    for (family, name), head in heads.items():
        by_strength = [ranks.measures(head - d * few.log_p) for d in DEBIAS_GRID]
        stacked = {n: np.stack([each[n] for each in by_strength]) for n in by_strength[0]}
        found.append(Judged(family, name, stacked))
    return found


def means(seeds: list[list[Judged]]) -> list[dict[str, Any]]:
    """Return a line a head and setting, every figure the mean of the seeds."""
    lines = []
    for same in zip(*seeds, strict=True):
        found = [judged.frontier().measures for judged in same]
        for i, debias in enumerate(DEBIAS_GRID):
            line = {"family": same[0].family, "head": same[0].head, "debias": debias}
            line |= {n: round(float(np.mean([f[n][i] for f in found])), 5) for n in found[0]}
            lines.append(line)
    return lines


def measure(run: Path, seeds: list[int], bags: int | None) -> dict[str, Any]:
    """Return the frontiers of a run and the families' tails at equal overall figures."""
    retriever = Retriever.open(run)
    bundle = retriever.bundle
    if bundle.config["refit"]:
        raise SystemExit(f"{run} was trained with refit: true; train it with --set refit=false")
    settings = settings_of(bundle.config)
    settings = settings.changed(bags=bags or settings.bags)
    chosen = bundle.summary["relevance"]
    began, found = time.monotonic(), []
    pairs = examples(retriever, settings)
    # A training weighs users so where the log has a clock.
    fit = evened(pairs) if bundle.clock is not None else pairs
    for seed in seeds:
        # Nobody is both a validation user and a newcomer.
        fold = np.random.default_rng(seed).integers(0, settings.folds, pairs.n_users)
        found.append(judged(Folds(fit, fold, settings, seed), chosen["scorer"]))
        sys.stderr.write(f"{run.name}: seed {seed} after {time.monotonic() - began:.0f} s\n")
    compared = [line for metric in METRICS for line in compare(found, metric, SHARES)]
    return {
        "users": pairs.n_users,
        "seeds": seeds,
        "scorer": chosen["scorer"],
        "tail_weight_of_the_rule": chosen["tail_weight"],
        "levels": [
            {k: round(v, 5) if isinstance(v, float) else v for k, v in line.items()}
            for line in compared
        ],
        "frontiers": means(found),
    }


def main(words: list[str]) -> None:
    """Measure, print and write."""
    arguments = argparse.ArgumentParser("ranking.py dial", description=__doc__.splitlines()[0])
    arguments.add_argument("runs", nargs="+", type=Path)
    arguments.add_argument("--seeds", default="0,1,2")
    arguments.add_argument("--bags", type=int, help="rows of trees; as the run was trained")
    given = arguments.parse_args(words)
    for run in given.runs:
        result = measure(run, [int(seed) for seed in given.seeds.split(",")], given.bags)
        sys.stdout.write(f"{level_table({run.name: result})}\n")
        write_results(RESULTS, read_results(RESULTS) | {run.name: result})
