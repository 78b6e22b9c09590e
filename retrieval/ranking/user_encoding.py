"""From histories to user states: vectors, and what the log says of what comes next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Histories, excluded_keys
from longtail.retrieval.features.beside.beside_state import BesideState
from longtail.retrieval.features.evidence_models import SEEN_THEN_TAKEN, SEEN_TOGETHER
from longtail.retrieval.features.history_scores import HistoryScores
from longtail.retrieval.features.user_state import SequenceScores, UserState
from longtail.retrieval.ranking.item_vectors import ItemVectors
from longtail.retrieval.run.bundle import Bundle
from longtail.retrieval.towers.user_tower import ItemSource

# Items whose texts are matched one by one; those before them are summed.
LONGEST_MATCHED = 50
# Item-to-item weights that read what users looked at, beside what they took.
OF_ATTENTION = (SEEN_TOGETHER, SEEN_THEN_TAKEN)


@dataclass(frozen=True)
class UserEncoder:
    """Works out users' states with one bundle and the vectors of its index."""

    bundle: Bundle
    vectors: ItemVectors

    def of(self, histories: Histories) -> UserState:
        """Return what is known of users with these histories (oldest first)."""
        tower = self.bundle.user_tower
        rows, lengths = histories.last(tower.max_history)
        long = self.bundle.evidence_models.reads_long_histories
        read = histories.items if long else rows[rows >= 0]
        distinct = np.unique(read).astype(np.int64)
        if len(distinct) == 0:
            empty = np.zeros((len(rows), self.vectors.index.dim), np.float32)
            return self._known(histories, empty, empty[:, None, :], lengths)
        local = np.where(rows >= 0, np.searchsorted(distinct, rows), -1)
        vectors = self.vectors.of(distinct)
        tokens = None
        if tower.reads_tokens:
            texts = self.bundle.catalog.texts(distinct)
            tokens = self.bundle.item_tower.tokenise(texts)
        source = ItemSource(torch.from_numpy(vectors), torch.from_numpy(distinct), tokens)
        with torch.inference_mode():
            users = tower(torch.from_numpy(local.astype(np.int64)), source).numpy()
        matches = vectors[np.maximum(local, 0)] * (local >= 0)[..., None]
        known = self._known(
            histories, users.astype(np.float32), matches.astype(np.float32), lengths
        )
        if not long:
            return known
        totals = np.zeros_like(known.vectors)
        some = np.diff(histories.offsets) > 0
        whole = vectors[np.searchsorted(distinct, histories.items)]
        totals[some] = np.add.reduceat(whole, histories.offsets[:-1][some], axis=0)
        return replace(
            known,
            matches=known.matches[:, :LONGEST_MATCHED],
            lengths=np.minimum(known.lengths, LONGEST_MATCHED),
            totals=totals,
        )

    def _known(
        self,
        histories: Histories,
        users: NDArray[np.float32],
        matches: NDArray[np.float32],
        lengths: NDArray[np.int32],
    ) -> UserState:
        log_count = np.log1p(self.bundle.popularity.counts[histories.items])
        sizes = np.diff(histories.offsets)
        owner = np.repeat(np.arange(len(histories)), sizes)
        log_counts = np.bincount(owner, log_count, len(histories)) / np.maximum(sizes, 1)
        first, second = self._moments
        mean = users @ first
        spread = np.sqrt(np.maximum(((users @ second) * users).sum(axis=1) - mean**2, 0.0))
        evidence_models = self.bundle.evidence_models
        own_keys = excluded_keys(histories, self.vectors.index.n_items)
        beside = None
        if histories.beside is not None and (
            evidence_models.reads_seen or evidence_models.rejections
        ):
            of_items, n_items = self.vectors.of, self.vectors.index.n_items
            beside = BesideState.of(histories.beside, of_items, n_items)
        sequence_scores = {}
        for name, sequence in evidence_models.sequences.items():
            items = self._sequence_items[name]
            expected = sequence.encode(histories, torch.from_numpy(items))
            sequence_scores[name] = SequenceScores(expected, items, own_keys, evidence_models.known)
        return UserState(
            histories=histories,
            vectors=users,
            matches=matches,
            lengths=lengths,
            log_counts=log_counts.astype(np.float32),
            mean=mean.astype(np.float32),
            deviation=spread.astype(np.float32),
            history_scores={
                name: HistoryScores.of(
                    b,
                    histories.attention if name in OF_ATTENTION else histories,
                    last=evidence_models.last,
                    known=evidence_models.known,
                )
                for name, b in evidence_models.item_weights.items()
            },
            sequence_scores=sequence_scores,
            beside=beside,
        )

    @cached_property
    def _moments(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean [d] and second moment [d, d] of the known items' vectors."""
        known = self.bundle.evidence_models.known
        if known is None or known.all():
            return self.vectors.moments
        vectors = self.vectors.of(np.flatnonzero(known))
        return vectors.mean(axis=0), (vectors.T @ vectors) / np.float32(max(len(vectors), 1))

    @cached_property
    def _sequence_items(self) -> dict[str, NDArray[np.float32]]:
        towers = self.bundle.evidence_models.sequences
        if not towers:
            return {}
        texts, rows = torch.from_numpy(self.vectors.all()), torch.arange(len(self.bundle.catalog))
        with torch.no_grad():
            return {name: tower.item_vectors(texts, rows).numpy() for name, tower in towers.items()}


def vector_state(vectors: NDArray[np.float32]) -> UserState:
    """Return vectors [m, d] as user states that only the first stage can rank by."""
    nothing = Histories.from_lists([[] for _ in vectors])
    ones = np.ones(len(vectors), np.int32)
    zeros = np.zeros(len(vectors), np.float32)
    return UserState(nothing, vectors, vectors[:, None, :], ones, zeros, zeros, zeros)
