"""How far a structure must look, measured against exact search on real queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from longtail.index.ann.ann_index import AnnIndex
from longtail.index.ann.parameters import is_graph, ranks_by_its_codes
from longtail.index.ann.setting import Setting
from longtail.index.vectors.scoring import best_first
from longtail.index.vectors.stored_vectors import StoredVectors

# How much popularity weighs in the queries that are tuned for (see
# `Space.popularity_weight_ratios`). At a softmax temperature of 0.05 and log-popularities that
# spread by 2, debias 0.35 has a ratio of 0.15 and debias 1 of 0.4; above the last ratio a query
# is searched exactly.
POPULARITY_WEIGHT_RATIOS = (0.0, 0.15, 0.45)
# Candidates to score exactly, for each answer wanted.
CANDIDATES_AN_ANSWER = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0, 64.0)
# Scoring more than this for a query takes longer than it is worth.
MOST_CANDIDATES = 3_200
# Costs in the time that scoring one candidate takes. Measured at 200,000 vectors of 384
# dimensions on one thread: 0.22 us a candidate, 1 us a list of 200 codes.
CANDIDATE_COST = 1.0
CODE_COST = 0.022
# Vectors that a graph looks at for each candidate it keeps.
GRAPH_STEPS = 32.0
# Chosen above the target, since other queries won't score the same: the recall of 400 queries has
# a standard error of 0.0025, and the cheapest setting that seems to reach a target mostly flatters.
MARGIN = 0.004


@dataclass(frozen=True)
class _Trial:
    nprobe: int
    candidates: int
    recall: float
    cost: float


def tuned(
    ann: AnnIndex,
    vectors: StoredVectors,
    queries: NDArray[np.float32],
    ks: Sequence[int],
    target: float,
) -> AnnIndex:
    """Return the structure with the cheapest settings that reach the target recall.

    One setting for each k and for each of `POPULARITY_WEIGHT_RATIOS`, since the more a query is
    about popularity, the further apart its answers lie. Half of the queries, float32 [m, d],
    choose; the recall that is reported is that of the other half. A ratio whose target nothing
    reaches gets no setting, so that such queries are searched exactly; only at ratio 0 the
    settings that look furthest stand in.
    """
    served = [k for k in sorted(set(ks)) if k * 4 <= len(vectors)] or [1]
    settings: list[Setting] = []
    for popularity_weight_ratio in POPULARITY_WEIGHT_RATIOS:
        weighted = ann.space.with_popularity_weight_ratio(queries, popularity_weight_ratio)
        enough = _kth_scores(vectors, weighted, served)
        # Halves of pairs, of which the weights' signs are made.
        choosing, judging = np.arange(0, len(weighted), 2), np.arange(1, len(weighted), 2)
        if not len(judging):
            judging = choosing
        chosen = []
        for k in served:
            start = Setting(k, popularity_weight_ratio, 1, k, 0.0)
            asked_half, enough_half = weighted[choosing], enough[k][choosing]
            trial = _cheapest(ann, vectors, asked_half, enough_half, start, target)
            setting = Setting(k, popularity_weight_ratio, trial.nprobe, trial.candidates, 0.0)
            share = _found(ann, vectors, weighted[judging], enough[k][judging], setting)
            chosen.append(replace(setting, recall=round(share, 4)))
            if popularity_weight_ratio > 0 and trial.recall < target:
                return replace(ann, settings=tuple(settings), target=target)
        settings += chosen
    return replace(ann, settings=tuple(settings), target=target)


def recall(
    ann: AnnIndex,
    vectors: StoredVectors,
    queries: NDArray[np.float32],
    k: int,
    *,
    popularity_weight_ratio: float = 0.0,
) -> float:
    """Return the share of the exact k answers that the structure's candidates hold.

    ``queries`` are float32 [m, d]. A candidate that scores as high as the exact k-th answer is
    as good as it.
    """
    weighted = ann.space.with_popularity_weight_ratio(queries, popularity_weight_ratio)
    level = ann.levels(weighted[:1], k)[0]
    if level == np.inf:
        return 1.0
    enough = _kth_scores(vectors, weighted, [k])[k]
    return _found(ann, vectors, weighted, enough, ann.setting_for(k, float(level)))


def nprobe_ladder(ann: AnnIndex) -> list[int]:
    """Return the values of nprobe worth trying, from few to all."""
    if not ann.lists and not is_graph(ann.index):
        return [1]  # it scans all its codes
    most = ann.lists or 1_024
    steps = np.unique(np.rint(2.0 ** np.arange(0, np.log2(most) + 0.5, 0.5)).astype(int))
    return [int(step) for step in steps if step < most] + [most]


def _cheapest(
    ann: AnnIndex,
    vectors: StoredVectors,
    queries: NDArray[np.float32],
    enough: NDArray[np.float32],
    start: Setting,
    target: float,
) -> _Trial:
    """Return the cheapest trial that reaches the target, or the furthest-looking one.

    Most kinds give their candidates best first, so one search for the most candidates shows what
    every smaller one finds. For graphs and refinements each number is a search.
    """
    ordered = ranks_by_its_codes(ann.index)
    k, n, lists = start.k, len(vectors), ann.lists
    most = min(n, max(k, MOST_CANDIDATES))
    candidate_numbers = sorted(
        {min(most, int(np.ceil(k * candidates))) for candidates in CANDIDATES_AN_ANSWER}
    )
    if not ordered:
        # A graph's candidates are nearly exact; a refinement's need a search for each number.
        candidate_numbers = candidate_numbers[::3] if lists else candidate_numbers[:3]
    best, reached = _Trial(1, candidate_numbers[0], 0.0, np.inf), False
    for nprobe in nprobe_ladder(ann):
        searched = nprobe * n / lists if lists else nprobe * GRAPH_STEPS
        if reached and searched * CODE_COST > best.cost:
            break
        widest = replace(start, nprobe=nprobe, candidates=candidate_numbers[-1])
        scores = vectors.scores(queries, ann.propose(queries, widest))
        for candidates in candidate_numbers:
            if not ordered:
                alone = replace(start, nprobe=nprobe, candidates=candidates)
                scores = vectors.scores(queries, ann.propose(queries, alone))
            share = _share(scores[:, :candidates], enough, k)
            trial = _Trial(
                nprobe, candidates, share, candidates * CANDIDATE_COST + searched * CODE_COST
            )
            good = share >= min(1.0, target + MARGIN)
            if good and (not reached or trial.cost < best.cost):
                best, reached = trial, True
            elif not reached:
                best = trial
    return best


def _kth_scores(
    vectors: StoredVectors, queries: NDArray[np.float32], ks: Sequence[int]
) -> dict[int, NDArray[np.float32]]:
    """Return the exact score of each query's k-th answer for each k, float32 [m]."""
    most = max(ks)
    local = vectors.nearest(queries, min(len(vectors), most + most // 4 + 16))[1]
    scores = best_first(local, vectors.scores(queries, local), most)[1]
    return {k: scores[:, k - 1] for k in ks}


def _found(
    ann: AnnIndex,
    vectors: StoredVectors,
    queries: NDArray[np.float32],
    enough: NDArray[np.float32],
    setting: Setting,
) -> float:
    return _share(vectors.scores(queries, ann.propose(queries, setting)), enough, setting.k)


def _share(scores: NDArray[np.float32], enough: NDArray[np.float32], k: int) -> float:
    hits = np.minimum((scores >= enough[:, None]).sum(axis=1), k)
    return float(hits.mean() / k)
