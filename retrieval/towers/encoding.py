"""Token ids in, pooled vectors out, by any backend: batches of like length on all cores."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from retrieval.progress import Progress, silent
from retrieval.towers.backends.backend import TextBackend
from retrieval.towers.token_batches import token_batches
from retrieval.towers.tokens import TokenTable


def encode_pooled(
    backend: TextBackend, tokens: TokenTable, *, progress: Progress = silent
) -> NDArray[np.float32]:
    """Return the vectors before the linear layer, float32 [n, dim], in the texts' order.

    Texts of like length share a batch, so that little of it is padding. The batches, and with
    them the bits of the vectors, don't depend on how many are read side by side.

    Raises:
        ValueError: there is no text.
    """
    if not len(tokens):
        raise ValueError("there is no text to read")
    batches = token_batches(tokens.lengths, backend.tokens_per_batch)
    out: NDArray[np.float32] | None = None
    done = 0
    for batch, pooled in zip(batches, _in_turn(backend, tokens, batches), strict=True):
        if out is None:
            out = np.empty((len(tokens), pooled.shape[1]), np.float32)
        out[batch] = pooled
        done += len(batch)
        progress("reading item texts", done, len(tokens))
    assert out is not None
    return out


def _in_turn(
    backend: TextBackend, tokens: TokenTable, batches: list[NDArray[np.int64]]
) -> Iterator[NDArray[np.float32]]:
    """Yield the vectors of each batch; with several workers, later batches are read meanwhile."""

    def pool(batch: NDArray[np.int64]) -> NDArray[np.float32]:
        ids, mask = tokens.padded(batch)
        return backend.pool(ids.numpy(), mask.numpy())

    workers = min(backend.workers, len(batches))
    if workers == 1:
        yield from map(pool, batches)
        return
    with _worker_threads(workers) as threads:
        yield from threads.map(pool, batches)


@contextmanager
def _worker_threads(workers: int) -> Iterator[ThreadPoolExecutor]:
    """Give threads that share out the cores among them.

    A batch on one thread waits for no other: half a matrix each costs more in waiting than it
    saves, above all on a machine that has other work.
    """
    threads = torch.get_num_threads()
    share = max(threads // workers, 1)
    # OpenMP keeps this number for each thread by itself, but MKL has one for all: left as it is,
    # every worker would ask for all cores where a program has set torch's threads before.
    pool = ThreadPoolExecutor(
        workers, "read-texts", initializer=torch.set_num_threads, initargs=(share,)
    )
    try:
        with pool:
            yield pool
    finally:
        torch.set_num_threads(threads)
