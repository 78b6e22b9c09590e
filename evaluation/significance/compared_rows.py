"""Whom a comparison shows: one line a method, however many debias strengths were evaluated."""

from __future__ import annotations

import math

from longtail.evaluation.protocol import family_and_debias
from longtail.evaluation.results import Evaluation


def default_subject(evaluation: Evaluation) -> str:
    """Return ``longtail`` where it was evaluated, else the first recommender."""
    names = evaluation.recommenders
    return "longtail" if "longtail" in names else names[0]


def table_rows(evaluation: Evaluation, subject: str | None = None) -> list[str]:
    """Return whom the table shows: one line a method, the subject first, then by overall recall.

    A method's line is the weakest debias strength that was evaluated, 0 as a rule. Beside them
    stand the subject's own setting, and the best of the others overall if that is a stronger one:
    nothing that the sentence under the table speaks of is missing.
    """
    who = subject or default_subject(evaluation)
    names = evaluation.recommenders
    weakest: dict[str, str] = {}
    for name in sorted(names, key=lambda name: family_and_debias(name)[1]):
        weakest.setdefault(family_and_debias(name)[0], name)
    subject_row = weakest.pop(family_and_debias(who)[0])
    rival = best_rival(evaluation, who)
    others = {*weakest.values()} | ({rival} if rival else set())
    order = {name: place for place, name in enumerate(names)}
    ranked = sorted(others, key=lambda name: (-_recall(evaluation, name), order[name]))
    return [*dict.fromkeys((who, subject_row)), *ranked]


def best_rival(evaluation: Evaluation, subject: str) -> str | None:
    """Return the best of the other methods overall, at whatever strength; None without others."""
    family = family_and_debias(subject)[0]
    others = [name for name in evaluation.recommenders if family_and_debias(name)[0] != family]
    return max(others, key=lambda name: _recall(evaluation, name), default=None)


def _recall(evaluation: Evaluation, name: str) -> float:
    value = evaluation.value(name, "recall")
    return -math.inf if math.isnan(value) else value
