"""Items of the catalog: read, put, deleted."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body
from starlette.responses import Response

from longtail.serving.http.http_errors import unknown_item
from longtail.serving.http.json_response import JsonAnswer
from longtail.serving.http.request_models import ItemColumns, ItemId, PutItemId
from longtail.serving.http.response_bodies import item_body, put_body
from longtail.serving.http.response_models import ChangedAnswer, ItemAnswer, PutAnswer
from longtail.serving.routes.documented import errors
from longtail.serving.service import Service


def items_router(service: Service) -> APIRouter:
    """Return the routes of single items."""
    router = APIRouter(tags=["items"])

    @router.get(
        "/v1/items/{item_id:path}",
        summary="One item",
        responses={200: {"model": ItemAnswer}, **errors(404, 422, 429, 504, body=False)},
    )
    @service.reads.queued
    def item(item_id: ItemId) -> dict[str, Any]:
        """Its title, columns, popularity and bucket."""
        retriever = service.registry.retriever
        row = int(retriever.bundle.catalog.offered([item_id])[0])
        if row < 0:
            raise unknown_item(item_id)
        held = retriever.served.state.quarantined
        return {
            "item": item_body(retriever, row),
            "quarantined": held is not None and bool(held[row]),
            "versions": retriever.versions,
        }

    @router.put(
        "/v1/items/{item_id:path}",
        summary="Add or change an item",
        responses={200: {"model": PutAnswer}, **errors(409, 422)},
    )
    async def put(
        item_id: PutItemId,
        columns: Annotated[ItemColumns, Body(examples=[{"title": "Cast iron pan", "price": 39.0}])],
    ) -> Response:
        """Columns that a known item isn't given stay as they are; those of a new one are empty.

        The answer comes when the new version is served. It says what the text is suspected of:
        being copied from a popular item, stuffed, or written for no reader. `longtail serve
        --quarantine` keeps suspects out of all answers.
        """
        put = await service.items.put(item_id, columns)
        return JsonAnswer(put_body(put.versions, put.suspects, put.quarantined))

    @router.delete(
        "/v1/items/{item_id:path}",
        summary="Take an item out",
        responses={200: {"model": ChangedAnswer}, **errors(404, 409, 422, body=False)},
    )
    async def delete(item_id: ItemId) -> Response:
        """It is never an answer again; its id may be put again."""
        return JsonAnswer({"versions": await service.items.delete(item_id)})

    return router
