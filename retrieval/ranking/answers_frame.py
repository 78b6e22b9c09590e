"""Ranked rows as the long frame that users of the engine get."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from longtail.retrieval.data.popularity import BUCKETS
from longtail.retrieval.run.bundle import Bundle

COLUMNS = (
    "user_id",
    "item_id",
    "rank",
    "score",
    "relevance",
    "popularity_percentile",
    "bucket",
)


@dataclass(frozen=True)
class Answers:
    """Answers for m users, k places each, padded with row -1.

    Attributes:
        user_ids: object [m].
        rows: int64 [m, k].
        scores, relevance: float32 [m, k].
        because: per user and answer, the item ids that carry the score.
        base_ranks: per user and answer, the rank at debias 0.
        lengths: how many past items each answer goes by, int32 [m]; 0 where nothing is known.
    """

    user_ids: NDArray[np.object_]
    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    relevance: NDArray[np.float32]
    because: list[list[list[str]]] | None = None
    base_ranks: list[list[int | None]] | None = None
    lengths: NDArray[np.int32] | None = None

    def note(self, user: int, k: int) -> str | None:
        """Return what the reader of a user's first k answers should know, None if nothing.

        >>> nobody, rows = np.array(["u"], object), np.array([[3, -1]])
        >>> scores = np.zeros((1, 2), np.float32)
        >>> Answers(nobody, rows, scores, scores).note(0, 2)
        '1 of 2 answers: the pool, filters and exclusions leave no more'
        """
        said = []
        if self.lengths is not None and self.lengths[user] == 0:
            said.append("no history: the most popular items of the pool")
        had = int((self.rows[user, :k] >= 0).sum())
        if had < k:
            said.append(f"{had} of {k} answers: the pool, filters and exclusions leave no more")
        return "; ".join(said) or None


def answers_frame(bundle: Bundle, answers: Answers) -> pd.DataFrame:
    """Return one row an answer, best first within each user; padding is left out."""
    user, place = np.nonzero(answers.rows >= 0)
    rows = answers.rows[user, place]
    frame = pd.DataFrame(
        {
            "user_id": answers.user_ids[user].astype(object),
            "item_id": bundle.catalog.item_ids[rows].astype(object),
            "rank": place + 1,
            "score": answers.scores[user, place],
            "relevance": answers.relevance[user, place],
            "popularity_percentile": bundle.popularity.percentile[rows],
            "bucket": np.array(BUCKETS, dtype=object)[bundle.popularity.bucket[rows]],
        }
    )
    if answers.base_ranks is not None and answers.because is not None:
        title = bundle.catalog.frame.get("title")
        if title is not None:
            frame["title"] = title.to_numpy(dtype=object)[rows]
        # Whole numbers with gaps: a rank beyond the depth searched is unknown, not 0.
        flat = [rank for ranks in answers.base_ranks for rank in ranks]
        frame["base_rank"] = pd.array(flat, dtype="Int64")
        frame["because"] = [ids for user_ids in answers.because for ids in user_ids]
    return frame
