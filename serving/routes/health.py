"""For whoever runs the service: is it up, is it ready, what does it serve, what does it count."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from longtail.serving.http.json_response import JsonAnswer
from longtail.serving.metrics import CONTENT_TYPE
from longtail.serving.service import Service


def health_router(service: Service) -> APIRouter:
    """Return the routes for operators."""
    router = APIRouter(tags=["operation"])

    @router.get("/healthz", summary="Whether the process answers")
    async def healthz() -> Response:
        """200 as long as it does."""
        return JsonAnswer({"status": "ok"})

    @router.get("/readyz", summary="Whether requests should be sent here")
    async def readyz() -> Response:
        """200 while a verified version answers, `degraded` when a newer one can't be served or
        events can't be taken; 503 when the service is stopping."""
        if service.stopping:
            return JsonAnswer({"status": "stopping"}, 503)
        versions = service.registry.retriever.versions
        reasons = [service.events.trouble] if service.events.trouble else []
        if service.registry.trouble is not None:
            reasons.insert(0, service.registry.trouble)
        if reasons:
            reason = "; ".join(reasons)
            return JsonAnswer({"status": "degraded", "reason": reason, "versions": versions})
        return JsonAnswer({"status": "ready", "versions": versions})

    @router.get("/v1/version", summary="What is served")
    async def version() -> Response:
        """The versions of longtail, the index and the model, and the catalog's size."""
        retriever = service.registry.retriever
        bundle = retriever.bundle
        return JsonAnswer(
            {
                "longtail": service.version,
                "versions": retriever.versions,
                "items": bundle.catalog.n_offered,
                "users": len(bundle.log.user_ids),
                "debias": bundle.serving.debias,
            }
        )

    @router.get("/metrics", summary="Numbers for Prometheus", response_class=Response)
    async def metrics() -> Response:
        """Prometheus' text format."""
        return Response(service.metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    return router
