"""How much work a query is, before it is done."""

from __future__ import annotations

from longtail.retrieval.data.filter_parser import most_clauses
from longtail.retrieval.ranking.query import Query

# What adds as much as a plain query, measured roughly: beside others a plain one costs little.
_ANSWERS, _ITEMS, _EXPLAINED, _CHARACTERS = 50, 250, 25, 250
_TEXT, _EXPLANATION, _CONDITION = 4, 4, 2


def query_cost(query: Query) -> int:
    """Return about how many plain queries among others are as much work as this one.

    >>> query_cost(Query(user="u1")), query_cost(Query(user="u1", k=50, explain=True))
    (1, 8)
    """
    cost = 1 + query.k // _ANSWERS + len(query.history or ()) // _ITEMS
    cost += len(query.exclude) // _ITEMS + _CONDITION * sum(map(most_clauses, query.where))
    if query.text is not None:
        cost += _TEXT + len(query.text) // _CHARACTERS
    if query.explain:
        cost += _EXPLANATION + query.k // _EXPLAINED
    if query.diversity or query.mode != "fixed":
        cost += 1 + query.k // _ANSWERS
    return cost
