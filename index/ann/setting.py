"""How far a structure looks, as tuning chose it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from longtail.index.ann.filter_plan import widened

# Ten times the answers lie in some four times as many lists: tuned for k of 10 and of 100.
MORE_PROBES = 0.6


@dataclass(frozen=True)
class Setting:
    """How far to look for k answers, and what that found on the tuning queries.

    Attributes:
        k: answers per query.
        pull: how much the popularity may weigh in a query, see `Space.pulls`.
        probes: lists of an inverted file, or candidates of a graph (efSearch).
        depth: candidates that are scored exactly.
        recall: share of the exact k answers found while tuning.
    """

    k: int
    pull: float
    probes: int
    depth: int
    recall: float

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
        """Return how many candidates and probes to ask of n items in so many lists.

        The further arguments are those of `AnnIndex.propose`; ``lists`` is 0 for an index
        without any.
        """
        depth, probes = self.depth * effort + more, float(self.probes * effort)
        if share < 1:
            depth = depth if filtered else ceil(depth / share)
            probes = widened(self.probes, share) * effort
        if more:
            probes *= ((self.k + more) / self.k) ** MORE_PROBES
        depth, most = min(depth, n_items), ceil(probes)
        return depth, min(most, lists) if lists else min(max(most, depth), n_items)


def setting_for(settings: Sequence[Setting], k: int, pull: float) -> Setting:
    """Return this pull's setting for k answers: the tuned one, or stretched from the nearest.

    ``settings`` ascend by k.

    >>> tuned = [Setting(10, 0.0, 8, 40, 0.98), Setting(100, 0.0, 32, 300, 0.98)]
    >>> setting_for(tuned, 5, 0.0).depth, setting_for(tuned, 200, 0.0).depth
    (40, 600)
    """
    last = None
    for setting in settings:
        if setting.pull == pull:
            if setting.k >= k:
                return setting
            last = setting
    if last is None:
        raise KeyError(pull)
    more = k / last.k
    probes, depth = ceil(last.probes * more**MORE_PROBES), ceil(last.depth * more)
    return Setting(k, pull, probes, depth, last.recall)
