"""Events: what users did since the log."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from longtail.serving.http.json_response import JsonAnswer
from longtail.serving.http.request_models import EventBatch
from longtail.serving.http.response_models import AcceptedAnswer
from longtail.serving.routes.documented import errors
from longtail.serving.service import Service


def events_router(service: Service) -> APIRouter:
    """Return the route that takes events."""
    router = APIRouter(tags=["events"])

    @router.post(
        "/v1/events",
        status_code=202,
        summary="Tell what users did",
        responses={202: {"model": AcceptedAnswer}, **errors(404, 422)},
    )
    async def events(batch: EventBatch) -> Response:
        """Kept once this answers, also through a crash; the next recommendation knows them."""
        return JsonAnswer({"accepted": await service.take_events(batch.events)}, 202)

    return router
