"""(history, candidate) pairs with answers: what the relevance head is fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.popularity import HEAD
from longtail.retrieval.ranking.eligible import Eligible
from longtail.retrieval.ranking.pipeline import RankingPipeline

USERS_AT_ONCE = 256
# Rows a user that the head is asked about while it is fitted: as many as a usual query has.
USUAL_K = 100


@dataclass(frozen=True)
class Pairs:
    """Pairs of some users, back to back.

    Attributes:
        evidence: float32 [p, f].
        label: whether the user took the item, bool [p].
        user: position of the user, ascending, int64 [p].
        row: the item's catalog row, int64 [p].
        retrieved: whether retrieval hands the pair over; the others were only shown to the user
            or drawn by popularity, bool [p].
        known: whether the answer is the user's own, taken or shown and rejected; the other
            negatives are guesses, bool [p].
        in_tail: whether the item is tail or cold, bool [p].
        targets: items each user took, found by retrieval or not, int64 [n_users].
        tail_targets: how many of them are tail or cold, int64 [n_users].
        log_p: the item's log-popularity less its catalog mean, when it was a candidate,
            float32 [p].
        weight: what the pair counts while scorers are fitted, float32 [p].
        unknown: whether nobody had taken the item (`EvidenceModels.unknown`), bool [p].
    """

    evidence: NDArray[np.float32]
    label: NDArray[np.bool_]
    user: NDArray[np.int64]
    row: NDArray[np.int64]
    retrieved: NDArray[np.bool_]
    known: NDArray[np.bool_]
    in_tail: NDArray[np.bool_]
    targets: NDArray[np.int64]
    tail_targets: NDArray[np.int64]
    log_p: NDArray[np.float32]
    weight: NDArray[np.float32]
    unknown: NDArray[np.bool_]

    @property
    def n_users(self) -> int:
        """How many users there are, with pairs or without."""
        return len(self.targets)

    def select(self, keep: NDArray[np.bool_]) -> Pairs:
        """Return some of the pairs; users stay numbered as they are."""
        return replace(self, **{name: getattr(self, name)[keep] for name in OF_PAIRS})

    @classmethod
    def joined(cls, parts: Sequence[Pairs]) -> Pairs:
        """Return the pairs of several sets of users, whose numbers go on from set to set."""
        first = np.cumsum([0, *(part.n_users for part in parts)])
        moved = [replace(p, user=p.user + n) for p, n in zip(parts, first, strict=False)]
        names = cls.__dataclass_fields__
        return cls(**{n: np.concatenate([getattr(p, n) for p in moved]) for n in names})


OF_PAIRS = (
    "evidence",
    "label",
    "user",
    "row",
    "retrieved",
    "known",
    "in_tail",
    "log_p",
    "weight",
    "unknown",
)


def collect_pairs(
    ranking: RankingPipeline,
    known: Histories,
    positives: Histories,
    rejected: Histories,
    *,
    counts: bool,
    popularity_matched: int,
    rng: np.random.Generator,
) -> Pairs:
    """Return the pairs of users with their held-out positives and labelled negatives.

    Candidates are what retrieval hands over for the history, items drawn by popularity, and,
    for users with rejected items, all that they answered. ``known``, ``positives`` and
    ``rejected`` belong to the same users.
    """
    popularity = ranking.bundle.popularity
    names = ranking.feature_names(counts=counts)
    share = np.exp(popularity.log_p.astype(np.float64))
    share /= share.sum()
    parts: list[Pairs] = []
    for start in range(0, len(known), USERS_AT_ONCE):
        batch = np.arange(start, min(start + USERS_AT_ONCE, len(known)))
        histories, took, refused = known.take(batch), positives.take(batch), rejected.take(batch)
        user_state = ranking.user_state(histories, ranking.user_values(histories.user_ids))
        handed = ranking.candidates(user_state, USUAL_K, Eligible("all", histories.not_again()))
        drawn = rng.choice(len(share), (len(histories), popularity_matched), p=share)
        rows = _with_others(handed, took, refused, drawn, histories)
        label = _belong(rows, took)
        known_answer = label | _belong(rows, refused)
        present = rows >= 0
        fresh = _fresh_targets(took, histories, popularity.bucket != HEAD)
        parts.append(
            Pairs(
                evidence=ranking.features(user_state, rows, names)[present],
                label=label[present],
                user=np.repeat(batch, present.sum(axis=1)),
                row=rows[present],
                retrieved=_among(rows, handed)[present],
                known=known_answer[present],
                in_tail=(popularity.bucket != HEAD)[rows[present]],
                targets=fresh[0],
                tail_targets=fresh[1],
                log_p=popularity.centred[rows[present]],
                weight=np.ones(int(present.sum()), np.float32),
                unknown=ranking.bundle.evidence_models.unknown(rows[present]),
            )
        )
    fields = Pairs.__dataclass_fields__
    return Pairs(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in fields})


def thinned(pairs: Pairs, negatives: int, rng: np.random.Generator) -> Pairs:
    """Return the pairs with at most ``negatives`` guessed negatives a user, drawn evenly.

    What the user answered, taken or rejected, all stays: with one in a hundred candidates
    taken, most guesses add time and little else. Users without a positive or a rejection go:
    they say that retrieval missed, not what is relevant. Calibration sees the full lists.
    """
    key = rng.random(len(pairs.user))
    key[pairs.known] = -1.0
    order = np.lexsort((key, pairs.user))
    begins = np.searchsorted(pairs.user, np.arange(pairs.n_users))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order)) - begins[pairs.user[order]]
    answered = np.bincount(pairs.user[pairs.known], minlength=pairs.n_users)
    keep = (place < (answered + negatives)[pairs.user]) & (answered > 0)[pairs.user]
    return pairs.select(keep)


def evened(pairs: Pairs) -> Pairs:
    """Return the pairs with a user's weight growing as the root of the user's positives.

    Lists are judged user by user. In a dense log somebody with two hundred positives would weigh
    as much as two hundred who have one.
    """
    positives = np.bincount(pairs.user[pairs.label], minlength=pairs.n_users)
    weight = pairs.weight / np.sqrt(np.maximum(positives, 1))[pairs.user]
    scale = pairs.weight.sum() / max(float(weight.sum()), 1e-9)
    return replace(pairs, weight=(weight * scale).astype(np.float32))


def _with_others(
    handed: NDArray[np.int64],
    took: Histories,
    refused: Histories,
    drawn: NDArray[np.int64],
    histories: Histories,
) -> NDArray[np.int64]:
    """Return the candidates with each user's other pairs added, none twice, -1 padded."""
    lists = []
    for i, candidates in enumerate(handed):
        candidates = candidates[candidates >= 0]
        # A positive that retrieval missed is no candidate: beside negatives that are all near
        # the user it would teach that far is good. Where the log says what was shown, both
        # answers were chosen alike and both count.
        shown = [took[i], refused[i]] if len(refused[i]) else []
        extra = np.concatenate([*shown, drawn[i]]).astype(np.int64)
        extra = np.setdiff1d(extra, np.union1d(candidates, histories[i]))
        lists.append(np.concatenate([candidates, extra]))
    out = np.full((len(lists), max((len(rows) for rows in lists), default=0)), -1, np.int64)
    for i, rows in enumerate(lists):
        out[i, : len(rows)] = rows
    return out


def _belong(rows: NDArray[np.int64], lists: Histories) -> NDArray[np.bool_]:
    return np.stack([np.isin(rows[i], lists[i]) for i in range(len(rows))])


def _among(rows: NDArray[np.int64], handed: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which rows were handed over: each user's come first, in their order."""
    number = (handed >= 0).sum(axis=1, keepdims=True)
    return np.asarray(np.arange(rows.shape[1]) < number)


def _fresh_targets(
    took: Histories, histories: Histories, in_tail: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many new items each user took, and how many of them in the tail."""
    new = [np.setdiff1d(took[i], histories[i]) for i in range(len(took))]
    return (
        np.array([len(items) for items in new], np.int64),
        np.array([int(in_tail[items].sum()) for items in new], np.int64),
    )
