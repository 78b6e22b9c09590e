"""Ranked rows as the JSON objects that clients get."""

from __future__ import annotations

from typing import Any

from longtail.retrieval.data.popularity import BUCKETS
from longtail.retrieval.ranking.answers_frame import Answers
from longtail.serving.engine.engine import Engine
from longtail.serving.http.request_models import RecommendRequest


def recommendation_body(
    engine: Engine, ask: RecommendRequest, debias: float, answers: Answers, line: int
) -> dict[str, Any]:
    """Return one line of the answers, cut to what the request asked for."""
    items = _items(engine, answers, line, ask.k)
    for place, item in enumerate(items):
        item["score"] = answers.scores[line, place]
        item["relevance"] = answers.relevance[line, place]
    if ask.explain and answers.because is not None and answers.base_ranks is not None:
        for place, item in enumerate(items):
            item["title"] = engine.title(int(answers.rows[line, place]))
            item["base_rank"] = answers.base_ranks[line][place]
            item["because"] = answers.because[line][place]
    return {
        "user_id": ask.user_id,
        "debias": debias,
        "items": items,
        "note": answers.note(line, ask.k),
        "versions": engine.versions,
    }


def similar_body(
    engine: Engine, item_id: str, k: int, answers: Answers, line: int
) -> dict[str, Any]:
    """Return one line of the nearest items."""
    items = _items(engine, answers, line, k)
    for place, item in enumerate(items):
        item["cosine"] = answers.scores[line, place]
    return {"item_id": item_id, "items": items, "versions": engine.versions}


def item_body(engine: Engine, row: int) -> dict[str, Any]:
    """Return what is known of one item."""
    catalog, popularity = engine.retriever.bundle.catalog, engine.retriever.bundle.popularity
    cells = catalog.frame.iloc[row]
    return {
        "item_id": str(catalog.item_ids[row]),
        "title": engine.title(row),
        "bucket": BUCKETS[popularity.bucket[row]],
        "popularity_percentile": popularity.percentile[row],
        "popularity": int(popularity.counts[row]),
        "attributes": {
            str(name): _plain(cells[name])
            for name in catalog.frame.columns
            if name not in ("item_id", "title")
        },
    }


def _items(engine: Engine, answers: Answers, line: int, k: int) -> list[dict[str, Any]]:
    rows = answers.rows[line, :k]
    rows = rows[rows >= 0]
    popularity = engine.retriever.bundle.popularity
    ids = engine.retriever.bundle.catalog.item_ids[rows]
    # Numbers stay float32: orjson writes their shortest form, and what isn't known as null.
    columns = zip(ids, popularity.percentile[rows], popularity.bucket[rows].tolist(), strict=True)
    return [
        {
            "item_id": str(item_id),
            "rank": rank,
            "popularity_percentile": percentile,
            "bucket": BUCKETS[bucket],
        }
        for rank, (item_id, percentile, bucket) in enumerate(columns, 1)
    ]


def _plain(value: Any) -> Any:
    """Return a cell that JSON can hold, None where it is empty."""
    if value is None or value != value:  # NaN and NaT alone differ from themselves
        return None
    return value.item() if hasattr(value, "item") else value if _is_json(value) else str(value)


def _is_json(value: Any) -> bool:
    return isinstance(value, str | int | float | bool)
