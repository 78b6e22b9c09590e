"""FAISS, imported when it is first needed, from exactly one wheel, with sane threads."""

from __future__ import annotations

import importlib
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from longtail.index.errors import FaissInstallationError

WHEELS = ("faiss-cpu", "faiss-gpu", "faiss-gpu-cu11", "faiss-gpu-cu12")

# FAISS 1.15 goes through BLAS only from 128,000 (queries x dimensions) on: 333 queries of 385
# dimensions. Measured on 12,000 vectors, one thread: 16 queries take 0.44 ms each without BLAS
# and 0.27 ms with it, 256 queries 0.42 and 0.12, and 4 queries 0.45 and 0.75.
BLAS_FROM = 3_072

# Waking another thread costs microseconds on an idle machine and up to 100 ms on a busy one, so
# each must have some 20 ms to do: one core makes 40 to 80 thousand million multiply-adds a second.
MULTIPLY_ADDS_PER_THREAD = 1_000_000_000

# What a core reads in about 10 ms. One core alone doesn't exhaust the memory's speed.
BYTES_PER_THREAD = 256 * 2**20

_loading = threading.Lock()
_faiss: Any = None


def load_faiss() -> Any:
    """Return the faiss module, imported and checked on the first call.

    Raises:
        FaissInstallationError: no FAISS is installed, or two of its wheels are; they hold the
            same files, so whichever came last has overwritten half of the other.
    """
    global _faiss
    if _faiss is None:
        with _loading:
            if _faiss is None:
                _check_wheels()
                with warnings.catch_warnings():
                    # Its SWIG types warn about a missing __module__ from Python 3.12 on.
                    warnings.simplefilter("ignore", DeprecationWarning)
                    try:
                        faiss = importlib.import_module("faiss")
                    # RuntimeError: the GPU wheel without the CUDA libraries it depends on.
                    except (ImportError, RuntimeError) as error:
                        reason = " ".join(str(error).split())
                        extra = "gpu" if any("gpu" in name for name in _installed()) else "cpu"
                        raise FaissInstallationError(
                            f"FAISS is installed but can't be imported ({reason}); run "
                            f'`pip install --force-reinstall "longtail[{extra}]"`'
                        ) from error
                faiss.cvar.distance_compute_blas_threshold = BLAS_FROM
                _faiss = faiss
    return _faiss


def faiss_wheel() -> str | None:
    """Return the installed FAISS wheel and its version, e.g. ``faiss-cpu 1.15.1``, or None.

    Two wheels at once are named together: ``faiss-cpu 1.15.1, faiss-gpu 1.15.1``.
    """
    return ", ".join(f"{name} {number}" for name, number in _installed().items()) or None


def gpu_count() -> int:
    """Return how many GPUs this FAISS can use; 0 with the CPU wheel or without a device."""
    faiss = load_faiss()
    return int(faiss.get_num_gpus()) if hasattr(faiss, "StandardGpuResources") else 0


def threads_for(n_queries: int, n_vectors: int, dim: int, available: int) -> int:
    """Return how many threads a flat search of this size should use.

    >>> threads_for(1, 1_000_000, 385, available=8)
    1
    >>> threads_for(64, 12_000, 385, available=8)
    1
    >>> threads_for(256, 1_000_000, 385, available=8)
    8
    """
    threads = n_queries * n_vectors * dim // MULTIPLY_ADDS_PER_THREAD
    return max(1, min(available, n_queries, threads))


def reading_threads(n_bytes: int) -> int:
    """Return how many of the caller's threads should share the reading of so many bytes."""
    available = int(load_faiss().omp_get_max_threads())
    return max(1, min(available, n_bytes // BYTES_PER_THREAD))


@contextmanager
def exactly_threads(chosen: int) -> Iterator[None]:
    """Give the calling thread's FAISS calls this many OpenMP threads; restore after."""
    faiss = load_faiss()
    before = int(faiss.omp_get_max_threads())
    if chosen == before:
        yield
        return
    faiss.omp_set_num_threads(chosen)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


@contextmanager
def search_threads(n_queries: int, n_vectors: int, dim: int) -> Iterator[int]:
    """Give the calling thread's searches as many OpenMP threads as pay; restore after.

    The setting belongs to the calling thread alone: every worker of a server needs its own.
    Never more threads than the caller had, so OMP_NUM_THREADS is kept.
    """
    chosen = threads_for(n_queries, n_vectors, dim, int(load_faiss().omp_get_max_threads()))
    with exactly_threads(chosen):
        yield chosen


def _installed() -> dict[str, str]:
    versions = {}
    for name in WHEELS:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def _check_wheels() -> None:
    wheels = _installed()
    if len(wheels) > 1:
        names = " ".join(wheels)
        raise FaissInstallationError(
            f"{' and '.join(wheels)} are both installed and overwrite one another; run "
            f'`pip uninstall -y {names}`, then `pip install "longtail[cpu]"` or "longtail[gpu]"'
        )
    # A FAISS from conda or from source has no wheel of these names; it is as good.
    if not wheels and find_spec("faiss") is None:
        raise FaissInstallationError(
            'FAISS is not installed; run `pip install "longtail[cpu]"` '
            '(or "longtail[gpu]" on a machine with a CUDA GPU)'
        )
