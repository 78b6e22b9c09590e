"""Pools of threads: limited while asked for, and theirs again afterwards, also after a failure."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from longtail.jobs.thread_limits import pool_threads


def sizes() -> list[int]:
    np.ones((2, 2)) @ np.ones((2, 2))
    return [torch.get_num_threads(), *(int(pool["num_threads"]) for pool in threadpool_info())]


def fail_with_one() -> None:
    with pool_threads(1):
        assert set(sizes()) == {1}
        raise KeyError


def test_all_pools_are_limited_and_restored() -> None:
    with pool_threads(2):
        before = sizes()
        with pytest.raises(KeyError):
            fail_with_one()
        assert sizes() == before
        assert before[0] == 2
