"""Failures of an evaluation; all are `longtail.index.errors.LongtailError`.

LongtailError
└── EvaluationError           an evaluation can't be made as it was asked for
    └── RecommenderError      a recommender's answer breaks its contract (a seen item, a repeat)
"""

from __future__ import annotations

from longtail.index.errors import LongtailError


class EvaluationError(LongtailError):
    """An evaluation can't be made as it was asked for; the message says what to change."""


class RecommenderError(EvaluationError):
    """A recommender returned something that its contract forbids; its numbers would lie."""
