"""Many queries at once: each gets the answer that it gets alone, or its own refusal."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from longtail.retrieval.errors import QueryError, UnknownItemError, UnknownUserError
from longtail.retrieval.ranking.answering import Answered, Failed
from longtail.retrieval.ranking.query import Query
from longtail.retrieval.ranking.retriever import Retriever

QUERIES = [
    Query(user="saw-fan-1", k=7),
    Query(user="ink-fan-0", k=3, debias=0.0),
    Query(user="ink-fan-0", k=3, debias=1.0),
    Query(user="oolong-fan-3", k=5, pool="all", exclude=["tea-oolong-small"]),
    Query(user="oolong-fan-3", k=5, pool="all", include_seen=True),
    Query(history=["tea-sencha-small", "tools-saw-large"], k=4, pool="all", mode="profile"),
    Query(history=[], k=6, pool="all"),
    Query(history=["paint-ink-spare"], k=4, pool="all", where=["price<20"], explain=True),
    Query(history=["paint-ink-spare"], k=9, pool="all", where=["price<20"], explain=True),
    Query(user="saw-fan-1", k=5, diversity=0.4),
    Query(text="a sencha tea of leaves", k=3, pool="all"),
    Query(text="gouache paint", k=5, pool="all", debias=1.0, exclude=["paint-ink-fine"]),
    Query(item="tea-sencha-small", k=5, pool="all"),
    Query(item="tools-saw-large", k=4, pool="all"),
]


def lines(retriever: Retriever, queries: list[Query]) -> dict[int, dict[str, object]]:
    """Return each query's own line of the answers, cut to its k."""
    found: dict[int, dict[str, object]] = {}
    for outcome in retriever.answer_each(queries):
        assert isinstance(outcome, Answered)
        for line, place in enumerate(outcome.places):
            assert place not in found
            rows = outcome.answers.rows[line]
            assert (rows[queries[place].k :] == -1).all()
            there = rows >= 0
            found[place] = {
                name: part[line][there].tolist()
                for name, part in vars(outcome.answers).items()
                if isinstance(part, np.ndarray) and part.ndim == 2
            }
            if outcome.answers.because is not None:
                found[place]["because"] = outcome.answers.because[line]
            found[place]["note"] = outcome.answers.note(line, queries[place].k)
    return found


def test_company_changes_no_answer(retriever: Retriever) -> None:
    together = lines(retriever, QUERIES)
    assert sorted(together) == list(range(len(QUERIES)))
    for place, query in enumerate(QUERIES):
        [alone] = lines(retriever, [query]).values()
        for name, expected in alone.items():
            if name in ("scores", "relevance"):
                assert together[place][name] == pytest.approx(expected, abs=1e-5, nan_ok=True)
            else:
                assert together[place][name] == expected, (place, name)


def test_a_refusal_is_the_own_query_alone(retriever: Retriever) -> None:
    bad = {
        Query(user="nobody"): UnknownUserError,
        Query(history=["no-such-item"]): UnknownItemError,
        Query(user="saw-fan-1", exclude=["no-such-item"]): UnknownItemError,
        Query(user="saw-fan-1", where=["brnd=x"]): QueryError,
        Query(item="no-such-item"): UnknownItemError,
    }
    queries = [*bad, *QUERIES]
    failed: dict[int, Exception] = {}
    answered: list[int] = []
    for outcome in retriever.answer_each(queries):
        if isinstance(outcome, Failed):
            failed |= dict.fromkeys(outcome.places, outcome.error)
        else:
            answered += outcome.places
    assert [type(failed[place]) for place in range(len(bad))] == list(bad.values())
    assert sorted(answered) == list(range(len(bad), len(queries)))


def test_explanations_are_given_last(retriever: Retriever) -> None:
    explained = dataclasses.replace(QUERIES[0], explain=True)
    outcomes = list(retriever.answer_each([explained, *QUERIES[:3]]))
    assert outcomes[-1].places == [0]
