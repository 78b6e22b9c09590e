"""Recommendations from a run folder: by user, by history, by free text, or like an item."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeVar, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.index.errors import Field
from longtail.retrieval.data.filters import Filters
from longtail.retrieval.data.histories.histories import Histories, Past
from longtail.retrieval.data.ids.near_ids import NearIds
from longtail.retrieval.data.popularity import Pool
from longtail.retrieval.data.users.cell_values import UserValue
from longtail.retrieval.errors import QueryError, UnknownItemError, UnknownUserError, near_ones
from longtail.retrieval.ranking.answering import (
    WHOLE,
    Answered,
    Failed,
    Lookup,
    Pace,
    answer_each,
)
from longtail.retrieval.ranking.answers import Answers, answers_frame
from longtail.retrieval.ranking.pipeline import ClockOf, RankingPipeline
from longtail.retrieval.ranking.query import Query, QueryOptions, as_id
from longtail.retrieval.run.bundle import Bundle
from longtail.retrieval.run.served_run import ServedRun, open_run

_Given = TypeVar("_Given")


@dataclass(frozen=True, eq=False)
class Retriever:
    """A trained engine with its index, ready to answer.

    Attributes:
        served: the run folder's content, of one version.
        ranking: what ranks histories and texts.

    >>> Retriever.open("RUN").recommend(users=["u1"], k=10, pool="tail")  # doctest: +SKIP
    """

    served: ServedRun
    ranking: RankingPipeline
    _histories: Histories = field(repr=False)
    _position: Mapping[str, int] = field(repr=False)

    @classmethod
    def open(cls, run: str | Path, *, device: Literal["cpu", "gpu"] = "cpu") -> Retriever:
        """Return the engine in a run folder, every file of it verified.

        Raises:
            BundleError, DamagedFileError, ForeignIndexError, UnsupportedFormatError: the folder
                can't be served; the message says which file and what to do.
        """
        return cls.of(open_run(Path(run)), device=device)

    @classmethod
    def of(
        cls,
        served: ServedRun,
        *,
        device: Literal["cpu", "gpu"] = "cpu",
        timed: Callable[[str], AbstractContextManager[object]] = nullcontext,
        clock_of: ClockOf | None = None,
    ) -> Retriever:
        """Return the engine of a run that is open already; the rest as in `RankingPipeline`."""
        index = served.index.to_device("gpu") if device == "gpu" else served.index
        log = served.bundle.log
        return cls(
            served,
            RankingPipeline(served.bundle, index, timed, clock_of),
            Histories.from_interactions(log),
            {user: i for i, user in enumerate(log.user_ids)},
        )

    @cached_property
    def near_users(self) -> NearIds:
        """What finds a user of the log by a mistyped id."""
        return NearIds.of(self._position)

    @property
    def bundle(self) -> Bundle:
        """The trained engine over the served rows."""
        return self.served.bundle

    @cached_property
    def versions(self) -> dict[str, str]:
        """Index version and model, as answers over HTTP carry them."""
        index = self.served.index
        return {"index": index.stored_parts.version, "model": index.tower_fingerprint[:12]}

    def position(self, user: str) -> int | None:
        """Return a user's position in the log, None for one that it doesn't have."""
        return self._position.get(as_id("user", user))

    def logged_past(self, user: str) -> Past | None:
        """Return what a user of the log took, oldest first; None for any other.

        A user who is in the users file alone has taken nothing yet.
        """
        position = self.position(user)
        if position is not None:
            return self._histories.past(position)
        columns = self.bundle.user_columns
        there = columns is not None and as_id("user", user) in columns
        return Past(np.empty(0, np.int32)) if there else None

    def history(self, user: str) -> NDArray[np.int32]:
        """Return the rows that a user took, oldest first.

        Raises:
            UnknownUserError: the user isn't in the log; near ids are suggested.
        """
        return self.past(user).items

    def past(self, user: str) -> Past:
        """Return the same with when each was taken.

        Raises:
            UnknownUserError: the user isn't in the log; near ids are suggested.
        """
        past = self.logged_past(user)
        if past is None:
            near = self.near_users.find(str(user))
            raise UnknownUserError(
                f"no user {user!r} in this run ({len(self._position)} users){near_ones(near)}. "
                "For a new user give the items with ",
                Field("history"),
            )
        return past

    def item_rows(self, item_ids: Sequence[str], *, offered: bool = False) -> NDArray[np.int32]:
        """Return the catalog rows of item ids; with ``offered``, of items that can be answers.

        Raises:
            UnknownItemError: an item isn't in the catalog (near ids are suggested), or was
                removed.
        """
        catalog = self.bundle.catalog
        item_ids = [as_id("item", item_id) for item_id in item_ids]
        rows = catalog.rows_of(item_ids)
        if (rows < 0).any():
            missing = str(item_ids[int(np.argmin(rows))])
            near = near_ones(catalog.near_ids(missing))
            raise UnknownItemError(f"no item {missing!r} in the catalog{near}")
        if offered and (gone := catalog.is_removed(rows)).any():
            item_id = item_ids[int(np.argmax(gone))]
            raise UnknownItemError(f"item {item_id!r} was removed from the catalog")
        return rows.astype(np.int32)

    def passing(self, where: Sequence[str]) -> NDArray[np.bool_] | None:
        """Return the rows that pass all filters, bool [n]; None: all do.

        Raises:
            QueryError: a filter that can't be read.
        """
        return self.filters.passing(where) if len(where) else None

    @cached_property
    def filters(self) -> Filters:
        """Filters on this version's catalog."""
        catalog = self.bundle.catalog
        return Filters(catalog.frame, catalog.own_names)

    @cached_property
    def _titles(self) -> NDArray[np.object_] | None:
        titles = self.bundle.catalog.frame.get("title")
        return None if titles is None else titles.to_numpy(dtype=object)

    def title(self, row: int) -> str | None:
        """Return an item's title, None where it has none."""
        title = None if self._titles is None else self._titles[row]
        return title if isinstance(title, str) else None

    def answer_each(
        self, queries: Sequence[Query], lookup: Lookup | None = None, pace: Pace = WHOLE
    ) -> Iterator[Answered | Failed]:
        """Yield the outcomes of queries group after group, each query once (`answer_each`).

        ``lookup``: who knows more users than the log, None for this engine's own.
        """
        return answer_each(self.ranking, queries, self if lookup is None else lookup, pace)

    def frame(self, queries: Sequence[Query], names: Sequence[str]) -> pd.DataFrame:
        """Return the long frame of the answers to queries that differ in their subjects alone.

        ``names`` are what the queries are called in the column ``user_id``; `recommend` has the
        other columns.

        Raises:
            QueryError, UnknownUserError, UnknownItemError: one of them has no answer.
        """
        frames: list[pd.DataFrame] = []
        notes: dict[str, str] = {}
        for outcome in self.answer_each(queries):
            if isinstance(outcome, Failed):
                raise outcome.error
            called = [names[place] for place in outcome.places]
            for line, (name, place) in enumerate(zip(called, outcome.places, strict=True)):
                if (note := outcome.answers.note(line, queries[place].k)) is not None:
                    notes[name] = note
            frames.append(answers_frame(self.bundle, outcome.answers, called))
        if not frames:
            nobody = Answers.none(np.empty(0, np.int32), 1)
            frames.append(answers_frame(self.bundle, nobody, []))
        frame = pd.concat(frames, ignore_index=True)
        frame.attrs["notes"] = notes
        return frame

    def recommend(
        self,
        users: Sequence[str | int] | str | int | None = None,
        *,
        histories: Mapping[str, Sequence[str]] | None = None,
        texts: Mapping[str, str] | None = None,
        user_columns: Mapping[str, Mapping[str, UserValue]] | None = None,
        **options: Unpack[QueryOptions],
    ) -> pd.DataFrame:
        """Return the long frame of recommendations, best first within each user.

        Give one of ``users`` (known ids, or one of them), ``histories`` (item ids, oldest first,
        by a name of your choice; for users never seen in training) or ``texts`` (free text by
        name), and what else a query may say (`QueryOptions`): k, pool, debias, mode, diversity,
        where, exclude,
        include_seen, explain. ``user_columns`` has by user or name what is known beside the
        history (`Query`); alone it names users who have none.

        Columns: user_id, item_id, rank (from 1), score, relevance, popularity_percentile, bucket,
        fallback (nothing is known of the user); with ``explain`` also title, base_rank (rank at
        debias 0 without diversity) and because (the item ids that carry the score). A user gets
        fewer rows than k when the pool, filter and exclusions leave fewer. ``attrs["notes"]``
        says, by user, whatever a reader should know, such as that an answer is anybody's.

        Raises:
            QueryError, UnknownUserError, UnknownItemError: the request has no answer.
        """
        subjects = sum(given is not None for given in (users, histories, texts))
        if subjects != 1 and (subjects or user_columns is None):
            raise QueryError("give one of users, histories and texts")
        request = Query(user="anybody", **options)
        columns = _by_name(user_columns or {})
        if users is not None:
            names = [as_id("users", user) for user in _several(users)]
            queries = [replace(request, user=u, user_columns=columns.get(u)) for u in names]
            return self.frame(queries, names)
        if texts is None:
            past = dict.fromkeys(columns, ()) if histories is None else _by_name(histories)
            queries = [
                replace(request, user=None, history=past[name], user_columns=columns.get(name))
                for name in past
            ]
            return self.frame(queries, list(past))
        queries = [replace(request, user=None, text=text) for text in texts.values()]
        return self.frame(queries, list(_by_name(texts)))

    def similar(self, item_id: str | int, *, k: int = 10, pool: Pool = "all") -> pd.DataFrame:
        """Return the items whose texts are nearest to this one's: item_id, rank, cosine, ...

        Raises:
            QueryError, UnknownItemError: there is no such pool, or the item isn't in the catalog
                or was removed.
        """
        item = as_id("item", item_id)
        frame = self.frame([Query(item=item, k=k, pool=pool)], [item])
        frame = frame.rename(columns={"user_id": "similar_to", "score": "cosine"})
        return frame.drop(columns=["relevance", "fallback"])


def _several(users: Sequence[str | int] | str | int) -> Sequence[object]:
    """Return the users; one that is given alone is one."""
    if isinstance(users, str | int | float) or np.ndim(users) == 0:
        return [users]
    return list(users)


def _by_name(given: Mapping[str, _Given]) -> dict[str, _Given]:
    return {as_id("user", name): value for name, value in given.items()}
