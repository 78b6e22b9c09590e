"""Blocks of users on several threads: in order, few at a time, failures and all."""

from __future__ import annotations

import threading
import time

import numpy as np
import pandas as pd
import pytest
import torch

from longtail.index.faiss_runtime import load_faiss
from longtail.jobs.parallel_batches import UserBatch, in_blocks
from longtail.retrieval.data.histories.histories import Histories
from longtail.retrieval.ranking.pipeline import USERS_PER_BATCH
from longtail.retrieval.ranking.query import Query
from longtail.retrieval.ranking.retriever import Retriever

USERS = 5 * USERS_PER_BATCH + 3


@pytest.fixture(autouse=True)
def three_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("longtail.jobs.parallel_batches.cores", lambda: 3)


def framed(part: range) -> pd.DataFrame:
    # The first blocks take longest: the last ones are ready before them.
    time.sleep(0.02 if part[0] == 0 else 0.0)
    return pd.DataFrame({"first": list(part)})


def test_blocks_come_in_order_and_each_user_once() -> None:
    done, frames = zip(*in_blocks(USERS, framed), strict=True)
    assert done == (*range(USERS_PER_BATCH, USERS, USERS_PER_BATCH), USERS)
    assert pd.concat(frames)["first"].tolist() == list(range(USERS))


def test_nobody_asked_is_no_block() -> None:
    assert list(in_blocks(0, framed)) == []


def test_several_work_at_once_each_with_one_thread_and_few_wait() -> None:
    at_work, together, begun = 0, [], []
    lock = threading.Lock()
    faiss_threads = set()

    def counted(part: range) -> pd.DataFrame:
        nonlocal at_work
        with lock:
            at_work += 1
            begun.append(1)
            together.append(at_work)
            faiss_threads.add(load_faiss().omp_get_max_threads())
        time.sleep(0.01)
        with lock:
            at_work -= 1
        return pd.DataFrame()

    blocks = in_blocks(40 * USERS_PER_BATCH, counted)
    next(blocks)
    time.sleep(0.1)
    assert len(begun) <= 7
    assert len(list(blocks)) == 39
    assert 1 < max(together) <= 3
    assert faiss_threads == {1}


def test_a_failure_ends_it_and_torch_gets_its_threads_back() -> None:
    before = torch.get_num_threads()

    def failing(part: range) -> pd.DataFrame:
        if part[0] >= USERS_PER_BATCH:
            raise ValueError("no more")
        return pd.DataFrame({"first": list(part)})

    blocks = in_blocks(USERS, failing)
    assert len(next(blocks)[1]) == USERS_PER_BATCH
    with pytest.raises(ValueError, match="no more"):
        next(blocks)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("by", ["users", "histories"])
def test_answers_are_those_of_one_thread(retriever: Retriever, by: str) -> None:
    users = [str(user) for user in np.repeat(retriever.bundle.log.user_ids, 12)]
    asked = Query(user="anybody", k=5, pool="all")
    taken = Histories.from_lists([retriever.history(user) for user in users], users)
    batch = (
        UserBatch.of_users(users, asked)
        if by == "users"
        else UserBatch.of_histories(taken, retriever.bundle.catalog.item_ids, asked)
    )

    def answer(part: range) -> pd.DataFrame:
        return retriever.frame(batch.queries(part), [batch.names[i] for i in part])

    frames = [frame for _, frame in in_blocks(len(batch), answer)]
    together = pd.concat(frames, ignore_index=True)
    alone = retriever.recommend(users=users, k=5, pool="all")
    assert together["user_id"].tolist() == alone["user_id"].tolist()
    assert together["item_id"].tolist() == alone["item_id"].tolist()
    assert together["score"].to_numpy() == pytest.approx(alone["score"].to_numpy(), abs=1e-4)
