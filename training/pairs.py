"""(history, candidate) pairs with answers: what the relevance head is fitted on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from retrieval.evidence import Evidence, gather_evidence
from retrieval.interactions import Histories
from retrieval.popularity import Pool
from retrieval.ranking import Ranking

USERS_AT_ONCE = 128


@dataclass(frozen=True)
class PairSampling:
    """Which candidates a user's pairs are made of.

    Attributes:
        retrieved: candidates a user from the whole catalog, and half as many from the tail.
        popularity_matched: negatives a user drawn by popularity.
    """

    retrieved: int
    popularity_matched: int


@dataclass(frozen=True)
class Pairs:
    """(history, candidate) pairs with answers, by user.

    Attributes:
        rows: candidates, int64 [m, c], -1 where there is none.
        label: 1 taken, 0 not, float32 [m, c].
        retrieved: whether the pair is one that retrieval hands over (and not a labelled or
            popularity-matched one), bool [m, c].
        known: whether the answer is the user's own: taken, or shown and rejected; the other
            negatives are guesses, bool [m, c].
    """

    rows: NDArray[np.int64]
    label: NDArray[np.float32]
    retrieved: NDArray[np.bool_]
    known: NDArray[np.bool_]


def collect_pairs(
    ranking: Ranking,
    known: Histories,
    positives: Histories,
    rejected: Histories,
    sampling: PairSampling,
    rng: np.random.Generator,
) -> Pairs:
    """Return the pairs of users with their held-out positives and labelled negatives.

    Candidates are what retrieval returns for the history (whole catalog and tail pool), items
    drawn by popularity, and, for users with rejected items, all that they answered.
    """
    popularity = ranking.bundle.popularity
    taste = ranking.taste(known)
    default = ranking.bundle.serving.debias
    asked: list[tuple[Pool, int, float]] = [
        ("all", sampling.retrieved, 0.0),
        ("all", sampling.retrieved // 2, default),
        ("tail", sampling.retrieved // 2, default),
    ]
    found = [
        ranking.search(taste, k, pool=pool, debias=debias, excluded=known).rows
        for pool, k, debias in asked
        if k > 0
    ]
    retrieved = np.concatenate([np.empty((len(known), 0), np.int64), *found], axis=1)
    share = np.exp(popularity.log_p.astype(np.float64))
    matched = rng.choice(
        len(share), (len(known), sampling.popularity_matched), p=share / share.sum()
    )
    lists = []
    for i in range(len(known)):
        handed = np.unique(retrieved[i][retrieved[i] >= 0])
        # A positive that retrieval missed is no candidate: beside negatives that are all near
        # the user it would teach that far is good. Where the log says what was shown, both
        # answers were chosen alike and both count.
        shown = [positives[i], rejected[i]] if len(rejected[i]) else []
        extra = np.concatenate([*shown, matched[i]]).astype(np.int64)
        extra = np.setdiff1d(extra, np.union1d(handed, known[i]))
        rows = np.concatenate([handed, extra])
        lists.append((rows, len(handed)))
    width = max(len(rows) for rows, _ in lists)
    out = Pairs(
        np.full((len(known), width), -1, np.int64),
        np.zeros((len(known), width), np.float32),
        np.zeros((len(known), width), bool),
        np.zeros((len(known), width), bool),
    )
    for i, (rows, handed_over) in enumerate(lists):
        filled = slice(len(rows))
        out.rows[i, filled] = rows
        out.label[i, filled] = np.isin(rows, positives[i])
        out.retrieved[i, :handed_over] = True
        out.known[i, filled] = np.isin(rows, np.concatenate([positives[i], rejected[i]]))
    return out


def thinned(pairs: Pairs, negatives: int, rng: np.random.Generator) -> Pairs:
    """Return the pairs with about ``negatives`` guessed negatives a user, drawn evenly.

    What the user answered, taken or rejected, all stays: with one in a hundred candidates
    taken, most guesses add time and little else. Calibration sees the full lists again.
    """
    # The user's own answers first, then guesses in random order, padding last.
    key = np.where(pairs.rows >= 0, rng.random(pairs.rows.shape), 2.0)
    key[pairs.known] = -1.0
    order = np.argsort(key, axis=1, kind="stable")
    order = order[:, : int(pairs.known.sum(1).max(initial=0)) + negatives]
    return Pairs(
        np.take_along_axis(pairs.rows, order, axis=1),
        np.take_along_axis(pairs.label, order, axis=1),
        np.take_along_axis(pairs.retrieved, order, axis=1),
        np.take_along_axis(pairs.known, order, axis=1),
    )


class PairEvidence:
    """Pairs with their evidence: scalars made once, vectors looked up batch by batch."""

    def __init__(self, ranking: Ranking, known: Histories, pairs: Pairs, *, counts: bool) -> None:
        taste = ranking.taste(known)
        self.present = torch.from_numpy(pairs.rows >= 0)
        self.retrieved = torch.from_numpy(pairs.retrieved)
        self.label = torch.from_numpy(pairs.label)
        self._users = torch.from_numpy(taste.vectors)
        distinct, places = np.unique(np.maximum(pairs.rows, 0), return_inverse=True)
        self._places = torch.from_numpy(places.reshape(pairs.rows.shape))
        table = ranking.index.vectors(distinct)
        self._table = torch.from_numpy(table)
        scalars = []
        for start in range(0, len(pairs.rows), USERS_AT_ONCE):
            part = slice(start, start + USERS_AT_ONCE)
            evidence = gather_evidence(
                taste.vectors[part],
                taste.matches[part],
                taste.lengths[part],
                taste.log_counts[part],
                table[self._places[part].numpy()],
                ranking.bundle.popularity.counts[np.maximum(pairs.rows[part], 0)],
                counts=counts,
            )
            scalars.append(evidence.scalars)
        self.scalars = torch.cat(scalars)

    def __len__(self) -> int:
        return len(self.scalars)

    def of(self, users: torch.Tensor) -> Evidence:
        """Return the evidence of these users' pairs."""
        return Evidence(self.scalars[users], self._users[users], self._table[self._places[users]])

    def batches(self) -> list[torch.Tensor]:
        """Return all users in order, some at a time."""
        return [
            torch.arange(start, min(start + USERS_AT_ONCE, len(self)))
            for start in range(0, len(self), USERS_AT_ONCE)
        ]
