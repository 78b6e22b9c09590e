"""Ranked rows as the JSON objects that clients get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import pandas as pd

from longtail.retrieval.data.popularity import POOL_NAMES
from longtail.retrieval.data.suspects.finding import Finding
from longtail.retrieval.ranking.answers import Answers
from longtail.retrieval.ranking.query import Query
from longtail.retrieval.ranking.retriever import Retriever
from longtail.serving.explorer.cards import plain_cell
from longtail.serving.http.json_response import written


@dataclass(frozen=True)
class AnsweredList:
    """An answer whose items are JSON already.

    Whoever ranks writes them: a batch can hold a hundred thousand, and the loop has others to
    answer meanwhile.

    Attributes:
        body: what the client gets.
        user_id: whom it is for, None for a history or a text.
        item_ids: its items, best first.
    """

    body: dict[str, Any]
    user_id: str | None
    item_ids: list[str]

    @classmethod
    def of(cls, body: dict[str, Any], user_id: str | None) -> AnsweredList:
        """Return a body with its items written."""
        items = body["items"]
        ids = [item["item_id"] for item in items]
        return cls({**body, "items": orjson.Fragment(written(items))}, user_id, ids)


def recommendation_body(
    retriever: Retriever, query: Query, answers: Answers, line: int
) -> AnsweredList:
    """Return the answer to a query."""
    items = _items(retriever, answers, line)
    for place, item in enumerate(items):
        item["score"] = answers.scores[line, place]
        item["relevance"] = answers.relevance[line, place]
    if answers.because is not None:
        for place, item in enumerate(items):
            item["title"] = retriever.title(int(answers.rows[line, place]))
            item["base_rank"] = int(answers.base_ranks[line, place]) or None
            item["because"] = answers.because[line][place]
    body = {
        "user_id": query.user,
        "debias": query.rerank(retriever.bundle.serving.debias).debias,
        "items": items,
        "fallback": bool(answers.fallback[line]),
        "note": answers.note(line, query.k),
        "versions": retriever.versions,
    }
    return AnsweredList.of(body, query.user)


def similar_body(retriever: Retriever, query: Query, answers: Answers, line: int) -> AnsweredList:
    """Return the items nearest to a query's."""
    items = _items(retriever, answers, line)
    for place, item in enumerate(items):
        item["cosine"] = answers.scores[line, place]
    body = {"item_id": query.item, "items": items, "versions": retriever.versions}
    return AnsweredList.of(body, None)


def item_body(retriever: Retriever, row: int) -> dict[str, Any]:
    """Return what is known of one item."""
    catalog, popularity = retriever.bundle.catalog, retriever.bundle.popularity
    cells = catalog.frame.iloc[row]
    return {
        "item_id": str(catalog.item_ids[row]),
        "title": retriever.title(row),
        "bucket": POOL_NAMES[popularity.bucket[row]],
        "popularity_percentile": popularity.percentile[row],
        "popularity": int(popularity.counts[row]),
        "attributes": {
            str(name): _plain(cells[name])
            for name in catalog.frame.columns
            if name not in ("item_id", "title")
        },
    }


def _items(retriever: Retriever, answers: Answers, line: int) -> list[dict[str, Any]]:
    rows = answers.rows[line]
    rows = rows[rows >= 0]
    popularity = retriever.bundle.popularity
    ids = retriever.bundle.catalog.item_ids[rows]
    # Numbers stay float32: orjson writes their shortest form, and what isn't known as null.
    columns = zip(ids, popularity.percentile[rows], popularity.bucket[rows].tolist(), strict=True)
    return [
        {
            "item_id": str(item_id),
            "rank": rank,
            "popularity_percentile": percentile,
            "bucket": POOL_NAMES[bucket],
        }
        for rank, (item_id, percentile, bucket) in enumerate(columns, 1)
    ]


def _plain(cell: Any) -> Any:
    """Return a cell as a card shows it; a moment is spelt with a blank before the time."""
    return str(cell) if isinstance(cell, datetime) and cell is not pd.NaT else plain_cell(cell)


def put_body(
    versions: dict[str, str], suspects: Sequence[Finding], quarantined: bool
) -> dict[str, Any]:
    """Return the answer to an item that was put."""
    found = [{"reason": f.reason, "detail": f.detail, "like": f.like} for f in suspects]
    return {"versions": versions, "suspects": found, "quarantined": quarantined}
