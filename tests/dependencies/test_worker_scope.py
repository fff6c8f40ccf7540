"""Values that live as long as the worker."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from typing import Any

import pytest

from aioqueue import Depends, Job, Queue, TaskException, Worker, current_job

pytestmark = pytest.mark.asyncio
Log = list[str]


async def test_one_is_made_for_all_jobs_and_closed_when_the_worker_stops(queue: Queue, log: Log) -> None:
    async def open_pool() -> AsyncIterator[str]:
        log.append("open")
        await asyncio.sleep(0.02)  # several jobs ask for it meanwhile
        yield "pool"
        log.append("close")

    @queue.task
    async def on_loop(pool: str = Depends(open_pool, scope="worker")) -> str:
        return pool

    @queue.task
    def in_thread(pool: str = Depends(open_pool, scope="worker")) -> str:
        return pool

    async with queue:
        async with queue.worker():
            assert log == []
            calls = [task.call() for task in (on_loop, in_thread) for _ in range(5)]
            assert await asyncio.gather(*calls) == ["pool"] * 10
            assert log == ["open"]
        assert log == ["open", "close"]


async def test_they_are_closed_in_the_reverse_order_before_the_shutdown_hooks(queue: Queue, log: Log) -> None:
    def settings() -> Iterator[str]:
        log.append("open settings")
        yield "settings"
        log.append("close settings")

    async def open_pool(settings: str = Depends(settings, scope="worker")) -> AsyncIterator[str]:
        log.append("open pool")
        yield f"pool by {settings}"
        log.append("close pool")

    async def session(pool: str = Depends(open_pool, scope="worker")) -> AsyncIterator[str]:
        log.append("open session")
        yield f"session of {pool}"
        log.append("close session")

    @queue.on_shutdown
    def bye() -> None:
        log.append("bye")

    @queue.task
    async def report(session: str = Depends(session)) -> str:
        return session

    async with queue, queue.worker():
        assert await report.call() == "session of pool by settings"
    opened = ["open settings", "open pool", "open session"]
    assert log == [*opened, "close session", "close pool", "close settings", "bye"]


async def test_the_job_that_asked_first_may_end_meanwhile(queue: Queue, log: Log) -> None:
    opening, go_on = asyncio.Event(), asyncio.Event()

    async def open_pool() -> AsyncIterator[str]:
        log.append("open")
        opening.set()
        await go_on.wait()
        yield "pool"
        log.append("close")

    @queue.task
    async def report(pool: str = Depends(open_pool, scope="worker")) -> str:
        return pool

    async with queue, queue.worker():
        first = await report()
        await opening.wait()
        second = await report()
        await first.cancel()
        go_on.set()
        assert await second == "pool"
    assert log == ["open", "close"]


async def test_one_that_cannot_be_opened_is_tried_again_by_the_next_job(queue: Queue, log: Log) -> None:
    async def open_pool() -> str:
        log.append("try")
        if len(log) == 1:
            raise OSError("not there yet")
        return "pool"

    @queue.task
    async def report(pool: str = Depends(open_pool, scope="worker")) -> str:
        return pool

    async with queue, queue.worker():
        with pytest.raises(TaskException, match="OSError: not there yet"):
            await report.call()
        assert await report.call() == "pool"
        assert await report.call() == "pool"
    assert log == ["try", "try"]


async def test_one_that_raises_when_it_is_closed_is_logged_and_the_others_are_closed(
    queue: Queue, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    def first() -> Iterator[str]:
        yield "first"
        log.append("closed")

    def failing(first: str = Depends(first, scope="worker")) -> Iterator[str]:
        yield "second"
        raise OSError("already gone")

    @queue.task
    async def report(a: str = Depends(failing, scope="worker")) -> str:
        return a

    with caplog.at_level(logging.ERROR, "aioqueue"):
        async with queue, queue.worker():
            await report.call()
    assert log == ["closed"]
    assert "failing raised when it was closed" in caplog.text
    assert "OSError: already gone" in caplog.text


async def test_a_worker_that_stops_gives_up_one_that_does_not_open(queue: Queue) -> None:
    opening, ended = asyncio.Event(), asyncio.Event()

    async def open_pool() -> str:
        opening.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return ""

    @queue.task
    async def report(pool: str = Depends(open_pool, scope="worker")) -> None: ...

    async with queue, asyncio.timeout(10):
        async with Worker(queue, shutdown_timeout=0):
            await report()
            await opening.wait()
        assert ended.is_set()


async def test_each_worker_has_its_own(queue: Queue, log: Log) -> None:
    def numbered() -> int:
        log.append("made")
        return len(log)

    @queue.task
    async def report(number: int = Depends(numbered, scope="worker")) -> int:
        return number

    async with queue:
        for expected in (1, 2):
            async with queue.worker():
                assert [await report.call(), await report.call()] == [expected, expected]


async def test_tasks_of_two_queues_share_it_in_one_worker(log: Log) -> None:
    one, other = Queue("memory://", name="one"), Queue("memory://", name="other")

    def made() -> int:
        log.append("made")
        return len(log)

    async def report(number: int = Depends(made, scope="worker")) -> int:
        return number

    tasks: list[Any] = [one.task(report), other.task(report)]
    async with one, other, Worker(one, other):
        assert [await task.call() for task in tasks] == [1, 1]


@pytest.mark.parametrize("where", ["loop", "thread"])
async def test_it_is_of_no_job(queue: Queue, where: str) -> None:
    def of_a_job() -> str:
        return current_job().id

    async def on_loop(id: str = Depends(of_a_job, scope="worker")) -> str:
        return id

    def in_thread(id: str = Depends(of_a_job, scope="worker")) -> str:
        return id

    task: Any = queue.task(on_loop if where == "loop" else in_thread)
    async with queue, queue.worker():
        with pytest.raises(TaskException, match="LookupError: no job is running here"):
            await task.call()


async def test_it_lives_in_the_context_of_the_worker(memory_queue: Queue, log: Log) -> None:
    where: ContextVar[str] = ContextVar("where")

    @memory_queue.pre_execute
    async def enter(job: Job[Any]) -> None:
        where.set(f"job {job.id}")

    async def open_pool() -> AsyncIterator[str]:
        yield where.get()
        log.append(where.get())

    @memory_queue.task
    async def report(pool: str = Depends(open_pool, scope="worker")) -> list[str]:
        return [pool, where.get()]

    where.set("worker")
    async with memory_queue, memory_queue.worker():
        result = await report()
        assert await result == ["worker", f"job {result.id}"]
    assert log == ["worker"]
