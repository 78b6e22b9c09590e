"""What clients may send; anything else is refused with the name of the field."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

from fastapi import Path
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from longtail.retrieval.data.filter_parser import most_clauses
from longtail.retrieval.data.ids.identifier import (
    ID_PATTERN,
    LONGEST_ID,
    NO_USER,
    fault_of_id,
    names_nobody,
)
from longtail.retrieval.data.popularity import Pool
from longtail.retrieval.errors import QueryError
from longtail.retrieval.ranking.query import Query
from longtail.retrieval.ranking.rerank.rerank import Mode
from longtail.serving.http.http_errors import field_name
from longtail.serving.limits import (
    LONGEST_CELL,
    LONGEST_TEXT,
    LONGEST_TYPE,
    LONGEST_WHERE,
    LONGEST_WHERE_IN_BATCH,
    MOST_CLAUSES,
    MOST_CLAUSES_IN_BATCH,
    MOST_COLUMNS,
    MOST_EVENTS,
    MOST_EXCLUDED,
    MOST_HISTORY,
    MOST_IN_BATCH,
    MOST_K,
    MOST_WEIGHT,
    REQUEST_ID,
)
from longtail.serving.strict_model import StrictModel, several


def _trimmed(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _safe(item_id: str) -> str:
    if fault := fault_of_id(item_id):
        raise ValueError(fault)
    return item_id


def _somebody(user_id: str) -> str:
    if names_nobody(user_id):
        raise ValueError(NO_USER)
    return user_id


def _few_clauses(where: list[str]) -> list[str]:
    if (found := sum(map(most_clauses, where))) > MOST_CLAUSES:
        raise ValueError(f"holds {found} conditions; a request may hold {MOST_CLAUSES}")
    return where


def _few_columns(columns: object) -> object:
    # Each cell has several faults if it has one, and they are told of before the number is.
    if isinstance(columns, dict) and len(columns) > MOST_COLUMNS:
        raise ValueError(f"columns are more than {MOST_COLUMNS}")
    return columns


# As files are read: blanks around an id are taken off, and what no file may hold isn't taken in.
_Trimmed = BeforeValidator(_trimmed)
_Taken = (
    AfterValidator(_safe),
    WithJsonSchema({"type": "string", "maxLength": LONGEST_ID, "pattern": ID_PATTERN}),
)
ItemId = Annotated[str, Path(min_length=1, max_length=LONGEST_ID, examples=["i1"]), _Trimmed]
PutItemId = Annotated[str, Path(examples=["i1"]), _Trimmed, *_Taken]
# The same, without a call for each of many ids.
Id = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_ID)]
TakenId = Annotated[str, _Trimmed, *_Taken]
UserId = Annotated[TakenId, AfterValidator(_somebody)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_ID)]
Cell = (
    bool
    | Annotated[float, Field(allow_inf_nan=False)]
    | Annotated[str, StringConstraints(max_length=LONGEST_CELL)]
)
Weight = Annotated[float, Field(ge=-MOST_WEIGHT, le=MOST_WEIGHT, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class RecommendRequest(StrictModel):
    """Ask for one list. Give one of user_id, history and text, or user alone."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"user_id": "u1", "k": 10, "pool": "tail", "debias": 0.3},
                {"history": ["i1", "i2"], "where": ["price<20"], "explain": True},
                {"text": "a present for somebody who bakes bread"},
                {"user": {"age": 24, "interests": ["tea", "bread"]}},
            ]
        }
    )

    user_id: Id | None = Field(None, description="a user of the log, or of earlier events")
    history: Annotated[list[Id], several(MOST_HISTORY)] | None = Field(
        None, description="items taken, oldest first; for a user the log doesn't know"
    )
    text: Annotated[str, StringConstraints(max_length=LONGEST_TEXT)] | None = Field(
        None, description="free text, ranked by the first stage"
    )
    user: (
        Annotated[
            dict[Name, Cell | Annotated[list[Cell], several(MOST_COLUMNS)] | None],
            Field(max_length=MOST_COLUMNS),
            BeforeValidator(_few_columns),
        ]
        | None
    ) = Field(
        None,
        description="columns of the user, as in the users file of training; they win over it, and "
        "the user may be new",
    )
    k: Annotated[int, Field(ge=1, le=MOST_K)] = Field(10, description="answers at most")
    pool: Pool = Field("tail", description="which items may be answers")
    debias: Share | None = Field(
        None, description="popularity correction; null takes validation's best"
    )
    mode: Mode = Field("fixed", description="what the correction works on")
    diversity: Share = Field(0.0, description="weight of unlikeness within the list")
    where: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_WHERE)]],
        several(MOST_CLAUSES),
        AfterValidator(_few_clauses),
    ] = Field(
        [],
        description="attribute filters, all of which hold; in all of them together at most "
        f"{MOST_CLAUSES} conditions",
    )
    exclude: Annotated[list[Id], several(MOST_EXCLUDED)] = Field(
        [], description="items that are never an answer"
    )
    include_seen: bool = Field(False, description="whether items of the history may come back")
    include_rejected: bool = Field(False, description="whether items the user rejected may")
    explain: bool = Field(False, description="adds title, base_rank and because to each item")

    _query: Query = PrivateAttr()

    def query(self) -> Query:
        """Return what the engine is asked."""
        return self._query

    @model_validator(mode="after")
    def _is_a_query(self) -> RecommendRequest:
        fields = dict(self)
        columns = fields.pop("user")
        try:
            self._query = Query(user=fields.pop("user_id"), user_columns=columns, **fields)
        except QueryError as error:
            raise ValueError(error.worded(field_name)) from error
        return self


