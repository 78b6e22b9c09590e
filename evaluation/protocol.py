"""The two contracts of an evaluation: what is ranked, and what a baseline has to offer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from longtail.evaluation.errors import RecommenderError
from longtail.retrieval.data.catalog import Catalog
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.data.interactions import Interactions
from longtail.retrieval.data.popularity import Pool

# (strength, pool) -> lists of catalog rows.
Answers = Mapping[tuple[float, Pool], NDArray[np.int64]]


class Recommender(Protocol):
    """What the evaluator ranks: a method at some strengths of its popularity correction.

    The engine is one and, through `ScoreRecommender`, every baseline. Each strength is one entry
    of the evaluation, named by `debiased_name`; all are answered together, because what costs
    time (scoring, searching) is the same for all.
    """

    @property
    def name(self) -> str:
        """The name in tables and files; unique within one evaluation."""
        ...

    @property
    def strengths(self) -> tuple[float, ...]:
        """The debias strengths that it answers for; ``(0.0,)`` for a method without the dial."""
        ...

    def answers(self, histories: Histories, k: int, pools: Sequence[Pool]) -> Answers:
        """Return the lists of every strength and pool.

        Lists are catalog rows, best first, padded with -1, int64 [len(histories), k]: only items
        of the pool, none from the user's history, none twice.
        """
        ...


class Baseline(Protocol):
    """A method that can score the whole catalog for a history."""

    @property
    def name(self) -> str:
        """The name in tables and files."""
        ...

    def fit(self, interactions: Interactions, catalog: Catalog) -> Self:
        """Learn from the training part and return itself."""
        ...

    def scores(self, histories: Histories) -> NDArray[np.float32]:
        """Return a score for every item, float32 [len(histories), n_items]; higher is better.

        ``-inf`` means that the method has nothing to say about the item: it is never returned.
        """
        ...


def debiased_name(name: str, debias: float) -> str:
    """Return the name of a recommender at one debias strength; strength 0 keeps the plain name.

    >>> debiased_name("EASE", 0.3), debiased_name("EASE", 0.0)
    ('EASE (debias 0.3)', 'EASE')
    """
    return f"{name} (debias {debias:g})" if debias else name


def family_and_debias(name: str) -> tuple[str, float]:
    """Return what `debiased_name` was made of: reports draw one curve a family.

    >>> family_and_debias("EASE (debias 0.3)"), family_and_debias("EASE")
    (('EASE', 0.3), ('EASE', 0.0))
    """
    match = re.fullmatch(r"(.*) \(debias ([0-9.e+-]+)\)", name)
    return (match[1], float(match[2])) if match else (name, 0.0)


def check_answers(
    name: str,
    answers: NDArray[np.int64],
    histories: Histories,
    k: int,
    in_pool: NDArray[np.bool_],
) -> None:
    """Return nothing; complain of answers that would make every number of the table untrue.

    Raises:
        RecommenderError: wrong shape, rows outside the catalog or the pool, an item twice in
            one list, or an item of the user's own history.
    """
    n_items = len(in_pool)
    shape = (len(histories), k)
    if answers.shape != shape or not np.issubdtype(answers.dtype, np.integer):
        raise RecommenderError(
            f"{name} returned {answers.dtype} {list(answers.shape)}; answers() must return integer "
            f"catalog rows {list(shape)}, padded with -1"
        )
    line, column = np.nonzero(answers >= 0)
    rows = answers[line, column].astype(np.int64)
    outside = rows >= n_items
    if outside.any():
        raise RecommenderError(
            f"{name} returned row {rows[outside][0]} for user {_user(histories, line[outside])}, "
            f"but the catalog has {n_items} items; fit it on this catalog"
        )
    keys = np.sort(line * n_items + rows)
    repeated = keys[1:][keys[1:] == keys[:-1]]
    if len(repeated):
        raise RecommenderError(
            f"{name} returned row {repeated[0] % n_items} twice for user "
            f"{_user(histories, repeated // n_items)}; answers() must not repeat items"
        )
    if not in_pool[rows].all():
        wrong = ~in_pool[rows]
        raise RecommenderError(
            f"{name} returned row {rows[wrong][0]} for user {_user(histories, line[wrong])}, which "
            "is outside the pool asked for; answers() must keep to the pool"
        )
    owner = np.repeat(np.arange(len(histories)), np.diff(histories.offsets))
    past = owner * n_items + histories.items
    # The keys are sorted already: far cheaper than an intersection, which sorts again.
    place = np.searchsorted(keys, past)
    inside = place < len(keys)
    seen = past[inside][keys[place[inside]] == past[inside]]
    if len(seen):
        raise RecommenderError(
            f"{name} returned row {seen[0] % n_items}, an item of the history of user "
            f"{_user(histories, seen // n_items)}; answers() must leave out the history"
        )


def _user(histories: Histories, positions: NDArray[np.int64]) -> str:
    return repr(str(histories.user_ids[positions[0]]))
