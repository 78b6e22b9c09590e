"""The users: found by id, and told apart by how popular the items are that they took."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.ranking.retriever import Retriever
from longtail.serving.explorer.text_search import TextSearch

Kind = Literal["niche", "mainstream", "any"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# Abdollahpouri et al. (2019) take the fifth at either end for niche and blockbuster users.
END_SHARE = 0.2


@dataclass(frozen=True, eq=False)
class People:
    """All users of a run with what their histories say of them.

    Users are numbered in the order of their ids.

    Attributes:
        user_ids: the owner's user ids, sorted.
        lengths: items in each history, int64 [n].
        percentiles: mean popularity percentile of each history, NaN without one, float64 [n].
        niche: see `PopulationProfile.niche`, float64 [n].
        search: over the ids.
    """

    user_ids: list[str]
    lengths: NDArray[np.int64]
    percentiles: NDArray[np.float64]
    niche: NDArray[np.float64]
    search: TextSearch

    @classmethod
    def of(cls, retriever: Retriever) -> People:
        """Return everybody in the engine's log."""
        ranking, popularity = retriever.ranking, retriever.bundle.popularity
        histories = Histories.from_interactions(retriever.bundle.log)
        profile = ranking.popularity_profile(histories)
        lengths = profile.lengths
        owner = np.repeat(np.arange(len(histories)), lengths)
        sums = np.bincount(owner, popularity.percentile[histories.items], len(histories))
        means = np.where(lengths > 0, sums / np.maximum(lengths, 1), np.nan)
        niche = ranking.population.niche(profile)
        ids = histories.user_ids.tolist()
        order = sorted(range(len(ids)), key=ids.__getitem__)
        ids = [ids[place] for place in order]
        return cls(ids, lengths[order], means[order], niche[order], TextSearch.of(ids))

    def of_kind(self, kind: Kind) -> NDArray[np.int64]:
        """Return the users of a kind who have a history, int64.

        ``niche`` is the fifth of the users whose items are the rarest, as far as they are rarer
        than the median user's; ``mainstream`` the fifth at the other end.
        """
        return self._kinds[kind]

    @cached_property
    def _kinds(self) -> dict[Kind, NDArray[np.int64]]:
        known = np.flatnonzero(self.lengths > 0)
        kinds: dict[Kind, NDArray[np.int64]] = {"any": known, "niche": known, "mainstream": known}
        if len(known):
            kinds["niche"] = known[_at_the_end(self.niche[known])]
            kinds["mainstream"] = known[_at_the_end(-self.niche[known])]
        return kinds

    def matching(self, search: str, kind: Kind, limit: int) -> list[dict[str, Any]]:
        """Return users whose id is, begins with, or holds ``search``; an exact id comes first."""
        if kind == "any":
            return self._lines(self.search.find(search, limit))
        inside = np.zeros(len(self.user_ids), bool)
        inside[self.of_kind(kind)] = True
        # Others than of this kind are among them: look further than the limit.
        places = self.search.find(search, 100 * limit)
        return self._lines([place for place in places if inside[place]][:limit])

    def drawn(
        self, kind: Kind, limit: int, random: np.random.Generator | None = None
    ) -> list[dict[str, Any]]:
        """Return different random users of a kind, fewer where there are fewer."""
        there = self.of_kind(kind)
        generator = random or np.random.default_rng()
        chosen = generator.choice(there, min(limit, len(there)), replace=False, shuffle=True)
        return self._lines(chosen.tolist())

    def _lines(self, positions: list[int]) -> list[dict[str, Any]]:
        return [
            {
                "user_id": self.user_ids[position],
                "history_length": int(self.lengths[position]),
                "popularity_percentile": (
                    round(float(self.percentiles[position]), 2) if self.lengths[position] else None
                ),
            }
            for position in positions
        ]


def _at_the_end(value: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which values are in the highest fifth and above 0."""
    return np.asarray((value >= np.quantile(value, 1 - END_SHARE)) & (value > 0), dtype=bool)
