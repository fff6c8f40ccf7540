"""A running job that someone asked to cancel ends as cancelled, whatever its executor is at just then."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aioqueue import Job, JobState, Queue, Worker
from aioqueue.worker.executor import Executor
from aioqueue.worker.holdings import Holding
from tests.core.stores import eventually

pytestmark = pytest.mark.asyncio


async def is_running(queue: Queue) -> bool:
    return (await queue.counts())[JobState.RUNNING] > 0


async def test_before_the_first_step_of_its_body(memory_queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    @memory_queue.task
    async def body() -> None:
        pytest.fail("it runs although it was cancelled")

    start = Executor.start

    def start_and_cancel(executor: Executor, holding: Holding) -> None:
        start(executor, holding)
        holding.cancel()

    monkeypatch.setattr(Executor, "start", start_and_cancel)
    async with memory_queue as queue, queue.worker(concurrency=1):
        results = await body.map([()] * 5)  # each would hold the only slot for good
        for result in results:
            await eventually(result.ready)
            assert await result.state() is JobState.CANCELLED


async def test_while_another_try_is_told(queue: Queue) -> None:
    ran = 0
    told, go = asyncio.Event(), asyncio.Event()

    @queue.task(retries=1, retry_delay=0)
    async def body() -> None:
        nonlocal ran
        ran += 1
        raise ValueError("once")

    @queue.signal("retrying")
    async def hold(_signal: str, _job: Job[Any]) -> None:
        told.set()
        await go.wait()

    async with queue, queue.worker():
        result = await body()
        await told.wait()
        assert await result.cancel()
        holding_it = eventually(lambda: is_running(queue))
        await holding_it
        await asyncio.sleep(0.1)  # for the request to reach the worker, which sends no event
        go.set()
        await eventually(result.ready)
        assert await result.state() is JobState.CANCELLED
    assert ran == 1


async def test_when_its_worker_stops_before_it_has_ended(queue: Queue) -> None:
    began, asked, go = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @queue.task
    async def body() -> None:
        began.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            asked.set()
            await go.wait()

    async with queue:
        result = await body()
        worker = Worker(queue, shutdown_timeout=0)
        work = asyncio.create_task(worker.run())
        await began.wait()
        assert await result.cancel()
        await asked.wait()
        worker.stop()
        async with asyncio.timeout(5):
            await work
        assert await result.state() is JobState.CANCELLED
