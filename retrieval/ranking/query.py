"""One question to the engine, the same from every door: command line, Python, HTTP, page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from longtail.index.errors import Field
from longtail.retrieval.data.ids.identifier import spelt_id
from longtail.retrieval.data.popularity import POOLS, Pool
from longtail.retrieval.data.users.cell_values import UserValue
from longtail.retrieval.errors import QueryError
from longtail.retrieval.ranking.rerank.rerank import Mode, Rerank

SUBJECTS = ("user", "history", "text", "item")


class QueryOptions(TypedDict, total=False):
    """What may be said of a query beside whom it is for.

    k: answers at most.
    pool: which items may be answers: ``tail``, ``cold``, ``head`` or ``all``.
    debias: popularity correction in [0, 1]; None takes the strength that was best in validation.
    mode: what the strength works on: ``fixed``, ``per-user`` or ``profile`` (see `Rerank`).
    diversity: weight of unlikeness within a list, in [0, 1]; 0 changes nothing.
    where: attribute filters, all of which hold (see `where_mask`).
    exclude: item ids that are never an answer.
    include_seen: whether items of the history may come back.
    include_rejected: whether items that the user rejected may.
    explain: adds title, rank at debias 0 without diversity, and the items that carry the score.
    """

    k: int
    pool: Pool
    debias: float | None
    mode: Mode
    diversity: float
    where: Sequence[str]
    exclude: Sequence[str]
    include_seen: bool
    include_rejected: bool
    explain: bool


@dataclass(frozen=True, kw_only=True)
class Query:
    """Whom to recommend to, and what.

    Exactly one subject: ``user`` (an id), ``history`` (item ids, oldest first), ``text`` (free
    text) or ``item`` (whose neighbours by text are the answers). ``user_columns`` say what is
    known of the user beside, in the words of the users file that the run was trained with; they
    win over what the file said, and given alone they are of somebody without a history.
    `QueryOptions` has the rest. Ids that are whole numbers, of NumPy and pandas too, are spelt as
    texts.

    Raises:
        QueryError: a query that no catalog could answer; the error names the field.

    >>> Query(user="u1", k=3).subject
    'user'
    >>> Query(user_columns={"age": 24}).subject
    'history'
    >>> Query(text="tea", mode="profile")
    Traceback (most recent call last):
    longtail.retrieval.errors.QueryError: mode ranks by what a user took; a text has no history
    """

    user: str | None = None
    history: Sequence[str] | None = None
    text: str | None = None
    item: str | None = None
    user_columns: Mapping[str, UserValue] | None = None
    k: int = 10
    pool: Pool = "tail"
    debias: float | None = None
    mode: Mode = "fixed"
    diversity: float = 0.0
    where: Sequence[str] = ()
    exclude: Sequence[str] = ()
    include_seen: bool = False
    include_rejected: bool = False
    explain: bool = False

    def __post_init__(self) -> None:
        if self.user_columns is not None:
            if self.text is not None or self.item is not None:
                raise QueryError(Field("user_columns"), " goes with a user or a history")
            if self.user is None and self.history is None:
                object.__setattr__(self, "history", ())
        given = [name for name in SUBJECTS if getattr(self, name) is not None]
        if len(given) != 1:
            user, history, text, _ = map(Field, SUBJECTS)
            raise QueryError("give one of ", user, ", ", history, " and ", text)
        if self.k < 1:
            raise QueryError(Field("k"), f" is {self.k}; take at least one item")
        if self.pool not in POOLS:
            raise QueryError(Field("pool"), f" {self.pool!r} is not one of {', '.join(POOLS)}")
        for name in ("history", "where", "exclude"):
            value = getattr(self, name)
            if isinstance(value, str):
                raise QueryError(Field(name), " is a list; put the one text into one")
            if value is not None:
                whole = tuple(value)
                object.__setattr__(self, name, whole if name == "where" else _ids(name, whole))
        for name in ("user", "item"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, as_id(name, value))
        # Refuses modes and strengths that there aren't.
        self.rerank(0.0)
        if self.text is not None:
            self._check_text(self.text)
        if self.item is not None:
            why = " has no say: items like an item are ranked by cosine"
            self._refuse_changes(("debias", "mode", "diversity", "explain"), why)

    def _check_text(self, text: str) -> None:
        if not text.strip():
            raise QueryError(Field("text"), " is empty")
        if text != text.encode(errors="replace").decode():
            raise QueryError(Field("text"), " is not UTF-8")
        why = (" ranks by what a user took; a ", Field("text"), " has no history")
        self._refuse_changes(("mode", "diversity"), *why)

    def _refuse_changes(self, names: Sequence[str], *why: str) -> None:
        plain: Any = type(self)
        for name in names:
            if getattr(self, name) != getattr(plain, name):
                raise QueryError(Field(name), *why)

    @property
    def subject(self) -> str:
        """Which of the subjects is given."""
        return next(name for name in SUBJECTS if getattr(self, name) is not None)

    def rerank(self, default_debias: float) -> Rerank:
        """Return how the candidates become a list; ``default_debias`` where none is given."""
        debias = default_debias if self.debias is None else self.debias
        return Rerank(self.mode, debias, self.diversity)


def _ids(name: str, values: tuple[object, ...]) -> tuple[str, ...]:
    # Thousands at once, and nearly always texts: those without a call for each.
    return tuple([v.strip() if type(v) is str else as_id(name, v) for v in values])


def as_id(name: str, value: object) -> str:
    """Return an argument's value as an id is spelt (`spelt_id`).

    Raises:
        QueryError: it is none.
    """
    try:
        return spelt_id(value)
    except TypeError as error:
        raise QueryError(Field(name), f": {error}") from error
