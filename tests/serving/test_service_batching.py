"""Requests that come together are ranked together; the queue is bounded, and so is the wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest
from processes import LONGEST_WAIT_S
from service_client import PATIENT

from longtail.retrieval.ranking.query import Query
from longtail.serving.engine.batch_handler import Outcome
from longtail.serving.engine.batching import Batcher
from longtail.serving.engine.lane import Versions
from longtail.serving.http.http_errors import RefusedError
from longtail.serving.http.response_bodies import AnsweredList
from longtail.serving.limits import LARGEST_BATCH, Limits
from longtail.serving.metrics import Metrics


def answer_of(name: str | None) -> AnsweredList:
    return AnsweredList({"name": name}, name, [])


@dataclass
class SlowEngine:
    """Answers with the user's own name, when it is let; remembers every batch."""

    batches: list[list[str]] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    free: threading.Event = field(default_factory=threading.Event)
    meanwhile: dict[str, Callable[[], None]] = field(default_factory=dict)

    def __call__(
        self, queries: Sequence[Query], wanted: Callable[[int], bool]
    ) -> tuple[Versions, Iterable[list[tuple[int, Outcome]]]]:
        names = [query.user for query in queries]
        self.batches.append([str(name) for name in names])
        return {"index": f"v{len(self.batches)}", "model": "m"}, self._groups(names, wanted)

    def _groups(
        self, names: list[str | None], wanted: Callable[[int], bool]
    ) -> Iterator[list[tuple[int, Outcome]]]:
        assert self.free.wait(LONGEST_WAIT_S)
        if "bug" in names:
            raise ValueError("a bug")
        # Not in the order asked: groups are answered as they come.
        for place in reversed(range(len(names))):
            if not wanted(place):
                continue
            self.answered.append(str(names[place]))
            self.meanwhile.get(str(names[place]), lambda: None)()
            yield [(place, answer_of(names[place]))]


def ask(*names: str, k: int = 10) -> list[Query]:
    return [Query(user=name, k=k) for name in names]


HEAVY, MIDDLING = 1_000, 500


async def settled(*waiting: asyncio.Task[object]) -> list[object]:
    return await asyncio.gather(*waiting, return_exceptions=True)


def run(story, limits: Limits = PATIENT) -> SlowEngine:  # type: ignore[no-untyped-def]
    engine = SlowEngine()

    async def told() -> None:
        batcher = Batcher(engine, limits, Metrics())
        batcher.start()
        try:
            await story(batcher, engine)
        finally:
            engine.free.set()
            await batcher.close()

    asyncio.run(told())
    return engine


async def busy(batcher: Batcher, engine: SlowEngine) -> asyncio.Task[object]:
    """Let the engine work at something until it is freed."""
    first = asyncio.create_task(batcher.submit(ask("first")))
    while not engine.batches:
        await asyncio.sleep(0.001)
    return first


def test_what_arrives_while_the_engine_works_is_one_batch() -> None:
    async def story(batcher: Batcher, engine: SlowEngine) -> None:
        first = await busy(batcher, engine)
        others = [asyncio.create_task(batcher.submit(ask(name))) for name in "abc"]
        pair = asyncio.create_task(batcher.submit(ask("d", "e")))
        await asyncio.sleep(0)
        engine.free.set()
        await settled(first)
        assert [(await other)[1] for other in others] == [[answer_of(n)] for n in "abc"]
        assert await pair == ({"index": "v2", "model": "m"}, [answer_of("d"), answer_of("e")])

    assert run(story).batches == [["first"], ["a", "b", "c", "d", "e"]]


def test_a_batch_is_never_larger_than_the_largest() -> None:
    async def story(batcher: Batcher, engine: SlowEngine) -> None:
        first = await busy(batcher, engine)
        many = [asyncio.create_task(batcher.submit(ask(str(n)))) for n in range(300)]
        await asyncio.sleep(0)
        engine.free.set()
        await settled(first, *many)

    sizes = [len(batch) for batch in run(story).batches]
    assert sizes == [1, LARGEST_BATCH, LARGEST_BATCH, 300 - 2 * LARGEST_BATCH]


def test_a_full_queue_refuses_and_says_when_to_come_again() -> None:
    async def story(batcher: Batcher, engine: SlowEngine) -> None:
        first = await busy(batcher, engine)
        waiting = asyncio.create_task(batcher.submit(ask("a", "b")))
        await asyncio.sleep(0)
        with pytest.raises(RefusedError) as caught:
            await batcher.submit(ask("c"))
        assert (caught.value.status, caught.value.retry_after_s) == (429, 1)
        engine.free.set()
        await settled(first, waiting)
        await batcher.submit(ask("c"))

    run(story, replace(PATIENT, waiting=2))


def test_who_waits_too_long_gets_a_504_and_is_not_computed() -> None:
    async def story(batcher: Batcher, engine: SlowEngine) -> None:
        first = await busy(batcher, engine)
        with pytest.raises(RefusedError) as caught:
            await batcher.submit(ask("late"))
        assert caught.value.status == 504
        engine.free.set()
        await settled(first)

    assert run(story, replace(PATIENT, deadline_s=0.5)).batches == [["first"]]


