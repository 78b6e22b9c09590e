"""What a log's events and ratings were taken for, in the words of settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from longtail.retrieval.data.meaning.behaviours import MEANINGS, SHOWN, TAKEN, Meaning
from longtail.retrieval.data.meaning.event_names import EventNames
from longtail.retrieval.data.meaning.positives import positives
from longtail.retrieval.data.meaning.ratings import scale_of


@dataclass
class ToldMeanings:
    """What a log's events and ratings mean to a run.

    Attributes:
        events: what an event means, by its name.
        rating: ``data.rating``: what is liked, disliked and none; None where numbers are no
            opinions.
        wanted: the events that are taken, where somebody named them.
    """

    events: dict[str, Meaning] = field(default_factory=dict)
    rating: dict[str, str] | None = None
    wanted: list[str] | None = None

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> ToldMeanings:
        """Return what a run's data settings say."""
        wanted = positives(data.get("positive") or (), {}).get("event")
        return cls(data.get("events") or {}, data.get("rating"), wanted)

    def settings(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings ``data.events`` and ``data.rating`` with what was told."""
        return {
            "events": {**self.events, **data["events"]},
            "rating": self.rating if self.rating is not None else data["rating"],
        }

    @property
    def names(self) -> EventNames:
        """What the names of events mean."""
        return EventNames.of(self.events, self.wanted)

    def meaning(
        self, event: str | None, weight: float | None = None, label: int | None = None
    ) -> Meaning | None:
        """Return what an event means, None where nobody knows its name.

        As in a row of a log: no name is taken; of what is taken a rating says whether it was
        liked, and a label of 0 that it was only shown.

        >>> told = ToldMeanings(rating={"taken": ">=4", "rejected": "<=2"})
        >>> [told.meaning("purchase", weight) for weight in (5, 3, 1, None)]
        ['taken', 'had', 'rejected', 'taken']
        """
        meaning = "taken" if event is None else self.names.meaning(event)
        if meaning == "taken" and weight is not None and self.rating is not None:
            scale = scale_of(np.empty(0, np.float32), self.rating)
            assert scale is not None
            meaning = MEANINGS[scale.meanings(np.array([weight], np.float32))[0]]
        if label == 0 and meaning in (MEANINGS[TAKEN], "seen"):
            return MEANINGS[SHOWN]
        return meaning
