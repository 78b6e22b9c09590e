"""The explorer's routes: its page, and what the page reads beside recommendations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from numpy.typing import NDArray

from longtail.retrieval.data.popularity import POOL_NAMES, POOLS, Pool
from longtail.retrieval.errors import UnknownItemError, UnknownUserError, near_ones
from longtail.retrieval.ranking.retriever import Retriever
from longtail.serving.explorer.cards import item_cards
from longtail.serving.explorer.engine_view import EngineView, LatestView
from longtail.serving.explorer.evaluation_digest import evaluation_digest
from longtail.serving.explorer.page_files import PAGE, content_policy, page_files
from longtail.serving.explorer.people import Kind
from longtail.serving.service import Service

# The view of the engine that answers now.
Now = Callable[[], EngineView]
Answer = dict[str, Any]

MOST_LISTED = 100
# Of an id that nobody has, in a sentence.
LONGEST_SHOWN = 60
Limit = Annotated[int, Query(ge=1, le=MOST_LISTED, description="how many at most")]
Words = Annotated[str, Query(max_length=200)]


def explorer_router(service: Service) -> APIRouter:
    """Return the routes of the explorer over a service's engine.

    Whatever one request answers comes from one engine, when its turn among the reads has come.
    Unknown users and items are raised as the engine's own errors: making answers of them is left
    to the app.
    """
    router = APIRouter()
    now = LatestView(service.registry).now
    _add_page(router)
    _add_users(router, now, service)
    _add_items(router, now, service)
    _add_catalog(router, now, service)

    @router.get("/v1/evaluation", tags=["explorer"], summary="The run's last evaluation")
    @service.reads.queued
    def evaluation() -> Answer:
        versions = service.registry.retriever.versions
        return {**evaluation_digest(service.registry.run), "versions": versions}

    return router


def _add_page(router: APIRouter) -> None:
    files = page_files()
    policy = content_policy(files[PAGE].content.decode())

    def sent(name: str, request: Request) -> Response:
        file = files.get(name)
        if file is None:
            return Response(status_code=404)
        headers = {
            "ETag": file.etag,
            # Asked again each time, sent again only when it has changed.
            "Cache-Control": "no-cache",
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }
        if request.headers.get("if-none-match") == file.etag:
            return Response(status_code=304, headers=headers)
        return Response(file.content, media_type=file.media_type, headers=headers)

    @router.get("/", include_in_schema=False)
    async def page(request: Request) -> Response:
        return sent(PAGE, request)

    @router.get("/explorer/{name:path}", include_in_schema=False)
    async def file(name: str, request: Request) -> Response:
        return sent(name, request)


def _add_users(router: APIRouter, now: Now, service: Service) -> None:
    @router.get("/v1/users", tags=["explorer"], summary="Users by id, or random ones of a kind")
    @service.reads.queued
    def users(search: Words = "", kind: Kind = "any", limit: Limit = 20) -> Answer:
        view = now()
        people = view.people
        lines = people.matching(search, kind, limit) if search else people.drawn(kind, limit)
        if search and kind == "any" and all(one["user_id"] != search for one in lines):
            # Somebody whom only the service has heard of is found by the whole id.
            rows = service.history_of(view.retriever, search)
            if rows is not None:
                lines = [_line(view.retriever, search, rows), *lines][:limit]
        return {"users": lines, "versions": view.retriever.versions}

    @router.get("/v1/users/{user_id:path}", tags=["explorer"], summary="A user's history")
    @service.reads.queued
    def user(user_id: str) -> Answer:
        view = now()
        bundle = view.retriever.bundle
        rows = service.history_of(view.retriever, user_id)
        if rows is None:
            near = near_ones(view.near_users.find(user_id))
            raise UnknownUserError(f"no user {user_id[:LONGEST_SHOWN]!r} in this run{near}")
        return {
            "user_id": user_id,
            "history": item_cards(bundle, rows),
            "popularity_percentile": _percentile(view.retriever, rows),
            "versions": view.retriever.versions,
        }


def _line(retriever: Retriever, user_id: str, rows: NDArray[np.int32]) -> Answer:
    mean = _percentile(retriever, rows)
    return {
        "user_id": user_id,
        "history_length": len(rows),
        "popularity_percentile": None if mean is None else round(mean, 2),
    }


def _percentile(retriever: Retriever, rows: NDArray[np.int32]) -> float | None:
    percentile = retriever.bundle.popularity.percentile
    return float(percentile[rows].mean()) if len(rows) else None


def _add_items(router: APIRouter, now: Now, service: Service) -> None:
    @router.get("/v1/items", tags=["explorer"], summary="Items by words, or by their ids")
    @service.reads.queued
    def items(
        search: Words = "",
        bucket: Pool = "all",
        limit: Limit = 20,
        id: Annotated[
            list[str],
            Query(max_length=2 * MOST_LISTED, description="ids; missing ones are left out"),
        ] = [],  # noqa: B006
    ) -> Answer:
        view = now()
        bundle, curve = view.retriever.bundle, view.curve
        if id:
            rows = bundle.catalog.rows_of(id)
            rows = rows[rows >= 0]
        else:
            allowed = np.isin(bundle.popularity.bucket[curve.rows], POOLS[bucket])
            rows = curve.rows[view.item_search.with_words(search, allowed, limit)]
        return {"items": item_cards(bundle, rows), "versions": view.retriever.versions}

    @router.get("/v1/items/{item_id:path}/audience", tags=["explorer"], summary="Who took an item")
    @service.reads.queued
    def audience(item_id: str, limit: Limit = 10) -> Answer:
        view = now()
        bundle, audiences = view.retriever.bundle, view.audiences
        row = int(bundle.catalog.offered([item_id])[0])
        if row < 0:
            near = near_ones(view.near_items.find(item_id))
            raise UnknownItemError(f"no item {item_id[:LONGEST_SHOWN]!r} in the catalog{near}")
        also = audiences.also_took(row, bundle.popularity.in_pool("all"), limit)
        cards = item_cards(bundle, [other for other, _ in also])
        return {
            "item_id": item_id,
            "users": audiences.size(row),
            "also_took": [{**card, "users": n} for card, (_, n) in zip(cards, also, strict=True)],
            "versions": view.retriever.versions,
        }


def _add_catalog(router: APIRouter, now: Now, service: Service) -> None:
    @router.get("/v1/catalog/curve", tags=["explorer"], summary="Popularity by rank")
    @service.reads.queued
    def curve(points: Annotated[int, Query(ge=10, le=2000)] = 200) -> Answer:
        view = now()
        whole, bundle = view.curve, view.retriever.bundle
        places = whole.thinned(points)
        rows = whole.rows[places]
        ids, bucket = bundle.catalog.item_ids[rows], bundle.popularity.bucket[rows]
        return {
            "n_items": len(whole.rows),
            "bucket_rule": bundle.popularity.rule,
            "buckets": whole.buckets,
            "points": [
                {
                    "rank": int(place) + 1,
                    "count": int(whole.counts[place]),
                    "bucket": POOL_NAMES[code],
                    "item_id": str(item_id),
                }
                for place, code, item_id in zip(places, bucket, ids, strict=True)
            ],
            "versions": view.retriever.versions,
        }

    @router.get("/v1/catalog/at", tags=["explorer"], summary="The items around a popularity rank")
    @service.reads.queued
    def at(rank: Annotated[int, Query(ge=1, le=2**53)], limit: Limit = 20) -> Answer:
        view = now()
        first, rows = view.curve.around(rank, limit)
        cards = item_cards(view.retriever.bundle, rows)
        items = [{**card, "rank": first + place} for place, card in enumerate(cards)]
        return {"items": items, "versions": view.retriever.versions}

    @router.get("/v1/catalog/columns", tags=["explorer"], summary="What filters can ask about")
    @service.reads.queued
    def columns() -> Answer:
        view = now()
        return {"columns": view.columns, "versions": view.retriever.versions}
