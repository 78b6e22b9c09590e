"""Blocks of users on several threads: in order, few at a time, failures and all."""

from __future__ import annotations

import threading
import time

import numpy as np
import pandas as pd
import pytest
import torch

from longtail.index.faiss_runtime import load_faiss
from longtail.jobs.parallel_batches import in_blocks
from longtail.retrieval.data.interactions import Histories
from longtail.retrieval.ranking.pipeline import USERS_PER_BATCH

LISTS = [[user] for user in range(5 * USERS_PER_BATCH + 3)]


@pytest.fixture(autouse=True)
def three_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("longtail.jobs.parallel_batches.cores", lambda: 3)


def framed(part: Histories) -> pd.DataFrame:
    # The first blocks take longest: the last ones are ready before them.
    time.sleep(0.02 if part.items[0] == 0 else 0.0)
    return pd.DataFrame({"first": part.items})


def test_blocks_come_in_order_and_each_user_once() -> None:
    asked = Histories.from_lists(LISTS)
    done, frames = zip(*in_blocks(asked, framed), strict=True)
    assert done == (*range(USERS_PER_BATCH, len(LISTS), USERS_PER_BATCH), len(LISTS))
    assert pd.concat(frames)["first"].tolist() == list(range(len(LISTS)))


def test_nobody_asked_is_no_block() -> None:
    assert list(in_blocks(Histories.from_lists([]), framed)) == []


def test_several_work_at_once_each_with_one_thread_and_few_wait() -> None:
    asked = Histories.from_lists([[0]] * (40 * USERS_PER_BATCH))
    at_work, together, begun = 0, [], []
    lock = threading.Lock()
    faiss_threads = set()

    def counted(part: Histories) -> pd.DataFrame:
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

    blocks = in_blocks(asked, counted)
    next(blocks)
    time.sleep(0.1)
    assert len(begun) <= 7
    assert len(list(blocks)) == 39
    assert 1 < max(together) <= 3
    assert faiss_threads == {1}


def test_a_failure_ends_it_and_torch_gets_its_threads_back() -> None:
    before = torch.get_num_threads()

    def failing(part: Histories) -> pd.DataFrame:
        if part.items[0] >= USERS_PER_BATCH:
            raise ValueError("no more")
        return pd.DataFrame({"first": part.items})

    blocks = in_blocks(Histories.from_lists(LISTS), failing)
    assert len(next(blocks)[1]) == USERS_PER_BATCH
    with pytest.raises(ValueError, match="no more"):
        next(blocks)
    assert torch.get_num_threads() == before


def test_answers_are_those_of_one_thread(retriever: object) -> None:
    users = retriever.bundle.log.user_ids  # type: ignore[attr-defined]
    asked = retriever.histories([str(u) for u in np.repeat(users, 12)])  # type: ignore[attr-defined]

    def answer(part: Histories) -> pd.DataFrame:
        return retriever.recommend(histories=part, k=5, pool="all")  # type: ignore[attr-defined]

    together = pd.concat([frame for _, frame in in_blocks(asked, answer)], ignore_index=True)
    alone = answer(asked)
    assert together["item_id"].tolist() == alone["item_id"].tolist()
    assert together["score"].to_numpy() == pytest.approx(alone["score"].to_numpy(), abs=1e-4)
