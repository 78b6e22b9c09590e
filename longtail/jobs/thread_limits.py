"""How many threads the libraries' own pools may use, told to each in its way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


@contextmanager
def pool_threads(threads: int) -> Iterator[None]:
    """Let torch and every loaded BLAS and OpenMP pool use this many threads; restore after.

    FAISS's searches take a number of their own (`longtail.index.faiss_runtime`), never more than
    this in the thread that called here.
    """
    before = torch.get_num_threads()
    with threadpool_limits(threads):
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)
