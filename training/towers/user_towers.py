"""An untrained user tower, as the settings want it."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from longtail.retrieval.features.history_scores import LAST
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text_user_tower import TextUserTower, TextUserTowerShape
from longtail.retrieval.towers.user_tower import UserTower
from longtail.retrieval.towers.vector_user_tower import VectorUserTower, VectorUserTowerShape
from longtail.training.settings import UserTowerSettings
from longtail.training.towers.history_offsets import closed_form_offsets, neighbour_offsets


def new_offsets(
    settings: UserTowerSettings, vectors: NDArray[np.float32] | None, taken: sp.csr_matrix
) -> NDArray[np.float32] | None:
    """Return the history offsets before the first step, float32 [n_items, dim].

    ``vectors`` float32 [n_items, dim] are the item tower's, ``taken`` bool [n_users, n_items].
    None where the tower has none, or without vectors, for somebody else to set.
    """
    if settings.kind == "text" or not settings.offsets or vectors is None:
        return None
    if taken.shape[1] > settings.closed_form_limit:
        return neighbour_offsets(taken, vectors)
    return closed_form_offsets(taken, vectors, kernel=settings.text_kernel, ridge=settings.ridge)


def new_user_tower(
    settings: UserTowerSettings,
    item_tower: ItemTower,
    n_items: int,
    offsets: NDArray[np.float32] | None,
) -> UserTower:
    """Return the user tower before its first step; without ``offsets`` it has those of zero."""
    window = LAST if settings.max_history == "auto" else settings.max_history
    if settings.kind == "text":
        return TextUserTower(
            TextUserTowerShape(
                dim=item_tower.dim,
                max_history=window,
                max_tokens=settings.text_tokens,
                shared_weights=settings.shared_weights,
            ),
            item_tower,
        )
    tower = VectorUserTower(
        VectorUserTowerShape(
            dim=item_tower.dim,
            items=n_items if settings.offsets else 0,
            max_history=window,
            decay=settings.decay,
            layers=settings.layers,
            hidden=settings.hidden,
            heads=settings.heads,
            dropout=settings.dropout,
        )
    )
    if offsets is not None:
        with torch.no_grad():
            tower.offsets.copy_(torch.from_numpy(offsets))
    return tower