class RecommendBatch(StrictModel):
    """Several lists at once, all from one version; each has its own answer or error."""

    requests: Annotated[list[RecommendRequest], several(MOST_IN_BATCH, least=1)]

    @model_validator(mode="after")
    def _has_few_clauses(self) -> RecommendBatch:
        filters = Counter(text for request in self.requests for text in request.where)
        if sum(map(len, filters)) > LONGEST_WHERE_IN_BATCH:
            most = f"{LONGEST_WHERE_IN_BATCH:,} characters"
            raise ValueError(f"where: the different filters of a batch may hold {most} together")
        found = sum(times * most_clauses(text) for text, times in filters.items())
        if found > MOST_CLAUSES_IN_BATCH:
            raise ValueError(
                f"where: holds {found} conditions in all; a batch may hold {MOST_CLAUSES_IN_BATCH}"
            )
        return self


class Event(StrictModel):
    """What a user did with an item; without a type it was taken."""

    user_id: UserId
    item_id: TakenId
    timestamp: (
        Annotated[float, Field(ge=0, allow_inf_nan=False)]
        | Annotated[str, StringConstraints(min_length=4, max_length=40)]
        | None
    ) = Field(None, description="seconds since 1970, or ISO 8601; null is now")
    type: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TYPE)] | None = Field(
        None,
        description="the event's name, as in training's log or as usual (view, add_to_cart, "
        "purchase, refund, dislike, ...), or what it means: taken, seen, rejected, had, dropped, "
        "shown; null is taken",
    )
    weight: Weight | None = Field(
        None,
        description="a rating or an amount; a run that was trained with ratings reads it as one",
    )
    label: Annotated[int, Field(ge=0, le=1)] | None = Field(
        None, description="0: it was shown and not taken; 1 says no more than the type"
    )
    request_id: Annotated[str, StringConstraints(pattern=f"^{REQUEST_ID}$")] | None = Field(
        None,
        description="of the answer that held the item; what stood above it there, and the next one "
        "below, is kept as shown",
    )


class EventBatch(StrictModel):
    """Events in the order in which they happened; all are kept, or none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "events": [
                        {"user_id": "u1", "item_id": "i1"},
                        {"user_id": "u1", "item_id": "i2", "type": "view"},
                    ]
                }
            ]
        }
    )

    events: Annotated[list[Event], several(MOST_EVENTS, least=1)]


ItemColumns = Annotated[dict[str, Any], BeforeValidator(_few_columns)]
