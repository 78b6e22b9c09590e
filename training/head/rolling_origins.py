"""Earlier moments of the train part as more examples for the head: rolling origins.

As a forecaster is tried out at several origins (Tashman, "Out-of-sample tests of forecasting
accuracy", 2000), the engine is put back to a moment, and what users took next is what it should
have said.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from longtail.index.vector_index import VectorIndex
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.splits import Split
from longtail.retrieval.features.relevance_head import RelevanceHead
from longtail.retrieval.progress import Progress
from longtail.retrieval.ranking.pipeline import RankingPipeline
from longtail.retrieval.run.bundle import Bundle
from longtail.training.evidence.fit_evidence import FittedEvidence
from longtail.training.head.head_examples import HeadExamples, newcomers
from longtail.training.refit_engine import refit_engine
from longtail.training.settings import TrainingSettings

# Each is as long as the valid part, and none lies before half of the train part. Item weights are
# fitted for each, sequence towers for the oldest alone, since they take most of the time:
# together less than the evidence took at first.
OLDEST_SHARE = 0.5
# What the pairs of an origin count, for each step into the past.
FADE = 0.7


@dataclass
class RollingOrigins:
    """Makes examples of earlier moments, when the head asks for them.

    Attributes:
        bundle, index: the engine as of the end of the train part. The origins share with it what
            isn't learned of single events: the towers' weights (all but the history offsets) and
            what was chosen.
        fitted: its evidence.
        split: the log; its valid part only says how long an origin's window is.
        report: what was made, ready for JSON.
    """

    bundle: Bundle
    index: VectorIndex
    fitted: FittedEvidence
    split: Split
    settings: TrainingSettings
    progress: Progress
    report: dict[str, Any] = field(default_factory=dict)

    def examples(self) -> list[HeadExamples]:
        """Return the examples of every origin, the newest first."""
        began = time.monotonic()
        train = self.split.train
        length = len(self.split.valid.taken())
        moments = origins(train.taken().time, length, self.settings.relevance.origins)
        if not moments:
            return []
        counts = self.bundle.relevance.counts
        examples: list[HeadExamples] = []
        end = np.iinfo(np.int64).max
        rankings = self._rankings(train, moments)
        names = RankingPipeline(self.bundle, self.index).feature_names(counts=counts)
        used: list[int] = []
        for number, (moment, ranking) in enumerate(zip(moments, rankings, strict=True)):
            self.progress("rolling origins", number, len(moments))
            known = Histories.from_interactions(train.select(train.time < moment))
            window = train.select((train.time >= moment) & (train.time < end))
            if ranking.feature_names(counts=counts) != names:
                # So few events came before that there is no sequence tower of them.
                end = moment
                continue
            blank = replace(ranking.bundle, relevance=RelevanceHead(counts=counts))
            ranking = replace(ranking, bundle=blank)
            used.append(moment)
            examples += _examples(
                ranking,
                known,
                window,
                weight=FADE ** (number + 1),
                seed=self.settings.seed + number + 1,
            )
            end = moment
        self.progress("rolling origins", len(moments), len(moments))
        self.report.update(
            moments=used,
            users=int(sum(len(e.known) for e in examples)),
            positives=int(sum(len(e.positives.items) for e in examples)),
            seconds=round(time.monotonic() - began, 1),
        )
        return examples

    def _rankings(self, train: Interactions, moments: Sequence[int]) -> list[RankingPipeline]:
        """Return the engine as of each moment; the sequence towers are the oldest one's."""
        oldest = self._as_of(train, moments[-1], self.settings)
        sequences = oldest.bundle.evidence_models.sequences
        none = self.settings.sequence.changed(popularity_strengths=())
        newer = []
        for moment in moments[:-1]:
            ranking = self._as_of(train, moment, self.settings.changed(sequence=none))
            models = replace(ranking.bundle.evidence_models, sequences=sequences)
            newer.append(replace(ranking, bundle=replace(ranking.bundle, evidence_models=models)))
        return [*newer, oldest]

    def _as_of(
        self, train: Interactions, moment: int, settings: TrainingSettings
    ) -> RankingPipeline:
        """Return the engine put back: what it holds of items and users is of events before."""
        log = train.select(train.time < moment)
        return refit_engine(self.bundle, self.index, self.fitted, log, settings, self.progress)


def origins(time: NDArray[np.int64], window: int, most: int) -> list[int]:
    """Return moments, the newest first, between which lie about ``window`` events each.

    At most ``most``, none before `OLDEST_SHARE` of the events. Events of one moment are never
    torn apart.

    >>> origins(np.arange(100), 10, 4)
    [90, 80, 70, 60]
    >>> origins(np.array([5, 5, 5, 5]), 1, 4)
    []
    """
    ordered = np.sort(time)
    moments: list[int] = []
    for number in range(1, most + 1):
        place = len(ordered) - number * window
        if window < 1 or place < OLDEST_SHARE * len(ordered):
            break
        moment = int(ordered[place])
        later = moments[-1] if moments else int(ordered[-1]) + 1
        if ordered[0] < moment < later:
            moments.append(moment)
    return moments


def _examples(
    ranking: RankingPipeline, known: Histories, window: Interactions, *, weight: float, seed: int
) -> list[HeadExamples]:
    """Return the known users of a window, and those who come in it."""
    taken = Histories.from_interactions(window)
    refused = Histories.of_events(window.refused())
    users = np.flatnonzero((np.diff(known.offsets) > 0) & (np.diff(taken.offsets) > 0))
    return [
        HeadExamples(ranking, known.take(users), taken.take(users), refused.take(users), weight),
        newcomers(ranking, known, taken, refused, seed=seed, weight=weight),
    ]
