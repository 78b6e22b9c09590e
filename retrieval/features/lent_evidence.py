"""Evidence for items that nobody had taken: borrowed from the known items of the nearest texts.

Of an item without events the log knows nothing, which is another thing than knowing that nobody
wants it. Its rows and columns of the item-to-item weights and its own vectors are therefore
weighted means of those of its donors, and a scorer of its own judges what they are worth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from longtail.index.vector_index import VectorIndex
from longtail.retrieval.features.evidence_models import BY_TEXT, EvidenceModels
from longtail.retrieval.features.item_weights import ItemWeights
from longtail.retrieval.towers.sequence_tower import SequenceTower
from longtail.retrieval.towers.user_tower import UserTower
from longtail.retrieval.towers.vector_user_tower import VectorUserTower

# Donors an item, and how fast their shares fall with the cosine of the texts.
DONORS = 8
TEMPERATURE = 0.1
# Entries kept of each borrowed row, and of each row's borrowed columns.
KEPT = 200


@dataclass(frozen=True, eq=False)
class Donors:
    """Of each unknown item the known ones that it borrows from.

    Attributes:
        rows: the unknown items, distinct, int64 [u].
        near: their donors, -1 as padding, int64 [u, d].
        shares: what each donor gives, 1 a line in all, 0 without a donor, float32 [u, d].
    """

    rows: NDArray[np.int64]
    near: NDArray[np.int64]
    shares: NDArray[np.float32]

    @classmethod
    def of(
        cls, rows: NDArray[np.int64], near: NDArray[np.int64], cosines: NDArray[np.float32]
    ) -> Donors:
        """Return donors whose shares are the softmax of ``cosines / TEMPERATURE``, [u, d].

        >>> cosines = np.array([[0.9, 0.9, -np.inf]], np.float32)
        >>> Donors.of(np.array([7]), np.array([[1, 2, -1]]), cosines).shares.tolist()
        [[0.5, 0.5, 0.0]]
        """
        there = near >= 0
        scaled = np.where(there, cosines, -np.inf) / np.float32(TEMPERATURE)
        highest = np.where(there.any(axis=1), scaled.max(axis=1, initial=-np.inf), 0.0)
        weight = np.where(there, np.exp(scaled - highest[:, None]), 0.0)
        shares = weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)
        return cls(rows, near, shares.astype(np.float32))

    def matrix(self, n_items: int) -> sp.csr_matrix:
        """Return the shares by catalog row, float32 [n_items, n_items]."""
        there = self.near >= 0
        owner = np.repeat(self.rows, there.sum(axis=1))
        places = (owner, self.near[there])
        return sp.csr_matrix((self.shares[there], places), shape=(n_items, n_items))


def nearest_known(index: VectorIndex, rows: NDArray[np.int64], known: NDArray[np.bool_]) -> Donors:
    """Return the donors of these rows: the nearest ``known`` items (bool [n]) by their texts."""
    if not len(rows) or not known.any():
        nobody = np.full((len(rows), DONORS), -1, np.int64)
        return Donors(rows, nobody, np.zeros(nobody.shape, np.float32))
    found = index.search(index.vectors(rows), DONORS, allowed=known)
    return Donors.of(rows, found.rows, found.scores)


def with_lent(models: EvidenceModels, donors: Donors, n_items: int) -> EvidenceModels:
    """Return the evidence with that of the donors' borrowers; what they had of their own goes."""
    known = np.ones(n_items, np.bool_) if models.known is None else models.known.copy()
    known[donors.rows] = False
    if not len(donors.rows):
        return replace(models, known=known)
    return replace(
        models,
        item_weights={
            name: w if name == BY_TEXT else _lent(w, donors)
            for name, w in models.item_weights.items()
        },
        sequences={name: _own_lent(t, donors) for name, t in models.sequences.items()},
        known=known,
    )


