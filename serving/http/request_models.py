"""What clients may send; anything else is refused with the name of the field."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from longtail.retrieval.ranking.rerank.rerank import Mode
from longtail.serving.limits import (
    LONGEST_ID,
    LONGEST_TEXT,
    LONGEST_WHERE,
    MOST_EVENTS,
    MOST_EXCLUDED,
    MOST_HISTORY,
    MOST_IN_BATCH,
    MOST_K,
    MOST_WHERE,
)

Id = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_ID)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
PoolName = Literal["tail", "cold", "head", "all"]


class _Strict(BaseModel):
    # A misspelt field, or a number in quotes, is an error and never a silent default.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class RecommendRequest(_Strict):
    """Ask for one list. Give one of user_id, history and text."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"user_id": "u1", "k": 10, "pool": "tail", "debias": 0.3},
                {"history": ["i1", "i2"], "where": ["price<20"], "explain": True},
                {"text": "a present for somebody who bakes bread"},
            ]
        }
    )

    user_id: Id | None = Field(None, description="a user of the log, or of earlier events")
    history: Annotated[list[Id], Field(max_length=MOST_HISTORY)] | None = Field(
        None, description="items taken, oldest first; for a user the log doesn't know"
    )
    text: Annotated[str, StringConstraints(max_length=LONGEST_TEXT)] | None = Field(
        None, description="free text, ranked by the first stage"
    )
    k: Annotated[int, Field(ge=1, le=MOST_K)] = Field(10, description="answers at most")
    pool: PoolName = Field("tail", description="which items may be answers")
    debias: Share | None = Field(
        None, description="popularity correction; null takes validation's best"
    )
    mode: Mode = Field("fixed", description="what the correction works on")
    diversity: Share = Field(0.0, description="weight of unlikeness within the list")
    where: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_WHERE)]],
        Field(max_length=MOST_WHERE),
    ] = Field([], description="attribute filters, all of which hold")
    exclude: Annotated[list[Id], Field(max_length=MOST_EXCLUDED)] = Field(
        [], description="items that are never an answer"
    )
    include_seen: bool = Field(False, description="whether items of the history may come back")
    explain: bool = Field(False, description="adds title, base_rank and because to each item")

    @model_validator(mode="after")
    def _one_subject(self) -> RecommendRequest:
        given = [name for name in ("user_id", "history", "text") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("give one of user_id, history and text")
        if self.text is not None:
            if not self.text.strip():
                raise ValueError("the text is empty")
            if self.mode != "fixed" or self.diversity > 0:
                raise ValueError("mode and diversity rank by a history; a text has none")
        return self


class RecommendBatch(_Strict):
    """Several lists at once, all from one version; each has its own answer or error."""

    requests: Annotated[list[RecommendRequest], Field(min_length=1, max_length=MOST_IN_BATCH)]


class Event(_Strict):
    """A user took an item."""

    user_id: Id
    item_id: Id
    timestamp: (
        Annotated[float, Field(ge=0, allow_inf_nan=False)]
        | Annotated[str, StringConstraints(min_length=4, max_length=40)]
        | None
    ) = Field(None, description="seconds since 1970, or ISO 8601; null is now")


class EventBatch(_Strict):
    """Events in the order in which they happened; all are kept, or none."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"events": [{"user_id": "u1", "item_id": "i1"}]}]}
    )

    events: Annotated[list[Event], Field(min_length=1, max_length=MOST_EVENTS)]


Cell = str | int | Annotated[float, Field(allow_inf_nan=False)] | bool | None
ItemColumns = dict[str, Any]
