"""An untrained user tower, as the settings want it."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.text_user_tower import TextUserTower, TextUserTowerShape
from longtail.retrieval.towers.user_tower import UserTower
from longtail.retrieval.towers.vector_user_tower import VectorUserTower, VectorUserTowerShape
from longtail.training.settings import UserTowerSettings
from longtail.training.towers.history_offsets import closed_form_offsets, neighbour_offsets


def new_user_tower(
    settings: UserTowerSettings,
    item_tower: ItemTower,
    vectors: NDArray[np.float32] | None,
    taken: sp.csr_matrix,
) -> UserTower:
    """Return the user tower before its first step.

    ``vectors`` float32 [n_items, dim] are the item tower's, ``taken`` bool [n_users, n_items].
    Without vectors its history offsets are left at zero, for somebody else to set.
    """
    if settings.kind == "text":
        return TextUserTower(
            TextUserTowerShape(
                dim=item_tower.dim,
                max_history=settings.max_history,
                max_tokens=settings.text_tokens,
                shared_weights=settings.shared_weights,
            ),
            item_tower,
        )
    n_items = taken.shape[1]
    tower = VectorUserTower(
        VectorUserTowerShape(
            dim=item_tower.dim,
            items=n_items if settings.offsets else 0,
            max_history=settings.max_history,
            decay=settings.decay,
            layers=settings.layers,
            hidden=settings.hidden,
            heads=settings.heads,
            dropout=settings.dropout,
        )
    )
    if settings.offsets and vectors is not None:
        if n_items <= settings.closed_form_limit:
            start = closed_form_offsets(
                taken, vectors, kernel=settings.text_kernel, ridge=settings.ridge
            )
        else:
            start = neighbour_offsets(taken, vectors)
        with torch.no_grad():
            tower.offsets.copy_(torch.from_numpy(start))
    return tower
