"""Events: what users took since the log."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from retrieval.service.answer_models import AcceptedAnswer
from retrieval.service.json_answers import JsonAnswer
from retrieval.service.request_models import EventBatch
from retrieval.service.routes.documented import errors
from retrieval.service.service import Service


def events_router(service: Service) -> APIRouter:
    """Return the route that takes events."""
    router = APIRouter(tags=["events"])

    @router.post(
        "/v1/events",
        status_code=202,
        summary="Tell what users took",
        responses={202: {"model": AcceptedAnswer}, **errors(404, 422)},
    )
    async def events(batch: EventBatch) -> Response:
        """Kept once this answers, also through a crash; the next recommendation knows them."""
        return JsonAnswer({"accepted": await service.take_events(batch.events)}, 202)

    return router
