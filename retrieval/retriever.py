"""Recommendations from a run folder: by user, by history, by free text, or like an item."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retrieval.answers import Answers, answers_frame
from retrieval.bundle import Bundle
from retrieval.errors import QueryError, UnknownItemError, UnknownUserError
from retrieval.explanation import reasons
from retrieval.interactions import Histories
from retrieval.popularity import Pool
from retrieval.ranking import USERS_PER_BATCH, Ranked, Ranking, check_request
from retrieval.relevance import probability
from retrieval.rerank.rerank import Mode, Rerank
from retrieval.served import open_run
from retrieval.where import where_mask


@dataclass(frozen=True)
class Retriever:
    """A trained engine with its index, ready to answer.

    >>> Retriever.open("RUN").recommend(users=["u1"], k=10, pool="tail")  # doctest: +SKIP
    """

    bundle: Bundle
    ranking: Ranking
    _histories: Histories = field(repr=False)
    _position: Mapping[str, int] = field(repr=False)

    @classmethod
    def open(cls, run: str | Path, *, device: Literal["cpu", "gpu"] = "cpu") -> Retriever:
        """Return the engine in a run folder, every file of it verified.

        Raises:
            BundleError, DamagedFileError, ForeignIndexError, UnsupportedFormatError: the folder
                can't be served; the message says which file and what to do.
        """
        served = open_run(Path(run))
        bundle, index = served.bundle, served.index
        if device == "gpu":
            index = index.to_device("gpu")
        return cls(
            bundle,
            Ranking(bundle, index),
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
                (`retrieval.rerank`); free texts know ``fixed`` only.
            diversity: weight of unlikeness within a list, in [0, 1]; 0 changes nothing.
            where: attribute filters, all of which hold (see `retrieval.where`).
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
        allowed = self._allowed(where, exclude)
        if texts is not None:
            asked = Histories.from_lists([[] for _ in texts], list(texts))
            return self._answer(asked, k, pool, how, allowed, True, explain, list(texts.values()))
        if users is not None:
            asked = self.histories(users)
        elif isinstance(histories, Histories):
            asked = histories
        else:
            assert histories is not None
            rows = [self.item_rows(list(items)) for items in histories.values()]
            asked = Histories.from_lists(rows, list(histories))
        return self._answer(asked, k, pool, how, allowed, include_seen, explain, None)

    def similar(self, item_id: str, *, k: int = 10, pool: Pool = "all") -> pd.DataFrame:
        """Return the items whose texts are nearest to this one's: item_id, rank, cosine, ...

        Raises:
            UnknownItemError: the item isn't in the catalog, or was removed.
        """
        check_request(k, pool, 0.0)
        k = min(k, len(self.bundle.catalog))
        row = self.item_rows([item_id])
        if self.bundle.catalog.is_removed(row).any():
            raise UnknownItemError(f"item {item_id!r} was removed from the catalog")
        vectors = self.ranking.index.vectors(row)
        # Cosine alone: neither temperature nor popularity has a say in likeness.
        plain = replace(self.bundle.serving, temperature=1.0, popularity_weight=0.0)
        ranking = replace(self.ranking, bundle=replace(self.bundle, serving=plain))
        itself = Histories.from_lists([row], [item_id])
        taste = ranking.vector_taste(vectors)
        found = ranking.search(taste, k, pool=pool, debias=0.0, excluded=itself)
        frame = answers_frame(
            self.bundle,
            Answers(itself.user_ids, found.rows, found.scores, np.full_like(found.scores, np.nan)),
        )
        frame = frame.rename(columns={"user_id": "similar_to", "score": "cosine"})
        return frame.drop(columns="relevance")

    def _allowed(self, where: Sequence[str], exclude: Iterable[str]) -> NDArray[np.bool_] | None:
        unwanted = list(exclude)
        if not where and not unwanted:
            return None
        allowed = where_mask(self.bundle.catalog.frame, where)
        allowed[self.item_rows(unwanted)] = False
        return allowed

    def _answer(
        self,
        asked: Histories,
        k: int,
        pool: Pool,
        how: Rerank,
        allowed: NDArray[np.bool_] | None,
        include_seen: bool,
        explain: bool,
        texts: list[str] | None,
    ) -> pd.DataFrame:
        frames, notes = [], {}
        # Room for more answers than there are items would be memory for padding.
        places = min(k, len(self.bundle.catalog))
        for start in range(0, max(len(asked), 1), USERS_PER_BATCH):
            part = asked.take(np.arange(start, min(start + USERS_PER_BATCH, len(asked))))
            taste = (
                self.ranking.taste(part)
                if texts is None
                else self.ranking.text_taste(texts[start : start + USERS_PER_BATCH])
            )
            seen = None if include_seen else part
            [ranked] = self.ranking.rank(
                taste, places, [how], pool=pool, excluded=seen, allowed=allowed
            )
            for i in np.flatnonzero(taste.lengths == 0):
                notes[str(part.user_ids[i])] = "no history: the most popular items of the pool"
            had = (ranked.rows >= 0).sum(axis=1)
            for i in np.flatnonzero(had < k):
                user = str(part.user_ids[i])
                shortage = (
                    f"{had[i]} of {k} answers: the pool, filters and exclusions leave no more"
                )
                notes[user] = f"{notes[user]}; {shortage}" if user in notes else shortage
            answers = Answers(part.user_ids, ranked.rows, ranked.scores, probability(ranked.logits))
            if explain:
                answers = self._explained(answers, part, ranked)
            frames.append(answers_frame(self.bundle, answers))
        frame = pd.concat(frames, ignore_index=True)
        frame.attrs["notes"] = notes
        return frame

    def _explained(self, answers: Answers, part: Histories, ranked: Ranked) -> Answers:
        because: list[list[list[str]]] = []
        ranks: list[list[int | None]] = []
        ids = self.bundle.catalog.item_ids
        for i in range(len(part)):
            there = ranked.rows[i] >= 0
            rows = ranked.rows[i][there]
            found = reasons(self.ranking, part[i], rows) if len(part[i]) else []
            because.append(
                [[str(ids[r.row]) for r in reason] for reason in found] or [[] for _ in rows]
            )
            ranks.append([int(rank) or None for rank in ranked.base_ranks[i][there]])
        return replace(answers, because=because, base_ranks=ranks)
