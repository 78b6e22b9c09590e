"""Requests whose answers are known to exist: a version that can't answer them isn't served."""

from __future__ import annotations

import numpy as np

from longtail.index.errors import DamagedFileError
from longtail.retrieval.data.interactions import Histories
from longtail.retrieval.data.popularity import Pool
from longtail.retrieval.ranking.answers import answer_histories
from longtail.retrieval.ranking.rerank.rerank import Rerank
from longtail.serving.engine.engine import Engine

USERS = 8
K = 10


def try_out(engine: Engine) -> None:
    """Ask for a few users of the log, in every pool that has items.

    It also warms whatever the first request would wait for.

    Raises:
        DamagedFileError: an answer is short of what its pool holds, or has a score that is no
            number.
    """
    retriever = engine.retriever
    bundle = retriever.bundle
    users = [str(user) for user in bundle.log.user_ids]
    chosen = [users[i] for i in np.linspace(0, len(users) - 1, min(USERS, len(users))).astype(int)]
    histories = [retriever.logged_history(user) for user in chosen]
    asked = Histories.from_lists([h for h in histories if h is not None and len(h)])
    if not len(asked):
        return
    pools: tuple[Pool, ...] = ("all", "tail")
    for pool in pools:
        there = bundle.popularity.in_pool(pool)
        [answers] = answer_histories(
            retriever.ranking, asked, [Rerank()], k=K, pool=pool, excluded=asked
        )
        for line in range(len(asked)):
            most = int(there.sum()) - int(there[np.unique(asked[line])].sum())
            rows = answers.rows[line][answers.rows[line] >= 0]
            good = len(rows) >= min(K, most) and there[rows].all()
            if not good or not np.isfinite(answers.scores[line, : len(rows)]).all():
                raise DamagedFileError(
                    f"index {engine.versions['index']} does not answer as it should (pool {pool}); "
                    "go back with `longtail index rollback` or rebuild it with `longtail index "
                    "build`"
                )
