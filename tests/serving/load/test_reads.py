"""Reads wait in a bounded queue, and who is late is not read for."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest
from processes import LONGEST_WAIT_S
from service_client import PATIENT

from longtail.serving.engine.reads import Reads
from longtail.serving.http.http_errors import RefusedError
from longtail.serving.limits import MOST_READS


def test_reads_beyond_the_queue_are_refused_and_late_ones_not_read() -> None:
    read: list[int] = []
    begun, free = threading.Event(), threading.Event()

    async def story() -> None:
        reads = Reads(replace(PATIENT, deadline_s=0.5))

        @reads.queued
        def number(wanted: int) -> dict[str, int]:
            read.append(wanted)
            begun.set()
            assert free.wait(LONGEST_WAIT_S)
            return {"number": wanted}

        waiting = [asyncio.create_task(number(n)) for n in range(MOST_READS)]
        await asyncio.to_thread(begun.wait, LONGEST_WAIT_S)
        with pytest.raises(RefusedError) as caught:
            await number(MOST_READS)
        assert caught.value.status == 429
        late = await asyncio.gather(*waiting, return_exceptions=True)
        assert {error.status for error in late if isinstance(error, RefusedError)} == {504}
        free.set()
        assert (await number(99)).body == b'{"number":99}'
        reads.close()

    asyncio.run(story())
    assert read == [0, 99]
