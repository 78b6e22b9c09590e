"""Fits everything a run knows from the log beside the towers."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from retrieval.interactions import Histories
from retrieval.progress import Progress
from retrieval.sources import LEADING, Sources
from retrieval.towers.sequence_tower import SequenceTower
from training.behaviour_choice import behaviour_candidates, choose_behaviour
from training.co_taken import co_taken
from training.sequence import fit_sequence_tower
from training.settings import TrainingSettings
from training.stages import training_device
from training.text_neighbours import text_neighbours
from training.transitions import followers, followers_by_text, transition_counts
from training.validation import ValidationSet

# Text neighbours through which transitions are read.
LIKES = 10


@dataclass(frozen=True)
class FittedSources:
    """The evidence, and how each part of it came about."""

    sources: Sources
    report: dict[str, Any]


def fit_sources(
    histories: Histories,
    taken: sp.csr_matrix,
    vectors: NDArray[np.float32],
    counts: NDArray[np.int64],
    validation: ValidationSet,
    settings: TrainingSettings,
    progress: Progress,
) -> FittedSources:
    """Return evidence fitted on the training part; validation only picks the closed form's dials.

    ``histories`` of the training part, ``taken`` the same as bool [n_users, n_items];
    ``vectors`` the item tower's, [n_items, d].
    """
    if not settings.behaviour.enabled:
        return FittedSources(Sources(), {})
    n_items = len(vectors)
    chosen = choose_behaviour(
        taken,
        vectors,
        validation,
        behaviour_candidates(settings.behaviour.closed_form, n_items),
        progress=progress,
    )
    began = time.monotonic()
    kept = settings.behaviour.closed_form.kept
    behaviours = {
        LEADING: chosen.behaviour,
        "co_taken": co_taken(taken, kept),
    }
    steps = transition_counts(histories, n_items)
    behaviours["next"] = followers(steps, counts, kept)
    if n_items <= settings.behaviour.transitions_by_text_limit:
        near = text_neighbours(vectors, LIKES)
        behaviours["next_by_text"] = followers_by_text(steps, near, kept)
    report: dict[str, Any] = {
        "closed_form": {
            **asdict(chosen.report),
            "settings": asdict(chosen.settings),
            "measures": chosen.measures,
        },
        "other_behaviours_seconds": round(time.monotonic() - began, 1),
    }
    sequences: dict[str, SequenceTower] = {}
    if n_items <= settings.sequence.max_items:
        reports = []
        for number, strength in enumerate(settings.sequence.popularity_strengths):
            tower, found = fit_sequence_tower(
                histories,
                vectors,
                counts,
                settings.sequence,
                popularity_strength=strength,
                seed=settings.seed + number,
                device=training_device(),
                progress=progress,
            )
            sequences[f"sequence_{strength:g}"] = tower
            reports.append(found)
        report["sequence_towers"] = reports
    return FittedSources(Sources(behaviours, sequences), report)
