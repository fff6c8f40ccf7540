"""What is stored of many jobs, and by a call whose queue is closed meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from aioqueue import ConfigurationError, Job, JobState, Queue, chord, group
from tests.core.stores import MakeQueue

pytestmark = pytest.mark.asyncio


async def test_a_call_outlives_the_close_of_the_opening_that_it_waited_for(make_queue: MakeQueue) -> None:
    queue = make_queue()

    @queue.task
    async def double(n: int) -> int:
        return 2 * n

    async def open_and_close() -> None:
        await queue.session()
        await queue.close()

    async with asyncio.timeout(20):
        opening, calling = asyncio.create_task(open_and_close()), asyncio.create_task(double.call(4))
        await opening
        async with queue, queue.worker():
            assert await calling == 8


async def test_nothing_of_a_list_with_something_else_in_it_is_stored(make_queue: MakeQueue) -> None:
    queue = make_queue()

    @queue.task
    async def body(n: int) -> int:
        return n

    jobs: list[Any] = [*(body.s(n) for n in range(600)), None]
    async with queue:
        with pytest.raises(TypeError, match=r"task\.s"):
            await queue.enqueue_all(jobs)
        assert (await queue.counts())["queued"] == 0


async def test_many_jobs_are_one_life_of_a_worker_in_immediate_mode() -> None:
    queue, started = Queue("memory://", immediate=True), 0

    @queue.on_startup
    def start() -> None:
        nonlocal started
        started += 1

    @queue.task
    async def body(n: int) -> int:
        return n

    async with queue:
        assert await (await body.map(range(600))) == list(range(600))
    assert started == 1


async def test_jobs_of_another_queue_are_refused_on_each_way_in(make_queue: MakeQueue) -> None:
    queue, other = make_queue(), Queue("memory://")

    @queue.task
    async def body(n: int) -> int:
        return n

    @other.task
    async def of_the_other(n: Any) -> int:
        return n

    jobs = [body.s(1), of_the_other.s(1), body.s(2)]
    ways: list[Callable[[], Awaitable[object]]] = [
        lambda: queue.enqueue(jobs[1]),
        lambda: queue.enqueue(group(jobs)),
        lambda: queue.enqueue(chord(jobs[1:2], of_the_other)),
        lambda: queue.enqueue_all(jobs),
        lambda: queue.enqueue_all(iter(jobs)),
    ]
    async with queue:
        for way in ways:
            with pytest.raises(ConfigurationError, match="calls a task that this queue does not have"):
                await way()
        assert await queue.pending() == []


@pytest.mark.parametrize("wrong", [None, "job of the other", OSError("the file has ended")], ids=repr)
async def test_what_an_iterator_gave_before_an_error_is_stored_and_told_of(
    make_queue: MakeQueue, wrong: object
) -> None:
    queue, other = make_queue(), Queue("memory://")
    told: list[str] = []

    @queue.task
    async def body(n: int) -> int:
        return n

    @other.task
    async def of_the_other(n: int) -> int:
        return n

    @queue.signal("enqueued")
    def tell(_: object, job: Job[Any]) -> None:
        told.append(job.id)

    def jobs() -> Iterator[Any]:
        for n in range(600):
            yield body.options(id=f"job-{n}").s(n)
        if isinstance(wrong, Exception):
            raise wrong
        yield of_the_other.s(1) if wrong else wrong

    async with queue:
        with pytest.raises((TypeError, ConfigurationError, OSError), match=r"task\.s|does not have|has ended"):
            await queue.enqueue_all(jobs())
        assert told == [f"job-{n}" for n in range(500)]
        assert (await queue.counts())[JobState.QUEUED] == 500


async def test_the_steps_that_were_stored_beside_one_that_failed_are_told_of(
    memory_queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []

    @memory_queue.task
    async def body(n: int) -> int:
        return n

    @memory_queue.signal("enqueued")
    def tell(_: object, job: Job[Any]) -> None:
        told.append(int(job.id))

    async with memory_queue:
        driver = (await memory_queue.session()).driver
        enqueue, calls = driver.enqueue, 0

        async def failing_once(jobs: Any, chords: Any = ()) -> Any:
            nonlocal calls
            calls += 1
            if calls == 2:
                raise ValueError("no room")
            return await enqueue(jobs, chords)

        monkeypatch.setattr(driver, "enqueue", failing_once)
        with pytest.raises(ValueError, match="no room"):
            await memory_queue.enqueue_all([body.options(id=str(n)).s(n) for n in range(1_500)])
        assert told == [*range(250), *range(500, 1_000)]
        assert (await memory_queue.counts())[JobState.QUEUED] == 750


async def test_what_was_stored_before_an_error_runs_in_immediate_mode() -> None:
    queue, ran = Queue("memory://", immediate=True), 0

    @queue.task
    async def body(n: int) -> None:
        nonlocal ran
        ran += 1

    def jobs() -> Iterator[Job[None]]:
        for n in range(600):
            yield body.s(n)
        raise OSError("the file has ended")

    async with queue:
        with pytest.raises(OSError, match="the file has ended"):
            await queue.enqueue_all(jobs())
        assert ran == 500
