"""Queries whose answers are known to exist: a version that can't answer them isn't served."""

from __future__ import annotations

import numpy as np

from longtail.index.errors import DamagedFileError
from longtail.retrieval.data.popularity import Pool
from longtail.retrieval.ranking.answering import Failed
from longtail.retrieval.ranking.query import Query
from longtail.retrieval.ranking.retriever import Retriever

USERS = 8
K = 10


def try_out(retriever: Retriever) -> None:
    """Ask for a few users of the log, from the whole catalog and from the tail.

    It also warms whatever the first request would wait for.

    Raises:
        DamagedFileError: an answer is short of what its pool holds, or has a score that is no
            number.
        LongtailError: a query fails.
    """
    users = [str(user) for user in retriever.bundle.log.user_ids]
    few = [users[i] for i in np.linspace(0, len(users) - 1, min(USERS, len(users))).astype(int)]
    few = [user for user in few if len(retriever.history(user))]
    pools: tuple[Pool, ...] = ("all", "tail")
    for pool in pools:
        there = retriever.bundle.popularity.in_pool(pool)
        queries = [Query(user=user, k=K, pool=pool, debias=0.0) for user in few]
        for outcome in retriever.answer_each(queries):
            if isinstance(outcome, Failed):
                raise outcome.error
            for line, place in enumerate(outcome.places):
                taken = np.unique(retriever.history(few[place]))
                most = int(there.sum()) - int(there[taken].sum())
                rows = outcome.answers.rows[line]
                rows = rows[rows >= 0]
                good = len(rows) >= min(K, most) and there[rows].all()
                if not good or not np.isfinite(outcome.answers.scores[line, : len(rows)]).all():
                    raise DamagedFileError(
                        f"index {retriever.versions['index']} does not answer as it should "
                        f"(pool {pool}); go back with `longtail index rollback` or rebuild it "
                        "with `longtail index build`"
                    )
