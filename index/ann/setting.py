"""How far a structure looks, as tuning chose it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from longtail.index.ann.filter_plan import widened

# Ten times the answers lie in some four times as many lists: tuned for k of 10 and of 100.
MORE_NPROBE = 0.6
# What the fields are called in a version's manifest, in their order.
STORED_NAMES = {
    "k": "k",
    "popularity_weight_ratio": "pull",
    "nprobe": "probes",
    "candidates": "depth",
    "recall": "recall",
}


@dataclass(frozen=True)
class Setting:
    """How far to look for k answers, and what that found on the tuning queries.

    Attributes:
        k: answers per query.
        popularity_weight_ratio: how much the popularity may weigh in a query, see
            `Space.popularity_weight_ratios`.
        nprobe: lists of an inverted file, or candidates of a graph (efSearch).
        candidates: positions that are scored exactly.
        recall: share of the exact k answers found while tuning.
    """

    k: int
    popularity_weight_ratio: float
    nprobe: int
    candidates: int
    recall: float

    def to_json(self) -> dict[str, float]:
        """Return the setting as a version's manifest holds it."""
        return {stored: getattr(self, name) for name, stored in STORED_NAMES.items()}

    @classmethod
    def of_json(cls, stored: Mapping[str, Any]) -> Setting:
        """Return what `to_json` gave; anything else raises KeyError."""
        return cls(*(stored[name] for name in STORED_NAMES.values()))

    def reach(
        self,
        n_items: int,
        lists: int,
        *,
        more: int = 0,
        effort: int = 1,
        share: float = 1.0,
        filtered: bool = False,
    ) -> tuple[int, int]:
        """Return how many candidates to score and lists to probe of n items in so many lists.

        The further arguments are those of `AnnIndex.propose`; ``lists`` is 0 for an index
        without any.
        """
        candidates, nprobe = self.candidates * effort + more, float(self.nprobe * effort)
        if share < 1:
            candidates = candidates if filtered else ceil(candidates / share)
            nprobe = widened(self.nprobe, share) * effort
        if more:
            nprobe *= ((self.k + more) / self.k) ** MORE_NPROBE
        candidates, most = min(candidates, n_items), ceil(nprobe)
        return candidates, min(most, lists) if lists else min(max(most, candidates), n_items)


def setting_for(settings: Sequence[Setting], k: int, popularity_weight_ratio: float) -> Setting:
    """Return this ratio's setting for k answers: the tuned one, or stretched from the nearest.

    ``settings`` ascend by k.

    >>> tuned = [Setting(10, 0.0, 8, 40, 0.98), Setting(100, 0.0, 32, 300, 0.98)]
    >>> setting_for(tuned, 5, 0.0).candidates, setting_for(tuned, 200, 0.0).candidates
    (40, 600)
    """
    last = None
    for setting in settings:
        if setting.popularity_weight_ratio == popularity_weight_ratio:
            if setting.k >= k:
                return setting
            last = setting
    if last is None:
        raise KeyError(popularity_weight_ratio)
    more = k / last.k
    nprobe, candidates = ceil(last.nprobe * more**MORE_NPROBE), ceil(last.candidates * more)
    return Setting(k, popularity_weight_ratio, nprobe, candidates, last.recall)
