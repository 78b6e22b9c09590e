"""An engine with everything that comes from the log fitted on another log; the rest as it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from longtail.index.updates import reassign
from longtail.index.vector_index import VectorIndex
from longtail.retrieval.data.clock.item_clock import ItemClock
from longtail.retrieval.data.histories.confidences import confidences
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.progress import Progress
from longtail.retrieval.ranking.pipeline import RankingPipeline
from longtail.retrieval.run.bundle import Bundle
from longtail.retrieval.run.late_items import with_cold_lent
from longtail.retrieval.towers.item_tower import ItemTower
from longtail.retrieval.towers.user_tower import UserTower
from longtail.retrieval.towers.vector_user_tower import VectorUserTower
from longtail.training.evidence.fit_evidence import (
    EventsAndTexts,
    FittedEvidence,
    refit_evidence,
)
from longtail.training.evidence.user_columns.fit_user_columns import refit_user_columns
from longtail.training.settings import TrainingSettings, UserTowerSettings
from longtail.training.towers.user_towers import new_user_tower
from longtail.training.trainer.examples import taken_matrix


def refit_engine(
    bundle: Bundle,
    index: VectorIndex,
    fitted: FittedEvidence,
    log: Interactions,
    settings: TrainingSettings,
    progress: Progress,
    *,
    warm: bool = False,
) -> RankingPipeline:
    """Return the engine as this log tells it, whose items are rows of the bundle's catalog.

    Popularity and pools, item-to-item weights, history offsets in closed form, sequence towers
    (``warm``: from where those of ``fitted`` were), the clock and what columns of users say. The
    towers' weights, the relevance head and all that was chosen stay, and so does the bundle's
    own log.
    """
    n_items = len(bundle.catalog)
    histories = Histories.from_interactions(log)
    taken, counts = taken_matrix(histories, n_items), log.user_counts(n_items)
    popularity = bundle.popularity.recounted(counts, bundle.catalog.item_ids)
    vectors = index.vectors(np.arange(n_items))
    tokens = bundle.item_tower.tokenise(bundle.catalog.texts())
    amounts = confidences(log, n_items)
    data = EventsAndTexts(histories, taken, amounts, counts, vectors, tokens)
    evidence = refit_evidence(fitted, data, settings, progress, warm=warm)
    clock, columns = bundle.clock, bundle.user_columns
    index = reassign(index, popularity.centred, popularity.bucket, refill=False)
    engine = replace(
        bundle,
        popularity=popularity,
        # Whoever was unknown may be known by now.
        evidence_models=replace(
            evidence.evidence_models, known=None, last=bundle.evidence_models.last
        ),
        user_tower=_with_offsets_of(
            bundle.user_tower, settings.user_tower, bundle.item_tower, vectors, taken
        ),
        clock=clock and ItemClock.of(log, n_items, clock.half_lives),
        user_columns=columns and refit_user_columns(columns, log, n_items),
    )
    if bundle.evidence_models.known is not None:
        engine = with_cold_lent(engine, index, counts)
    return RankingPipeline(engine, index)


def _with_offsets_of(
    tower: UserTower,
    settings: UserTowerSettings,
    item_tower: ItemTower,
    vectors: NDArray[np.float32],
    taken: sp.csr_matrix,
) -> UserTower:
    """Return the user tower with the closed form's history offsets, all else as it is."""
    if not isinstance(tower, VectorUserTower) or not tower.shape.items:
        return tower
    with torch.random.fork_rng(devices=[]):
        closed = new_user_tower(settings, item_tower, vectors, taken)
        refitted = VectorUserTower(replace(tower.shape, items=len(vectors)))
    offsets = closed.offsets.detach() if isinstance(closed, VectorUserTower) else tower.offsets
    refitted.load_state_dict({**tower.state_dict(), "offsets": offsets})
    return refitted.requires_grad_(False).eval()
