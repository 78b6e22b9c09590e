"""The memory of the process: what is there to stay, and what is given back."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Event, Thread

import pyarrow as pa

# Of glibc's `mallopt` (malloc.h).
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
MAPPED_BYTES, ARENAS = 512 * 1024, 2
TRIM_EVERY_S = 30.0


def keep_heap_small() -> bool:
    """Let the allocator give back what is freed; return whether the C library can be told.

    Call it before the process has threads. glibc keeps a heap for each thread, each as large as
    the most that the thread ever held; and once a large block was freed it takes all of its size
    from there, where answers and versions of all sizes leave holes. Here two heaps are shared, and
    blocks from 512 KiB have memory of their own, which goes back when they are freed. Arrow, whose
    own allocator keeps what a version of the catalog took, allocates as everybody else.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        # Other C libraries, macOS, Windows.
        return False
    mallopt.argtypes, mallopt.restype = [ctypes.c_int, ctypes.c_int], ctypes.c_int
    told = [mallopt(_M_MMAP_THRESHOLD, MAPPED_BYTES), mallopt(_M_ARENA_MAX, ARENAS)]
    return all(told)


@contextmanager
def settled_heap(trim_every_s: float = TRIM_EVERY_S) -> Generator[None, None, None]:
    """Leave what is there now alone, and give back what is freed beside it from now on.

    Python's search for circles passes by what is there: libraries and their models are a million
    objects, each look at all of them keeps the whole service waiting for a third of a second, and
    large answers call for one every few.
    """
    ended = Event()
    if trim := heap_trimmer():
        Thread(target=_trimming, args=(trim, ended, trim_every_s), daemon=True, name="heap").start()
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        ended.set()
        gc.unfreeze()


def heap_trimmer() -> Callable[[], object] | None:
    """Return what gives the free pages of all heaps back, None where the C library can't.

    glibc's ``malloc_trim`` takes some milliseconds, and Python goes on meanwhile.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
    trim.argtypes, trim.restype = [ctypes.c_size_t], ctypes.c_int
    return lambda: trim(0)


def _trimming(trim: Callable[[], object], ended: Event, every_s: float) -> None:
    while not ended.wait(every_s):
        trim()