def with_lent_offsets(tower: UserTower, donors: Donors, n_items: int) -> UserTower:
    """Return the user tower with the borrowers' history offsets; one without offsets as it is.

    ``n_items`` is the catalog's size; rows beyond the tower's own have none yet.
    """
    if not isinstance(tower, VectorUserTower) or not tower.shape.items or not len(donors.rows):
        return tower
    new_tower = VectorUserTower(replace(tower.shape, items=n_items))
    more = torch.zeros(n_items - tower.shape.items, tower.shape.dim)
    offsets = _mixed(torch.cat([tower.offsets.detach(), more]), donors)
    new_tower.load_state_dict({**tower.state_dict(), "offsets": offsets})
    return new_tower.requires_grad_(False).eval()


def _lent(weights: ItemWeights, donors: Donors) -> ItemWeights:
    """Return ``Q W Q'``, Q being shares for borrowers and the identity for all others.

    What is known of the others among one another stays to the bit.
    """
    n = weights.n_items
    others = _without(weights, donors.rows)
    shares = donors.matrix(n)
    gives = np.zeros(n, bool)
    gives[donors.near[donors.near >= 0]] = True
    # Of a large catalog few columns are lent; the others needn't be multiplied.
    places = np.flatnonzero(gives[others.indices])
    owner = np.searchsorted(others.indptr, places, side="right") - 1
    lent = (others.data[places], (owner, others.indices[places]))
    columns = _cut((sp.csr_matrix(lent, shape=(n, n)) @ shares.T).tocsr())
    rows = shares @ others
    # A borrower says of a borrower what their donors say of one another.
    rows = _cut((rows + rows @ shares.T).tocsr())
    more = (columns + rows).tocoo()
    kept = (more.row != more.col) & (more.data != 0)
    more = sp.csr_matrix((more.data[kept], (more.row[kept], more.col[kept])), shape=(n, n))
    return ItemWeights.from_matrix((others + more).astype(np.float32, copy=False))


def _without(weights: ItemWeights, rows: NDArray[np.int64]) -> sp.csr_matrix:
    """Return the weights with these items' rows and columns empty, float32 [n_items, n_items]."""
    n = weights.n_items
    borrows = np.zeros(n, bool)
    borrows[rows] = True
    gone = borrows[weights.columns]
    if not gone.any() and not np.diff(weights.indptr)[rows].any():
        return weights.matrix
    owner = np.repeat(np.arange(n), np.diff(weights.indptr))
    kept = ~(gone | borrows[owner])
    starts = np.concatenate([[0], np.cumsum(np.bincount(owner[kept], minlength=n))])
    return sp.csr_matrix((weights.values[kept], weights.columns[kept], starts), shape=(n, n))


def _cut(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """Return of every row the `KEPT` largest magnitudes, and what ties with the last of them."""
    sizes = np.diff(matrix.indptr)
    for row in np.flatnonzero(sizes > KEPT):
        part = slice(matrix.indptr[row], matrix.indptr[row + 1])
        magnitudes = np.abs(matrix.data[part])
        edge = np.partition(magnitudes, len(magnitudes) - KEPT)[-KEPT]
        matrix.data[part][magnitudes < edge] = 0.0
    matrix.eliminate_zeros()
    return matrix


def _own_lent(tower: SequenceTower, donors: Donors) -> SequenceTower:
    new_tower = SequenceTower(tower.shape)
    own = _mixed(tower.own.weight, donors)
    new_tower.load_state_dict({**tower.state_dict(), "own.weight": own})
    return new_tower.requires_grad_(False).eval()


def _mixed(learned: torch.Tensor, donors: Donors) -> torch.Tensor:
    """Return learned vectors [n, d] in which the borrowers have their donors' mean."""
    values = learned.detach().clone()
    known = values[torch.from_numpy(np.maximum(donors.near, 0))]
    shares = torch.from_numpy(donors.shares)
    values[torch.from_numpy(donors.rows)] = (known * shares[..., None]).sum(dim=1)
    return values
