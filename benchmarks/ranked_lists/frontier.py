"""Frontiers of overall against tail quality, and what they hold at equal overall quality."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

METRICS = ("ndcg", "recall")
RESAMPLES = 300

Floats = NDArray[np.float64]
Line = dict[str, object]


@dataclass(frozen=True)
class Frontier:
    """One head, or one blend of heads, at every setting of the dial, lowest first.

    Attributes:
        family: what it is compared as.
        head: its name within the family.
        measures: ``ndcg``, ``recall``, ``tail_ndcg`` and ``tail_recall`` at 10, float64
            [settings] each.
    """

    family: str
    head: str
    measures: dict[str, Floats]

    def tail_at(self, level: float, metric: str) -> float | None:
        """Return the best tail figure at an overall figure, None where the dial doesn't reach it.

        Between two neighbouring settings both are taken as straight lines.

        >>> found = {"ndcg": np.array([0.4, 0.2]), "tail_ndcg": np.array([0.1, 0.3])}
        >>> line = Frontier("dial alone", "weight 1", found)
        >>> round(line.tail_at(0.35, "ndcg"), 6), line.tail_at(0.5, "ndcg")
        (0.15, None)
        """
        overall, tail = self.measures[metric].tolist(), self.measures[f"tail_{metric}"].tolist()
        found = []
        for i, (begin, end) in enumerate(itertools.pairwise(overall)):
            if begin == end == level:
                found.append(max(tail[i], tail[i + 1]))
            elif min(begin, end) <= level <= max(begin, end):
                found.append(tail[i] + (level - begin) / (end - begin) * (tail[i + 1] - tail[i]))
        return max(found, default=None)


@dataclass(frozen=True)
class Judged:
    """A frontier before the mean over users: measures are float64 [settings, users].

    NaN for users without a (tail) target, at every setting alike.
    """

    family: str
    head: str
    measures: dict[str, Floats]

    @property
    def n_users(self) -> int:
        """Users, those without a target among them."""
        return self.measures["ndcg"].shape[1]

    def frontier(self, times: NDArray[np.int64] | None = None) -> Frontier:
        """Return the frontier of a resample in which user i comes ``times[i]`` times."""
        means = {}
        for name, values in self.measures.items():
            there = ~np.isnan(values[0])
            weight = there.astype(np.float64) if times is None else times * there
            means[name] = np.nan_to_num(values) @ weight / max(float(weight.sum()), 1e-9)
        return Frontier(self.family, self.head, means)


def levels(frontiers: Sequence[Frontier], metric: str, shares: Sequence[float]) -> dict[str, float]:
    """Return overall figures to compare at: shares of weight 1's, and those of other weights.

    A head's own figure is that of debias 0; weight 1 stands first.
    """
    own = {f.head: float(f.measures[metric][0]) for f in frontiers if f.head.startswith("weight")}
    plain = own.pop(frontiers[0].head)
    return {f"{share:.0%} of weight 1's": share * plain for share in shares} | {
        f"{head} at debias 0": value for head, value in own.items()
    }


def best_tails(
    frontiers: Sequence[Frontier], metric: str, shares: Sequence[float]
) -> dict[str, dict[str, float]]:
    """Return the best tail figure of every family at every level that it reaches, by level."""
    found: dict[str, dict[str, float]] = {}
    for name, level in levels(frontiers, metric, shares).items():
        found[name] = {}
        for frontier in frontiers:
            tail, known = frontier.tail_at(level, metric), found[name].get(frontier.family)
            if tail is not None:
                found[name][frontier.family] = tail if known is None else max(known, tail)
    return found


def compare(seeds: Sequence[Sequence[Judged]], metric: str, shares: Sequence[float]) -> list[Line]:
    """Return a line a level: every family's tail, mean of the seeds, and its gain on the first's.

    ``low`` and ``high`` of a gain are the 95 % interval of a bootstrap over users (percentiles;
    each resample draws its own levels), ``seeds low`` and ``seeds high`` the seeds' extremes.
    Seeds in which one of the two doesn't reach the level are left out.
    """
    families = list(dict.fromkeys(judged.family for judged in seeds[0]))
    whole = [[judged.frontier() for judged in one] for one in seeds]
    tails = [best_tails(one, metric, shares) for one in whole]
    rng = np.random.default_rng(0)
    drawn: list[list[dict[str, dict[str, float]]]] = []
    n_users = seeds[0][0].n_users
    for _ in range(RESAMPLES):
        times = rng.multinomial(n_users, np.full(n_users, 1 / n_users))
        drawn.append(
            [best_tails([j.frontier(times) for j in one], metric, shares) for one in seeds]
        )
    lines: list[Line] = []
    for level in tails[0]:
        overall = [levels(one, metric, shares)[level] for one in whole]
        line: Line = {"metric": metric, "level": level, "overall": float(np.mean(overall))}
        for family in families:
            reached = [of_seed[level][family] for of_seed in tails if family in of_seed[level]]
            line[family] = float(np.mean(reached)) if reached else None
        for family in families[1:]:
            gains = gains_on(tails, level, family, families[0])
            if not gains:
                continue
            means = [gains_on(each, level, family, families[0]) for each in drawn]
            low, high = np.quantile([np.mean(each) for each in means if each], [0.025, 0.975])
            line[f"{family} gain"] = float(np.mean(gains))
            line |= {f"{family} low": float(low), f"{family} high": float(high)}
            line |= {f"{family} seeds low": min(gains), f"{family} seeds high": max(gains)}
        lines.append(line)
    return lines


def gains_on(
    tails: Sequence[dict[str, dict[str, float]]], level: str, family: str, plain: str
) -> list[float]:
    """Return a family's tail less another's at a level, of the seeds in which both reach it.

    >>> gains_on([{"all": {"a": 0.5, "b": 0.75}}, {"all": {"a": 0.5}}], "all", "b", "a")
    [0.25]
    """
    both = [one[level] for one in tails if {family, plain} <= set(one[level])]
    return [found[family] - found[plain] for found in both]
