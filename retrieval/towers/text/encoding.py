"""Token ids in, pooled vectors out, by any backend: batches of like length on all cores."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from longtail.retrieval.progress import Progress, silent
from longtail.retrieval.towers.backends.backend import TextBackend
from longtail.retrieval.towers.text.token_batches import token_batches, with_round_rest
from longtail.retrieval.towers.text.tokens import TokenTable


def encode_pooled(
    backend: TextBackend,
    tokens: TokenTable,
    *,
    threads: Executor | None = None,
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """Return the vectors before the linear layer, float32 [n, dim], in the texts' order.

    Texts of like length share a batch, so that little of it is padding. The batches, and with
    them the bits of the vectors, don't depend on how many are read side by side.

    Args:
        threads: from `reading_threads`, for a caller that comes again; else they are made for
            this call alone.

    Raises:
        ValueError: there is no text.
    """
    if not len(tokens):
        raise ValueError("there is no text to read")
    batches = with_round_rest(token_batches(tokens.lengths, backend.tokens_per_batch))
    if threads is None and min(backend.workers, len(batches)) > 1:
        with reading_threads(backend) as threads:
            return encode_pooled(backend, tokens, threads=threads, progress=progress)

    def pool(batch: NDArray[np.int64]) -> NDArray[np.float32]:
        ids, mask = tokens.padded(batch)
        return backend.pool(ids.numpy(), mask.numpy())

    out: NDArray[np.float32] | None = None
    done = 0
    outputs = map(pool, batches) if threads is None else threads.map(pool, batches)
    for batch, pooled in zip(batches, outputs, strict=True):
        if out is None:
            out = np.empty((len(tokens), pooled.shape[1]), np.float32)
        out[batch] = pooled
        done += len(batch)
        progress("reading item texts", done, len(tokens))
    assert out is not None
    return out


@contextmanager
def reading_threads(backend: TextBackend) -> Iterator[Executor | None]:
    """Give as many threads as the backend has workers, which share out the cores; None for one.

    A batch on one thread waits for no other: half a matrix each costs more in waiting than it
    saves, above all on a machine that has other work. What a thread has asked of the allocators
    and of the libraries of products stays with the process, so a catalog has one set of them.
    """
    if backend.workers == 1:
        yield None
        return
    threads = torch.get_num_threads()
    share = max(threads // backend.workers, 1)
    # OpenMP keeps this number for each thread by itself, but MKL has one for all: left as it is,
    # every worker would ask for all cores where a program has set torch's threads before.
    pool = ThreadPoolExecutor(
        backend.workers, "read-texts", initializer=torch.set_num_threads, initargs=(share,)
    )
    try:
        with pool:
            yield pool
    finally:
        torch.set_num_threads(threads)
