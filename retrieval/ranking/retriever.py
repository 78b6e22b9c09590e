"""Recommendations from a run folder: by user, by history, by free text, or like an item."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.retrieval.data.filters import where_mask
from longtail.retrieval.data.interactions import Histories
from longtail.retrieval.data.popularity import Pool
from longtail.retrieval.errors import QueryError, UnknownItemError, UnknownUserError
from longtail.retrieval.ranking.answers import answer_histories, answer_texts, nearest_items
from longtail.retrieval.ranking.answers_frame import Answers, answers_frame
from longtail.retrieval.ranking.pipeline import USERS_PER_BATCH, RankingPipeline, check_request
from longtail.retrieval.ranking.rerank.rerank import Mode, Rerank
from longtail.retrieval.run.bundle import Bundle
from longtail.retrieval.run.served_run import ServedRun, open_run


@dataclass(frozen=True)
class Retriever:
    """A trained engine with its index, ready to answer.

    >>> Retriever.open("RUN").recommend(users=["u1"], k=10, pool="tail")  # doctest: +SKIP
    """

    bundle: Bundle
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
    def of(cls, served: ServedRun, *, device: Literal["cpu", "gpu"] = "cpu") -> Retriever:
        """Return the engine of a run that is open already."""
        bundle, index = served.bundle, served.index
        if device == "gpu":
            index = index.to_device("gpu")
        return cls(
            bundle,
            RankingPipeline(bundle, index),
            Histories.from_interactions(bundle.log),
            {user: i for i, user in enumerate(bundle.log.user_ids)},
        )

    def histories(self, users: Sequence[str]) -> Histories:
        """Return everything these users took, oldest first.

        Raises:
            UnknownUserError: a user isn't in the log; near ids are suggested.
        """
        if missing := [user for user in users if user not in self._position]:
            near = difflib.get_close_matches(str(missing[0]), list(self._position), 3, 0.6)
            hint = f"; near ones: {', '.join(near)}" if near else ""
            raise UnknownUserError(
                f"no user {missing[0]!r} in this run ({len(self._position)} users){hint}. "
                "For a new user give the items with --history"
            )
        return self._histories.take(np.array([self._position[user] for user in users], np.int64))

    def position(self, user: str) -> int | None:
        """Return a user's position in the log, None for one that it doesn't have."""
        return self._position.get(user)

    def logged_history(self, user: str) -> NDArray[np.int32] | None:
        """Return the rows that a user of the log took, oldest first; None for any other."""
        position = self._position.get(user)
        return None if position is None else self._histories[position]

    def item_rows(self, item_ids: Sequence[str]) -> NDArray[np.int64]:
        """Return the catalog rows of item ids.

        Raises:
            UnknownItemError: an item isn't in the catalog; near ids are suggested.
        """
        rows = self.bundle.catalog.rows_of(item_ids)
        if (rows < 0).any():
            missing = str(item_ids[int(np.argmin(rows))])
            near = self.bundle.catalog.near_ids(missing)
            hint = f"; near ones: {', '.join(near)}" if near else ""
            raise UnknownItemError(f"no item {missing!r} in the catalog{hint}")
        return rows

    def recommend(
        self,
        users: Sequence[str] | None = None,
        *,
        histories: Mapping[str, Sequence[str]] | Histories | None = None,
        texts: Mapping[str, str] | None = None,
        k: int = 10,
        pool: Pool = "tail",
        debias: float | None = None,
        mode: Mode = "fixed",
        diversity: float = 0.0,
        where: Sequence[str] = (),
        exclude: Iterable[str] = (),
        include_seen: bool = False,
        explain: bool = False,
    ) -> pd.DataFrame:
        """Return the long frame of recommendations, best first within each user.

        Give one of ``users`` (known ids), ``histories`` (item ids, oldest first, by a name of
        your choice; for users never seen in training) or ``texts`` (free text by name).

        Columns: user_id, item_id, rank (from 1), score, relevance, popularity_percentile,
        bucket; with ``explain`` also title, base_rank (rank at debias 0 without diversity) and
        because (the item ids that carry the score). A user gets fewer rows than k
        when the pool, filter and exclusions leave fewer. ``attrs["notes"]`` says, by user,
        whatever a reader should know, such as that an answer is popularity alone.

        Args:
            debias: popularity correction in [0, 1]; None takes the strength that was best in
                validation.
            mode: what the strength works on: ``fixed``, ``per-user`` or ``profile``
                (`longtail.retrieval.ranking.rerank`); free texts know ``fixed`` only.
            diversity: weight of unlikeness within a list, in [0, 1]; 0 changes nothing.
            where: attribute filters, all of which hold (see `longtail.retrieval.data.filters`).
            exclude: item ids that nobody gets.
            include_seen: whether items of the history may come back.

        Raises:
            QueryError, UnknownUserError, UnknownItemError: the request has no answer.
        """
        strength = self.bundle.serving.debias if debias is None else debias
        check_request(k, pool, strength)
        how = Rerank(mode, strength, diversity)
        if texts is not None and (mode != "fixed" or diversity > 0):
            raise QueryError(
                "a free text has no history to compare with and no head to rank it; use debias "
                "mode fixed without diversity"
            )
        if sum(given is not None for given in (users, histories, texts)) != 1:
            raise QueryError("give one of users, histories and texts")
        allowed = self.allowed(where, exclude)
        if texts is not None:
            return self._frame(
                (
                    answer_texts(self.ranking, part, names, [how], k=k, pool=pool, allowed=allowed)[
                        0
                    ]
                    for names, part in _text_blocks(texts)
                ),
                k,
                explain,
            )
        if users is not None:
            asked = self.histories(users)
        elif isinstance(histories, Histories):
            asked = histories
        else:
            assert histories is not None
            rows = [self.item_rows(list(items)) for items in histories.values()]
            asked = Histories.from_lists(rows, list(histories))
        return self._frame(
            (
                answer_histories(
                    self.ranking,
                    part,
                    [how],
                    k=k,
                    pool=pool,
                    excluded=None if include_seen else part,
                    allowed=allowed,
                    explain=explain,
                )[0]
                for part in _user_blocks(asked)
            ),
            k,
            explain,
        )

    def similar(self, item_id: str, *, k: int = 10, pool: Pool = "all") -> pd.DataFrame:
        """Return the items whose texts are nearest to this one's: item_id, rank, cosine, ...

        Raises:
            UnknownItemError: the item isn't in the catalog, or was removed.
        """
        check_request(k, pool, 0.0)
        row = self.item_rows([item_id])
        if self.bundle.catalog.is_removed(row).any():
            raise UnknownItemError(f"item {item_id!r} was removed from the catalog")
        frame = answers_frame(self.bundle, nearest_items(self.ranking, row, k=k, pool=pool))
        frame = frame.rename(columns={"user_id": "similar_to", "score": "cosine"})
        return frame.drop(columns="relevance")

    def allowed(
        self, where: Sequence[str], exclude: Iterable[str] = ()
    ) -> NDArray[np.bool_] | None:
        """Return the rows that pass all filters and aren't excluded, bool [n]; None: all do.

        Raises:
            QueryError: a filter that can't be read.
            UnknownItemError: an excluded item isn't in the catalog.
        """
        unwanted = list(exclude)
        if not where and not unwanted:
            return None
        allowed = where_mask(self.bundle.catalog.frame, where)
        allowed[self.item_rows(unwanted)] = False
        return allowed

    def _frame(self, blocks: Iterable[Answers], k: int, explain: bool) -> pd.DataFrame:
        frames: list[pd.DataFrame] = []
        notes: dict[str, str] = {}
        for answers in blocks:
            for i, user in enumerate(answers.user_ids):
                if (note := answers.note(i, k)) is not None:
                    notes[str(user)] = note
            if not explain:
                answers = replace(answers, because=None, base_ranks=None)
            frames.append(answers_frame(self.bundle, answers))
        frame = pd.concat(frames, ignore_index=True)
        frame.attrs["notes"] = notes
        return frame


def _user_blocks(asked: Histories) -> Iterator[Histories]:
    """Yield the users in blocks that fit into memory, one empty block where there are none."""
    for start in range(0, max(len(asked), 1), USERS_PER_BATCH):
        yield asked.take(np.arange(start, min(start + USERS_PER_BATCH, len(asked))))


def _text_blocks(texts: Mapping[str, str]) -> Iterator[tuple[list[str], list[str]]]:
    """Yield names and texts in blocks that fit into memory, one empty block if there are none."""
    names, given = list(texts), list(texts.values())
    for start in range(0, max(len(names), 1), USERS_PER_BATCH):
        block = slice(start, start + USERS_PER_BATCH)
        yield names[block], given[block]
