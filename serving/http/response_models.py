"""The shape of answers, for the OpenAPI document; the service itself writes plain objects."""

from __future__ import annotations

from pydantic import BaseModel


class Versions(BaseModel):
    """What an answer was made with."""

    index: str
    model: str


class Item(BaseModel):
    """One answer; title, base_rank and because come with explain."""

    item_id: str
    rank: int
    score: float | None
    relevance: float | None
    popularity_percentile: float
    bucket: str
    title: str | None = None
    base_rank: int | None = None
    because: list[str] | None = None


class ListAnswer(BaseModel):
    """A list, best first, and the strength that made it; fallback: nothing is known of the user."""

    user_id: str | None
    debias: float
    items: list[Item]
    fallback: bool
    note: str | None
    versions: Versions


class RecommendAnswer(ListAnswer):
    """The same, and the request's id, by which events may say what was shown."""

    request_id: str


class BatchError(BaseModel):
    """Why one request of a batch has no answer."""

    code: str
    message: str


class FailedAnswer(BaseModel):
    """One request of a batch that has no answer."""

    error: BatchError


class BatchAnswer(BaseModel):
    """Answers in the order of the requests."""

    answers: list[ListAnswer | FailedAnswer]
    versions: Versions
    request_id: str


class SimilarItem(BaseModel):
    """An item that reads like the one asked for."""

    item_id: str
    rank: int
    cosine: float
    popularity_percentile: float
    bucket: str


class SimilarAnswer(BaseModel):
    """The nearest items."""

    item_id: str
    items: list[SimilarItem]
    versions: Versions
    request_id: str


class ItemCard(BaseModel):
    """What is known of an item."""

    item_id: str
    title: str | None
    bucket: str
    popularity_percentile: float
    popularity: int
    attributes: dict[str, str | int | float | bool | None]


class ItemAnswer(BaseModel):
    """One item of the catalog.

    quarantined: it is in no answer until `longtail index release`.
    """

    item: ItemCard
    quarantined: bool
    versions: Versions


class ChangedAnswer(BaseModel):
    """The version that has the change; it is served by now."""

    versions: Versions


class Suspect(BaseModel):
    """What an item is suspected of; like is the item that it is like, empty without one."""

    reason: str
    detail: str
    like: str


class PutAnswer(BaseModel):
    """The version that has the item, and what it is suspected of.

    quarantined: it is in no answer until `longtail index release`.
    """

    versions: Versions
    suspects: list[Suspect]
    quarantined: bool


class AcceptedAnswer(BaseModel):
    """How many events are on the disk by now."""

    accepted: int


class Failure(BaseModel):
    """A code for programs, a sentence for people."""

    code: str
    message: str
    request_id: str


class ErrorAnswer(BaseModel):
    """A refusal."""

    error: Failure
