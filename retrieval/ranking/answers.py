"""What comes back from the engine, and the long frame that users of it get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.retrieval.data.popularity import POOL_NAMES
from longtail.retrieval.run.bundle import Bundle


@dataclass(frozen=True)
class Answers:
    """Answers to m queries, k places each, best first, padded with row -1 and NaN.

    Attributes:
        rows: catalog rows, int64 [m, k].
        scores: what they are ordered by, float32 [m, k].
        relevance: calibrated probability, NaN where the head has no say, float32 [m, k].
        base_ranks: rank at debias 0 without diversity, 1 the best, 0 unknown or not wanted,
            int64 [m, k].
        lengths: how many past items each answer goes by, int32 [m]; 0 where nothing is known.
        because: per query and answer, the item ids that carry the score; None if not wanted.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    relevance: NDArray[np.float32]
    base_ranks: NDArray[np.int64]
    lengths: NDArray[np.int32]
    because: Sequence[Sequence[Sequence[str]]] | None = None

    @classmethod
    def none(cls, lengths: NDArray[np.int32], k: int) -> Answers:
        """Return m queries without an answer, k places each, to be filled."""
        shape = (len(lengths), k)
        nan = np.full(shape, np.nan, np.float32)
        return cls(
            np.full(shape, -1, np.int64), nan, nan.copy(), np.zeros(shape, np.int64), lengths
        )

    @classmethod
    def picked(cls, lists: Sequence[Answers], which: NDArray[np.int64]) -> Answers:
        """Return query i as ``lists[which[i]]`` answers it; ``because`` is left out."""
        if len(lists) == 1:
            return lists[0]
        line = np.arange(len(which))
        rows, scores, relevance, base_ranks = (
            np.stack([getattr(answers, name) for answers in lists])[which, line]
            for name in ("rows", "scores", "relevance", "base_ranks")
        )
        return cls(rows, scores, relevance, base_ranks, lists[0].lengths)

    @property
    def fallback(self) -> NDArray[np.bool_]:
        """Whether nothing is known of whom it is for: anybody would get the same, bool [m]."""
        return np.asarray(self.lengths == 0)

    def note(self, line: int, k: int) -> str | None:
        """Return what the reader of a query's first k answers should know, None if nothing.

        >>> Answers.none(np.array([4], np.int32), 2).note(0, 2)
        '0 of 2 answers: the pool, filters and exclusions leave no more'
        """
        notes = []
        if self.fallback[line]:
            lately = bool(np.isfinite(self.scores[line, :1]).any())
            what = "what is taken lately in" if lately else "the most popular items of"
            notes.append(f"no history: {what} the pool")
        count = int((self.rows[line, :k] >= 0).sum())
        if count < k:
            notes.append(f"{count} of {k} answers: the pool, filters and exclusions leave no more")
        return "; ".join(notes) or None


def answers_frame(bundle: Bundle, answers: Answers, names: Sequence[str]) -> pd.DataFrame:
    """Return one row an answer, best first within each query; padding is left out.

    ``names`` [m] are what the queries are called: the column ``user_id``. ``fallback`` marks what
    isn't the user's own. Answers with reasons have the columns title, base_rank and because too.
    """
    line, place = np.nonzero(answers.rows >= 0)
    rows = answers.rows[line, place]
    frame = pd.DataFrame(
        {
            "user_id": np.array(names, dtype=object)[line],
            "item_id": bundle.catalog.item_ids[rows].astype(object),
            "rank": place + 1,
            "score": answers.scores[line, place],
            "relevance": answers.relevance[line, place],
            "popularity_percentile": bundle.popularity.percentile[rows],
            "bucket": np.array(POOL_NAMES, dtype=object)[bundle.popularity.bucket[rows]],
            "fallback": answers.fallback[line],
        }
    )
    if answers.because is not None:
        title = bundle.catalog.frame.get("title")
        if title is not None:
            frame["title"] = title.to_numpy(dtype=object)[rows]
        # Whole numbers with gaps: a rank beyond the depth searched is unknown, not 0.
        ranks = answers.base_ranks[line, place]
        frame["base_rank"] = pd.array([int(rank) or None for rank in ranks], dtype="Int64")
        frame["because"] = [list(ids) for reasons in answers.because for ids in reasons]
    return frame
