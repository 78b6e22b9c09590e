"""A service's memory: what is always there isn't searched for circles, what is freed goes back."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from threading import Event
from threading import enumerate as running_threads

import pyarrow as pa
import pytest
from processes import output_of_python

from longtail.serving import heap, server
from longtail.serving.access import Keys
from longtail.serving.limits import Limits

# Six threads in turn leave a block of 1 MB standing among every fifty; the first block of all is
# large, so that an allocator that is told nothing takes the others from its heaps.
PROGRAM = """
import sys
from threading import Thread
import numpy as np
from longtail.serving.heap import keep_heap_small

told = sys.argv[1] == "told" and keep_heap_small()
kept = []

def work():
    del_me = np.ones(31 << 17)
    del del_me
    blocks = [np.ones(1 << 17) for _ in range(100)]
    kept.extend(blocks[49::50])

for _ in range(6):
    thread = Thread(target=work)
    thread.start()
    thread.join()
status = open("/proc/self/status").read().splitlines()
(line,) = [line for line in status if line.startswith("RssAnon")]
print(int(told), sum(int(block[0]) for block in kept), int(line.split()[1]) // 1024)
"""


def numbers_of(told: str) -> list[int]:
    """Return what the program says: whether glibc was told, blocks kept, and resident MB."""
    return [int(number) for number in output_of_python("-c", PROGRAM, told).split()]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_what_is_freed_among_what_is_kept_goes_back_to_the_system() -> None:
    told, kept, resident = numbers_of("told")
    if not told:
        pytest.skip("this C library can't be told")
    untold = numbers_of("untold")
    assert kept == untold[1] == 12
    assert resident < untold[2] / 2


def test_a_c_library_that_cannot_be_told_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap.ctypes, "CDLL", lambda _: object())
    assert not heap.keep_heap_small()
    assert heap.heap_trimmer() is None
    with heap.settled_heap():
        assert not [thread for thread in running_threads() if thread.name == "heap"]


def test_arrow_allocates_as_everybody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    pools: list[pa.MemoryPool] = []
    monkeypatch.setattr(heap.pa, "set_memory_pool", pools.append)
    heap.keep_heap_small()
    assert [pool.backend_name for pool in pools] == ["system"]


def test_free_pages_go_back_again_and_again_until_the_service_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trims: list[int] = []
    several = Event()

    def trim() -> None:
        trims.append(len(trims))
        if len(trims) == 3:
            several.set()

    monkeypatch.setattr(heap, "heap_trimmer", lambda: trim)
    with heap.settled_heap(trim_every_s=0.001):
        assert several.wait(60)
        (thread,) = [thread for thread in running_threads() if thread.name == "heap"]
    thread.join(60)
    assert not thread.is_alive()


def test_while_it_serves_the_engine_and_the_libraries_are_not_searched(
    run_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[int] = []

    def instead(*_: object, **__: object) -> None:
        searched.append(len(gc.get_objects()))

    monkeypatch.setattr(server._Server, "run", instead)
    before = len(gc.get_objects())
    server.serve(run_copy, "127.0.0.1", 0, Keys(), Limits(), lambda _: None)
    assert searched[0] < before / 100
    assert gc.get_freeze_count() == 0
