"""The web application: routes, failures as JSON, and the parts that start and stop with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from longtail.index.errors import LongtailError
from longtail.serving.access import Keys
from longtail.serving.explorer.router import explorer_router
from longtail.serving.http.http_errors import RefusedError, internal
from longtail.serving.http.json_response import JsonAnswer
from longtail.serving.http.middleware import Gate
from longtail.serving.http.reference_page import reference_page
from longtail.serving.http.refusals import refused
from longtail.serving.http.validation_failures import refusal_of_validation
from longtail.serving.routes.documented import errors
from longtail.serving.routes.events import events_router
from longtail.serving.routes.health import health_router
from longtail.serving.routes.items import items_router
from longtail.serving.routes.recommend import recommend_router
from longtail.serving.service import Service

_BY_STATUS = {
    404: ("not_found", "there is nothing at this address; /docs lists what there is"),
    405: ("method_not_allowed", "this address doesn't know that method; see /docs"),
    400: ("bad_request", "the body is not JSON in UTF-8"),
}


def make_app(service: Service, keys: Keys | None = None, *, local_only: bool = False) -> Gate:
    """Return the ASGI application of a service; with keys, data needs one.

    ``local_only`` answers requests alone that name this machine as their host.
    """

    @asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.stop()

    app = FastAPI(
        title="longtail",
        summary="Recommendations from the long tail.",
        version=service.version,
        lifespan=running,
        default_response_class=JsonAnswer,
        # The framework's own page loads its scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
    )
    # Before the items: an item's id may hold slashes.
    app.include_router(explorer_router(service), responses=errors(404, 422, 429, 504, body=False))
    app.include_router(recommend_router(service))
    app.include_router(events_router(service))
    app.include_router(items_router(service))
    app.include_router(health_router(service))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(reference_page(app.openapi()))

    @app.exception_handler(LongtailError)
    @app.exception_handler(OSError)
    async def known(request: Request, error: Exception) -> Response:
        return refused(error, request.state.request_id)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return refusal_of_validation(error.errors()).answer(request.state.request_id)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        code, sentence = _BY_STATUS.get(error.status_code, _BY_STATUS[400])
        answer = RefusedError(error.status_code, code, sentence).answer(request.state.request_id)
        # With 405 comes which methods are allowed.
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(Exception)
    async def bug(request: Request, _: Exception) -> Response:
        # The gate logs it: the framework raises it once more after this answer.
        return internal().answer(request.state.request_id)

    crowded = service.batcher.crowded
    return Gate(app, service.limits, service.metrics, keys or Keys(), local_only, crowded)
