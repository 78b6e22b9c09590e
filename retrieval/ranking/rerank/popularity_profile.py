"""How popular the items of a history are, and how that compares with everybody else's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Histories

PRIOR_ITEMS = 5.0
"""A history of this many items weighs as much as what is typical; shorter ones weigh less."""

FURTHEST = 3.0
"""Standard deviations beyond which a user isn't more niche, only more unusual."""


@dataclass(frozen=True)
class PopularityProfile:
    """The popularity of what m users took.

    Attributes:
        lengths: items in the history, int64 [m].
        log_p: mean log-popularity of the history, 0 without one, float64 [m].
        shares: share of the history in each popularity band, 0 without one, float64 [m, b].
    """

    lengths: NDArray[np.int64]
    log_p: NDArray[np.float64]
    shares: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.lengths)

    @classmethod
    def of(
        cls,
        histories: Histories,
        log_p: NDArray[np.float32],
        bands: NDArray[np.int8],
        n_bands: int,
    ) -> PopularityProfile:
        """Return the leaning of histories; ``log_p`` and ``bands`` are of the catalog, [n].

        >>> histories = Histories.from_lists([[0, 1, 1, 2], []])
        >>> popularity = np.array([0.0, -1.0, -2.0], np.float32)
        >>> bands = np.array([0, 1, 1], np.int8)
        >>> few = PopularityProfile.of(histories, popularity, bands, 2)
        >>> few.log_p.tolist(), few.shares.tolist()
        ([-1.0, 0.0], [[0.25, 0.75], [0.0, 0.0]])
        """
        m, lengths = len(histories), np.diff(histories.offsets)
        owner = np.repeat(np.arange(m), lengths)
        sums = np.bincount(owner, log_p[histories.items].astype(np.float64), m)
        cells = owner * n_bands + bands[histories.items]
        counts = np.bincount(cells, minlength=m * n_bands).reshape(m, n_bands)
        sizes = np.maximum(lengths, 1)
        return cls(lengths, sums / sizes, counts / sizes[:, None])


@dataclass(frozen=True)
class PopulationProfile:
    """What is typical of all users; it doesn't depend on who else is asked about.

    Attributes:
        centre: median of the users' mean log-popularity.
        spread: standard deviation of the same.
        shares: mean share of a history in each popularity band, float64 [b].
    """

    centre: float
    spread: float
    shares: NDArray[np.float64]

    @classmethod
    def of(cls, popularity_profile: PopularityProfile) -> PopulationProfile:
        """Return what is typical of these users, each counted once; empty histories don't count.

        Where nobody has one, on a shop's first day, nothing is: nobody is niche then, and every
        band is as usual as another.

        >>> nobody = PopularityProfile(np.zeros(1), np.zeros(1), np.zeros((1, 2)))
        >>> PopulationProfile.of(nobody).shares.tolist()
        [0.5, 0.5]
        """
        known = popularity_profile.lengths > 0
        if not known.any():
            n_bands = popularity_profile.shares.shape[1]
            return cls(0.0, 0.0, np.full(n_bands, 1 / n_bands))
        means = popularity_profile.log_p[known]
        return cls(
            float(np.median(means)),
            float(means.std()),
            popularity_profile.shares[known].mean(axis=0),
        )

    def niche(self, popularity_profile: PopularityProfile) -> NDArray[np.float64]:
        """Return how much rarer than the median user's each user's items are, float64 [m].

        In standard deviations: above 0 niche, below 0 a user of hits, within ``FURTHEST``.
        Shrunk by ``n / (n + PRIOR_ITEMS)``, so 0 where there is no history. The three groups of
        Abdollahpouri et al. (2019: niche, diverse, blockbuster users) on one axis.

        >>> everybody = PopulationProfile(centre=-7.0, spread=0.5, shares=np.ones(1))
        >>> log_p = np.array([-8.0, -6.5, 0.0])
        >>> few = PopularityProfile(np.array([5, 5, 0]), log_p, np.ones((3, 1)))
        >>> everybody.niche(few).tolist()
        [1.0, -0.5, 0.0]
        """
        if self.spread <= 0:
            return np.zeros(len(popularity_profile))
        weight = popularity_profile.lengths / (popularity_profile.lengths + PRIOR_ITEMS)
        distance = weight * (self.centre - popularity_profile.log_p) / self.spread
        return np.where(popularity_profile.lengths > 0, np.clip(distance, -FURTHEST, FURTHEST), 0.0)

    def profile(self, popularity_profile: PopularityProfile) -> NDArray[np.float64]:
        """Return each user's shares of the bands, short histories drawn to the average, [m, b].

        The posterior mean under a Dirichlet prior of ``PRIOR_ITEMS`` items of the average profile.

        >>> everybody = PopulationProfile(centre=0.0, spread=1.0, shares=np.array([0.5, 0.5]))
        >>> shares = np.array([[1.0, 0.0], [0.0, 0.0]])
        >>> few = PopularityProfile(np.array([5, 0]), np.zeros(2), shares)
        >>> everybody.profile(few).tolist()
        [[0.75, 0.25], [0.5, 0.5]]
        """
        taken = popularity_profile.shares * popularity_profile.lengths[:, None]
        return (taken + PRIOR_ITEMS * self.shares) / (popularity_profile.lengths + PRIOR_ITEMS)[
            :, None
        ]


def mass_bands(counts: NDArray[np.int64], n_bands: int) -> NDArray[np.int8]:
    """Return the popularity band of every item, 0 the most popular, int8 [n].

    Each band holds about the same number of training interactions. Items of the same count
    share a band. Items that nobody took stand with the rarest: a band of their own would
    be empty in every history, and a profile would then never ask for one.

    >>> mass_bands(np.array([6, 3, 2, 1, 0]), 2).tolist()
    [0, 1, 1, 1, 1]
    """
    distinct, which = np.unique(counts, return_inverse=True)
    mass = np.bincount(which, counts.astype(np.float64))
    above = mass[::-1].cumsum()[::-1] - mass
    middle = (above + mass / 2) / max(float(mass.sum()), 1.0)
    band = np.minimum((middle * n_bands).astype(np.int8), n_bands - 1)
    band[distinct == 0] = n_bands - 1
    return band[which]