def test_who_hangs_up_is_not_computed() -> None:
    async def story(batcher: Batcher, engine: SlowEngine) -> None:
        first = await busy(batcher, engine)
        gone = asyncio.create_task(batcher.submit(ask("gone")))
        await asyncio.sleep(0)
        gone.cancel()
        await settled(gone)
        engine.free.set()
        await settled(first)

    assert run(story).batches == [["first"]]


def test_a_bug_reaches_those_it_concerns_and_the_next_batch_is_answered() -> None:
    async def story(batcher: Batcher, engine: SlowEngine) -> None:
        engine.free.set()
        with pytest.raises(ValueError, match="a bug"):
            await batcher.submit(ask("bug"))
        assert (await batcher.submit(ask("a")))[1] == [answer_of("a")]

    run(story)


def test_closing_answers_what_waits_and_refuses_the_rest() -> None:
    async def story(batcher: Batcher, engine: SlowEngine) -> None:
        first = await busy(batcher, engine)
        waiting = asyncio.create_task(batcher.submit(ask("a")))
        await asyncio.sleep(0)
        closing = asyncio.create_task(batcher.close())
        await asyncio.sleep(0)
        with pytest.raises(RefusedError) as caught:
            await batcher.submit(ask("b"))
        assert caught.value.status == 503
        engine.free.set()
        await closing
        assert (await waiting)[1] == [answer_of("a")]
        await settled(first)

    run(story)


def test_what_is_light_does_not_wait_for_the_whole_of_what_is_heavy() -> None:
    async def story(batcher: Batcher, engine: SlowEngine) -> None:
        heavy = asyncio.create_task(batcher.submit(ask(*"abcdef", k=HEAVY)))
        while not engine.batches:
            await asyncio.sleep(0.001)
        light = asyncio.create_task(batcher.submit(ask("light")))
        await asyncio.sleep(0)
        engine.free.set()
        assert (await light)[1] == [answer_of("light")]
        assert (await heavy)[1] == [answer_of(name) for name in "abcdef"]

    # One group of the heavy batch was at hand already.
    assert run(story).answered == ["f", "light", *"edcba"]


def test_what_is_light_comes_between_any_two_groups() -> None:
    async def story(batcher: Batcher, engine: SlowEngine) -> None:
        loop, late = asyncio.get_running_loop(), []

        async def comes_late() -> None:
            late.append(asyncio.create_task(batcher.submit(ask("late"))))
            await asyncio.sleep(0)

        engine.meanwhile["middling"] = lambda: asyncio.run_coroutine_threadsafe(
            comes_late(), loop
        ).result(LONGEST_WAIT_S)
        heavy = asyncio.create_task(batcher.submit(ask(*"abc", k=HEAVY)))
        while not engine.batches:
            await asyncio.sleep(0.001)
        others = [ask("light"), ask("middling", k=MIDDLING)]
        waiting = [asyncio.create_task(batcher.submit(other)) for other in others]
        await asyncio.sleep(0)
        engine.free.set()
        await asyncio.gather(heavy, *waiting)
        await late[0]

    assert run(story).answered == ["c", "light", "middling", "late", "b", "a"]


def test_what_nobody_waits_for_any_more_stops_between_groups() -> None:
    async def story(batcher: Batcher, engine: SlowEngine) -> None:
        heavy = asyncio.create_task(batcher.submit(ask(*"abcdef", k=HEAVY)))
        while not engine.batches:
            await asyncio.sleep(0.001)
        heavy.cancel()
        await settled(heavy)
        engine.free.set()
        await batcher.submit(ask("light"))

    assert run(story).answered == ["light"]


def test_a_full_batch_waits_beside_others_where_there_is_any_room() -> None:
    async def story(batcher: Batcher, engine: SlowEngine) -> None:
        first = await busy(batcher, engine)
        waiting = []
        for names in ("ab", "cdefgh"):
            waiting.append(asyncio.create_task(batcher.submit(ask(*names, k=HEAVY))))
            await asyncio.sleep(0)
        with pytest.raises(RefusedError) as caught:
            await batcher.submit(ask("i", "j", k=HEAVY))
        assert caught.value.status == 429
        engine.free.set()
        await settled(first, *waiting)
        # What they had taken is there again.
        await batcher.submit(ask("i", "j", k=HEAVY))

    answered = run(story, replace(PATIENT, waiting=100)).answered
    assert sorted(answered[1:]) == [*"abcdefghij"]


def test_heavy_requests_take_no_room_from_light_ones() -> None:
    async def story(batcher: Batcher, engine: SlowEngine) -> None:
        first = await busy(batcher, engine)
        heavy = asyncio.create_task(batcher.submit(ask(*"abcdef", k=HEAVY)))
        await asyncio.sleep(0)
        with pytest.raises(RefusedError) as caught:
            await batcher.submit(ask(*"ghi", k=HEAVY))
        assert caught.value.status == 429
        light = asyncio.create_task(batcher.submit(ask("light")))
        await asyncio.sleep(0)
        engine.free.set()
        await settled(first)
        assert (await light)[1] == [answer_of("light")]
        assert len((await heavy)[1]) == 6

    run(story, replace(PATIENT, waiting=50))
