"""A batch of queries becomes the JSON objects that clients get."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from longtail.retrieval.data.histories.histories import Past
from longtail.retrieval.ranking.answering import Failed, Pace
from longtail.retrieval.ranking.query import Query
from longtail.retrieval.ranking.retriever import Retriever
from longtail.serving.http.http_errors import RefusedError, refusal_of, unknown_item
from longtail.serving.http.response_bodies import (
    AnsweredList,
    recommendation_body,
    similar_body,
)
from longtail.serving.limits import GROUP_COST
from longtail.serving.updates.user_histories import UserHistories

Outcome = AnsweredList | RefusedError


def answer_all(
    retriever: Retriever,
    histories: UserHistories,
    queries: Sequence[Query],
    wanted: Callable[[int], bool],
) -> Iterator[list[tuple[int, Outcome]]]:
    """Yield the outcome of each query by its place, group after group, each that is wanted once."""
    pace = Pace(GROUP_COST, wanted)
    for outcome in retriever.answer_each(queries, LatestLookup(retriever, histories), pace):
        if isinstance(outcome, Failed):
            yield [(place, refusal_of(outcome.error)) for place in outcome.places]
            continue
        with retriever.ranking.timed("body"):
            bodies: list[tuple[int, Outcome]] = []
            for line, place in enumerate(outcome.places):
                query = queries[place]
                body = recommendation_body if query.item is None else similar_body
                bodies.append((place, body(retriever, query, outcome.answers, line)))
        yield bodies


@dataclass(frozen=True)
class LatestLookup:
    """Rows for ids, as the service knows them: events included.

    Near ids aren't suggested: they would be a search through the whole catalog, and not for
    whoever mistypes at speed.
    """

    retriever: Retriever
    histories: UserHistories

    def past(self, user: str) -> Past:
        """Return all that a user took, and when.

        Raises:
            RefusedError: neither the log nor the events know the user.
        """
        past = self.histories.past(self.retriever, user)
        if past is None:
            raise RefusedError(
                404,
                "unknown_user",
                "no such user in the log or the events; for a new user give history",
            )
        return past

    def item_rows(self, item_ids: Sequence[str], *, offered: bool = False) -> NDArray[np.int32]:
        """Return the rows of items.

        Raises:
            RefusedError: an item isn't in the catalog, or, with ``offered``, was removed.
        """
        catalog = self.retriever.bundle.catalog
        rows = catalog.offered(item_ids) if offered else catalog.rows_of(item_ids)
        if (rows < 0).any():
            raise unknown_item(item_ids[int(np.argmin(rows))])
        return rows.astype(np.int32)

    def passing(self, where: Sequence[str]) -> NDArray[np.bool_] | None:
        """Return the rows that pass all filters (`Retriever.passing`)."""
        return self.retriever.passing(where)
