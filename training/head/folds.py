"""Scorers that are judged by users they weren't fitted on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.features.scorers.scorer import Scorer
from longtail.training.head.fit_scorers import fit_boosting, fit_network
from longtail.training.head.head_settings import HeadSettings
from longtail.training.head.learning_curve import share_from_second_half
from longtail.training.head.training_pairs import Pairs, thinned

Floats = NDArray[np.float32]


class Folds:
    """Scorers fitted on all folds but one, asked about that one."""

    def __init__(
        self, pairs: Pairs, fold: NDArray[np.int64], settings: HeadSettings, seed: int
    ) -> None:
        self.pairs, self.settings, self.seed = pairs, settings, seed
        # With a single fold's users the same pairs fit and judge; the report says so.
        parts = np.unique(fold)
        self.single = len(parts) < 2
        self.fold = np.zeros_like(fold) if self.single else fold
        rng = np.random.default_rng(seed)
        thin = thinned(pairs, settings.negatives, rng)
        self._fit = thin
        self._fit_fold = self.fold[thin.user]
        self._known: dict[tuple[str, float, int], Floats] = {}

    def predictions(self, kind: str, tail_weight: float, *, bags: int | None = None) -> Floats:
        """Return every pair's raw logit by a scorer that didn't see its user."""
        seeds = self._seeds(kind)[:bags]
        out = np.zeros(len(self.pairs.user), np.float32)
        for seed in seeds:
            out += self._predicted(kind, tail_weight, seed)
        return out / np.float32(len(seeds))

    def _predicted(self, kind: str, tail_weight: float, seed: int) -> Floats:
        """Return the same by scorers of one seed, which are fitted when they are first asked."""
        key = (kind, tail_weight, seed)
        if key not in self._known:
            out = np.empty(len(self.pairs.user), np.float32)
            of_pair = self.fold[self.pairs.user]
            parts = np.unique(self.fold)
            for part in parts:
                others = self._fit_fold != part if len(parts) > 1 else np.ones_like(self._fit.label)
                inside = of_pair == part
                scorer = self._fitted(kind, self._fit.select(others), tail_weight, seed)
                out[inside] = scorer.logits(self.pairs.evidence[inside])
            self._known[key] = out
        return self._known[key]

    def share_from_second_half(self) -> float:
        """Return how much of what is known comes from the second half of the users."""
        if self.single:
            return 1.0
        return share_from_second_half(
            self._fit,
            self.fold,
            lambda pairs: self._fitted("boosting", pairs, 1.0, self.seed),
            seed=self.seed,
        )

    def fitted(self, kind: str, tail_weight: float) -> tuple[Scorer, ...]:
        """Return scorers fitted on every user."""
        return tuple(self._fitted(kind, self._fit, tail_weight, seed) for seed in self._seeds(kind))

    def _seeds(self, kind: str) -> range:
        bags = self.settings.bags if kind == "boosting" else 1
        return range(self.seed, self.seed + bags)

    def _fitted(self, kind: str, pairs: Pairs, tail_weight: float, seed: int) -> Scorer:
        weight = np.where(pairs.label & pairs.in_tail, tail_weight, 1.0).astype(np.float32)
        weight *= pairs.weight
        evidence, label, of = pairs.evidence, pairs.label, self.settings
        if kind == "boosting":
            return fit_boosting(evidence, label, weight, rounds=of.rounds, seed=seed)
        return fit_network(
            evidence,
            label,
            weight,
            hidden=of.hidden if kind == "network" else (),
            epochs=of.epochs,
            learning_rate=of.learning_rate,
            seed=seed,
        )
