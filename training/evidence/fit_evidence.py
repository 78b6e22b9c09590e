"""Fits everything a run knows from the log beside the towers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.features.evidence_models import (
    BY_TEXT,
    LEADING,
    SEEN_THEN_TAKEN,
    SEEN_TOGETHER,
    EvidenceModels,
)
from longtail.retrieval.features.history_scores import LAST
from longtail.retrieval.features.item_weights import ItemWeights
from longtail.retrieval.features.words_to_behaviour import WordsToBehaviour
from longtail.retrieval.progress import Progress
from longtail.retrieval.towers.sequence_tower import SequenceTower
from longtail.retrieval.towers.text.tokens import TokenTable
from longtail.training.evidence.cooccurrence import cooccurrence
from longtail.training.evidence.fit_sequence_tower import Course, fit_sequence_tower
from longtail.training.evidence.fit_words_to_behaviour import fit_words_to_behaviour
from longtail.training.evidence.item_weights.fit_item_weights import fit_item_weights
from longtail.training.evidence.item_weights.item_weights_choice import (
    choose_item_weights,
    item_weights_candidates,
)
from longtail.training.evidence.item_weights.item_weights_settings import ItemWeightsSettings
from longtail.training.evidence.text_neighbours import text_neighbours
from longtail.training.evidence.transitions import followers, followers_by_text, transition_counts
from longtail.training.profile import UNMEASURED, Profile
from longtail.training.settings import TrainingSettings
from longtail.training.stages.stages import training_device
from longtail.training.trainer.examples import taken_matrix
from longtail.training.validation import ValidationSet

# Text neighbours through which transitions are read.
LIKES = 10
# Events before a purchase whose items speak for it, and how fast that fades.
LOOKS_BEFORE, LOOKS_FADE = 10, 0.85
# Of each user: pairs grow with the square of it.
LONGEST_ATTENTION = 500
# Epochs of a sequence tower that goes on from where it was.
WARM_EPOCHS = 2
NOWHERE: Mapping[str, SequenceTower] = MappingProxyType({})


@dataclass(frozen=True)
class FittedEvidence:
    """The evidence, and how each part of it came about."""

    evidence_models: EvidenceModels
    report: dict[str, Any]


@dataclass(frozen=True)
class EventsAndTexts:
    """What evidence is fitted on: who took what, in every shape that a fit wants, and the texts.

    Attributes:
        histories: who took what, in time.
        taken: the same as bool [n_users, n_items].
        amounts: `confidences` in it, float32 [n_users, n_items]; None: amounts hardly differ.
        counts: users of each item, int64 [n_items].
        vectors: the item tower's, unit rows, float32 [n_items, d].
        tokens: the texts as the tower reads them.
    """

    histories: Histories
    taken: sp.csr_matrix
    amounts: sp.csr_matrix | None
    counts: NDArray[np.int64]
    vectors: NDArray[np.float32]
    tokens: TokenTable


def fit_evidence(
    data: EventsAndTexts,
    validation: ValidationSet,
    settings: TrainingSettings,
    progress: Progress,
    profile: Profile = UNMEASURED,
) -> FittedEvidence:
    """Return evidence fitted on the training part; validation only picks the closed form's dials.

    ``data`` is of the training part.
    """
    if not settings.behaviour.enabled:
        return FittedEvidence(EvidenceModels(), {})
    with profile.section("item-to-item weights"):
        candidates = item_weights_candidates(settings.behaviour.closed_form, len(data.vectors))
        if not len(validation):
            # Nothing to choose by.
            candidates = [ItemWeightsSettings(**dict(settings.behaviour.closed_form))]
        chosen = choose_item_weights(
            data.taken,
            data.vectors,
            validation,
            candidates,
            amounts=data.amounts if len(validation) else None,
            progress=progress,
        )
        by_words = len(data.vectors) <= settings.behaviour.words_limit
        item_weights, words, seconds = _item_weights(chosen.weights, data, settings, by_words)
    read = settings.behaviour.max_history
    last = LAST if read == "auto" else max(read, LAST)
    report: dict[str, Any] = {
        "closed_form": {
            **asdict(chosen.report),
            "settings": chosen.settings.model_dump(),
            "measures": chosen.measures,
        },
        "other_behaviours_seconds": seconds,
    }
    beside = data.histories.beside
    with profile.section("sequence towers"):
        sequences, towers = _sequences(data, settings, None, progress)
    return FittedEvidence(
        EvidenceModels(
            item_weights,
            sequences,
            last,
            words=words,
            rejections=beside is not None and len(beside.rejected.items) > 0,
        ),
        {**report, "sequence_towers": towers},
    )


def refit_evidence(
    fitted: FittedEvidence,
    data: EventsAndTexts,
    settings: TrainingSettings,
    progress: Progress,
    *,
    warm: bool = False,
) -> FittedEvidence:
    """Return the same evidence with all that was chosen, fitted on more events.

    The closed form keeps its dials, each sequence tower its number of epochs; ``warm`` ones go on
    from where they were (of the same rows), for at most `WARM_EPOCHS`.
    """
    if not fitted.evidence_models.item_weights:
        return fitted
    began = time.monotonic()
    chosen = ItemWeightsSettings(**fitted.report["closed_form"]["settings"])
    leading, _ = fit_item_weights(
        data.taken, data.vectors, chosen, amounts=data.amounts, progress=progress
    )
    by_words = fitted.evidence_models.words is not None
    item_weights, words, _ = _item_weights(leading, data, settings, by_words)
    epochs = [tower["epochs"] for tower in fitted.report["sequence_towers"]]
    starts = fitted.evidence_models.sequences if warm else {}
    if warm:
        epochs = [min(number, WARM_EPOCHS) for number in epochs]
    sequences, _ = _sequences(data, settings, epochs, progress, starts)
    report = {**fitted.report, "refit_seconds": round(time.monotonic() - began, 1)}
    models = replace(
        fitted.evidence_models, item_weights=item_weights, sequences=sequences, words=words
    )
    return FittedEvidence(models, report)


def _item_weights(
    leading: ItemWeights, data: EventsAndTexts, settings: TrainingSettings, by_words: bool
) -> tuple[dict[str, ItemWeights], WordsToBehaviour | None, float]:
    """Return all item-to-item weights, the map from words to some of them, and seconds.

    The seconds are those that the weights beside the leading ones took.
    """
    began = time.monotonic()
    kept, n_items = settings.behaviour.closed_form.kept, len(data.vectors)
    steps = transition_counts(data.histories, n_items)
    weights = {
        LEADING: leading,
        "co_taken": cooccurrence(data.taken, kept),
        "next": followers(steps, data.counts, kept),
    }
    if n_items <= settings.behaviour.transitions_by_text_limit:
        weights["next_by_text"] = followers_by_text(
            steps, text_neighbours(data.vectors, LIKES), kept
        )
    if (beside := data.histories.beside) is not None:
        attention, took = beside.newest(LONGEST_ATTENTION)
        looked_at = taken_matrix(attention, n_items)
        weights[SEEN_TOGETHER] = cooccurrence(looked_at, kept)
        steps = transition_counts(
            attention, n_items, window=LOOKS_BEFORE, fade=LOOKS_FADE, took=took
        )
        users = np.asarray(looked_at.sum(axis=0)).ravel().astype(np.int64)
        weights[SEEN_THEN_TAKEN] = followers(steps, data.counts, kept, before=users)
    words = None
    if by_words:
        words, weights[BY_TEXT] = fit_words_to_behaviour(
            data.taken, data.vectors, data.tokens, kept
        )
    return weights, words, round(time.monotonic() - began, 1)


def _sequences(
    data: EventsAndTexts,
    settings: TrainingSettings,
    epochs: list[int] | None,
    progress: Progress,
    starts: Mapping[str, SequenceTower] = NOWHERE,
) -> tuple[dict[str, SequenceTower], list[dict[str, Any]]]:
    """Return the sequence towers and how each went; none for a catalog that is too large."""
    towers: dict[str, SequenceTower] = {}
    reports: list[dict[str, Any]] = []
    if not (np.diff(data.histories.offsets) >= 2).any():
        return towers, reports
    # A refit makes those that there were, though a smaller catalog could have some by now.
    if len(data.vectors) > settings.sequence.max_items or epochs == []:
        return towers, reports
    for number, strength in enumerate(settings.sequence.popularity_strengths):
        name = f"sequence_{strength:g}"
        tower, report = fit_sequence_tower(
            data.histories,
            data.vectors,
            data.counts,
            settings.sequence,
            popularity_strength=strength,
            seed=settings.seed + number,
            course=Course(epochs[number], starts.get(name)) if epochs else None,
            device=training_device(),
            progress=progress,
        )
        towers[name] = tower
        reports.append(report)
    return towers, reports
