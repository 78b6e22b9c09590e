"""Recommendations for one or many, and items like an item."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from longtail.retrieval.data.popularity import Pool
from longtail.retrieval.ranking.query import Query as RankingQuery
from longtail.serving.http.http_errors import RefusedError
from longtail.serving.http.json_response import JsonAnswer
from longtail.serving.http.request_models import ItemId, RecommendBatch, RecommendRequest
from longtail.serving.http.response_models import BatchAnswer, RecommendAnswer, SimilarAnswer
from longtail.serving.limits import MOST_K
from longtail.serving.routes.documented import errors
from longtail.serving.service import Service


def recommend_router(service: Service) -> APIRouter:
    """Return the routes that rank."""
    router = APIRouter(tags=["recommendations"])

    async def answered(query: RankingQuery, asked: Request) -> Response:
        _, [outcome] = await service.batcher.submit([query])
        if isinstance(outcome, RefusedError):
            raise outcome
        service.shown.remember(asked.state.request_id, [outcome])
        return JsonAnswer({**outcome.body, "request_id": asked.state.request_id})

    @router.post(
        "/v1/recommend",
        summary="Recommend items",
        responses={200: {"model": RecommendAnswer}, **errors(404, 422, 429, 504)},
    )
    async def recommend(request: RecommendRequest, asked: Request) -> Response:
        """The long-tail items for a user, a history or a text, best first."""
        return await answered(request.query(), asked)

    @router.post(
        "/v1/recommend:batch",
        summary="Recommend items to several",
        responses={200: {"model": BatchAnswer}, **errors(422, 429, 504)},
    )
    async def recommend_batch(batch: RecommendBatch, asked: Request) -> Response:
        """As many answers as requests, in their order, all from one version."""
        queries = [request.query() for request in batch.requests]
        versions, outcomes = await service.batcher.submit(queries)
        answers = [
            {"error": {"code": outcome.code, "message": str(outcome)}}
            if isinstance(outcome, RefusedError)
            else outcome.body
            for outcome in outcomes
        ]
        lists = [one for one in outcomes if not isinstance(one, RefusedError)]
        service.shown.remember(asked.state.request_id, lists)
        told = {"versions": versions, "request_id": asked.state.request_id}
        return JsonAnswer({"answers": answers, **told})

    @router.get(
        "/v1/similar/{item_id:path}",
        summary="Items that read like an item",
        responses={200: {"model": SimilarAnswer}, **errors(404, 422, 429, 504)},
    )
    async def similar(
        item_id: ItemId,
        asked: Request,
        k: Annotated[int, Query(ge=1, le=MOST_K)] = 10,
        pool: Pool = "all",
    ) -> Response:
        """The items whose texts are nearest, by cosine."""
        return await answered(RankingQuery(item=item_id, k=k, pool=pool), asked)

    return router
