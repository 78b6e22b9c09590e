"""However much is wrong with a request, little of it is told: each fault costs the others time."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from longtail.serving.http.request_models import (
    EventBatch,
    ItemColumns,
    RecommendBatch,
    RecommendRequest,
)
from longtail.serving.limits import MOST_COLUMNS, MOST_EVENTS, MOST_HISTORY, MOST_IN_BATCH

# A cell of a user has as many as kinds that it isn't.
MOST_TOLD = 8 * MOST_COLUMNS
MANY = {f"k{i}": 1 for i in range(20_000)}
WRONG: dict[str, tuple[Any, Any]] = {
    "unknown fields": (RecommendRequest, MANY),
    "unknown fields in a batch": (RecommendBatch, {"requests": [MANY] * MOST_IN_BATCH}),
    "histories": (RecommendBatch, {"requests": [{"history": [1] * MOST_HISTORY}] * MOST_IN_BATCH}),
    "exclusions": (RecommendBatch, {"requests": [{"exclude": [None] * 1000}] * MOST_IN_BATCH}),
    "filters": (RecommendBatch, {"requests": [{"where": [{}] * 32}] * MOST_IN_BATCH}),
    "empty requests": (RecommendBatch, {"requests": [{"k": "1"}] * MOST_IN_BATCH}),
    "columns of users": (
        RecommendBatch,
        {"requests": [{"user": {str(i): [{}] * 200 for i in range(200)}}] * MOST_IN_BATCH},
    ),
    "too many columns": (RecommendRequest, {"user": {key: {} for key in MANY}}),
    "events": (EventBatch, {"events": [{}] * MOST_EVENTS}),
    "unknown fields of events": (EventBatch, {"events": [MANY] * MOST_EVENTS}),
    "columns of an item": (ItemColumns, {f"\ud800{i}": 1 for i in range(20_000)}),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_bounded_number_of_faults_is_told(name: str) -> None:
    kind, sent = WRONG[name]
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(sent)
    assert caught.value.error_count() <= MOST_TOLD


def test_unknown_fields_are_named_beside_what_else_is_wrong() -> None:
    with pytest.raises(ValidationError) as caught:
        RecommendRequest.model_validate({"k": 0, "kk": 5, "poool": "tail"})
    assert [error["loc"] for error in caught.value.errors()] == [("k",), ("kk",), ("poool",)]
