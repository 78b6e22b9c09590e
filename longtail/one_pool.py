"""How many threads the libraries' own pools may use, told to each in its way."""

from __future__ import annotations

import torch
from threadpoolctl import threadpool_limits


def limit_threads(threads: int) -> None:
    """Let torch and every loaded BLAS and OpenMP pool use this many threads, from now on.

    FAISS's searches take a number of their own (`index.faiss_runtime`), never more than this in
    the thread that called here.
    """
    torch.set_num_threads(threads)
    threadpool_limits(threads)
