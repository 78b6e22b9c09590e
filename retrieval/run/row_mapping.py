"""What was learned of the catalog as it was trained, laid out for the rows as they are served.

Training numbers the catalog's items, and all that it learns of single items (weights, offsets,
events) goes by these numbers. An item that comes later has no such number, a removed one may
lose its row, one that is added again gets another. Whatever has no row in training is without
evidence of its own, and borrows some (`late_items`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.features.evidence_models import EvidenceModels
from longtail.retrieval.features.item_weights import ItemWeights
from longtail.retrieval.features.user_columns import UserColumns
from longtail.retrieval.towers.sequence_tower import SequenceTower
from longtail.retrieval.towers.user_tower import UserTower
from longtail.retrieval.towers.vector_user_tower import VectorUserTower


@dataclass(frozen=True)
class RowMapping:
    """Which row an item had in training.

    Attributes:
        of_served: the training's row of each served row, -1 for what came later, int64 [n].
            Where an id was removed and added again, the later row has it.
        n_trained: rows in training.
    """

    of_served: NDArray[np.int64]
    n_trained: int

    @classmethod
    def of(cls, trained_row: NDArray[np.int64], n_trained: int) -> RowMapping:
        """Return the rows, where the last of several that name the same row has it.

        >>> RowMapping.of(np.array([0, 1, -1, 0]), 2).of_served.tolist()
        [-1, 1, -1, 0]
        """
        lost = _last_places(trained_row, n_trained)[trained_row] != np.arange(len(trained_row))
        return cls(np.where(lost, -1, trained_row), n_trained)

    @property
    def to_served(self) -> NDArray[np.int64]:
        """The served row of each of the training's rows, -1 for forgotten ones, int64."""
        return _last_places(self.of_served, self.n_trained)

    @property
    def unchanged(self) -> bool:
        """Whether each of the training's rows is served under the same number."""
        n = self.n_trained
        return bool(np.array_equal(self.of_served[:n], np.arange(n)))

    def events(self, log: Interactions) -> Interactions:
        """Return the log by served rows; events with forgotten items are gone."""
        if self.unchanged:
            return log
        item = self.to_served[log.item]
        return replace(log, item=item.astype(np.int32)).select(item >= 0)

    def evidence_models(self, evidence_models: EvidenceModels) -> EvidenceModels:
        """Return the evidence by served rows."""
        weights, towers = evidence_models.item_weights, evidence_models.sequences
        return EvidenceModels(
            {name: self.item_weights(matrix) for name, matrix in weights.items()},
            {name: self._sequence(tower) for name, tower in towers.items()},
            evidence_models.last,
            self._known(evidence_models.known),
            evidence_models.words and evidence_models.words.laid_out(self.of_served),
        )

    def _known(self, known: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
        if known is None:
            return None
        return np.asarray((self.of_served >= 0) & known[self.of_served])

    def item_weights(self, item_weights: ItemWeights) -> ItemWeights:
        """Return item-to-item weights by served rows.

        >>> weights = ItemWeights.from_rows(np.array([[1], [0]]), np.array([[0.5], [2.0]]))
        >>> trained = RowMapping(np.array([1, -1, 0]), 2)
        >>> trained.item_weights(weights).matrix.toarray().tolist()
        [[0.0, 0.0, 2.0], [0.0, 0.0, 0.0], [0.5, 0.0, 0.0]]
        """
        sizes = np.diff(item_weights.indptr)[self.of_served]
        sizes[self.of_served < 0] = 0
        indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        if self.unchanged:
            return replace(item_weights, indptr=indptr)
        starts = np.repeat(item_weights.indptr[self.of_served] - indptr[:-1], sizes)
        places = starts + np.arange(int(indptr[-1]))
        columns = self.to_served[item_weights.columns[places]]
        known = columns >= 0
        owner = np.repeat(np.arange(len(sizes)), sizes)[known]
        columns, values = columns[known], item_weights.values[places][known]
        order = np.lexsort((columns, owner))
        sizes = np.bincount(owner, minlength=len(sizes))
        return ItemWeights(
            np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
            columns[order].astype(np.int32),
            values[order],
        )

    def user_columns(self, user_columns: UserColumns | None) -> UserColumns | None:
        """Return what the columns of users say by served rows."""
        if user_columns is None or self.unchanged:
            return user_columns
        return user_columns.laid_out(self.to_served)

    def user_tower(self, tower: UserTower) -> UserTower:
        """Return the tower with its history offsets by served rows."""
        if not isinstance(tower, VectorUserTower) or not tower.shape.items or self.unchanged:
            return tower  # rows beyond its offsets have none
        shape = replace(tower.shape, items=len(self.of_served))
        new_tower = VectorUserTower(shape)
        new_tower.load_state_dict({**tower.state_dict(), "offsets": self._laid_out(tower.offsets)})
        return new_tower.requires_grad_(False).eval()

    def _sequence(self, tower: SequenceTower) -> SequenceTower:
        new_tower = SequenceTower(replace(tower.shape, items=len(self.of_served)))
        state: Mapping[str, torch.Tensor] = tower.state_dict()
        new_tower.load_state_dict({**state, "own.weight": self._laid_out(tower.own.weight)})
        return new_tower.requires_grad_(False).eval()

    def _laid_out(self, learned: nn.Parameter | torch.Tensor) -> torch.Tensor:
        """Return a learned vector for each served row, zeros where training had none."""
        rows = torch.from_numpy(self.of_served)
        values = learned.detach()[rows.clamp(min=0)]
        return values * (rows >= 0)[:, None]


def _last_places(rows: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return the last place at which each of 0..size-1 stands in ``rows``, -1 if nowhere.

    >>> _last_places(np.array([2, -1, 0, 2]), 3).tolist()
    [2, -1, 3]
    """
    places = np.full(size, -1, np.int64)
    known = np.flatnonzero(rows >= 0)
    places[rows[known]] = known
    return places
