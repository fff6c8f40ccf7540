"""A worker that cannot renew its lease in time stops what it can, starts nothing, and goes on when it can."""

from __future__ import annotations

import asyncio
import threading
import uuid
from functools import partial
from typing import Any, cast

import pytest

from aioqueue import Queue
from aioqueue.drivers.base import Driver
from aioqueue.errors import StoreUnavailable
from tests.core.stores import eventually

pytestmark = pytest.mark.asyncio

LEASE = 0.6
NOBODY: frozenset[str] = frozenset()
RENEWING = frozenset({"renew"})
ALL = frozenset({"renew", "claim", "claim_when_woken", "settle", "release", "leases", "wait", "claims"})


class Distant(Queue):
    """A queue whose workers' drivers fail at the operations in `unreachable`."""

    def __init__(self) -> None:
        super().__init__(f"memory://{uuid.uuid4().hex}")
        self.unreachable = NOBODY

    def driver(self) -> Driver:
        return cast("Driver", _Distant(super().driver(), self))


class _Distant:
    def __init__(self, driver: Driver, queue: Distant) -> None:
        self._driver = driver
        self._queue = queue

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._driver, name)
        return partial(self._call, name, operation) if name in ALL else operation

    async def _call(self, name: str, operation: Any, *arguments: Any) -> Any:
        if name in self._queue.unreachable:
            raise StoreUnavailable("out of reach")
        return await operation(*arguments)


async def test_a_coroutine_is_stopped_in_time_and_runs_again_uncounted(caplog: pytest.LogCaptureFixture) -> None:
    queue = Distant()
    started: list[None] = []
    stopped = asyncio.Event()

    @queue.task(max_deliveries=1)  # so that one delivery that was counted would be the end of it
    async def wait() -> str:
        started.append(None)
        try:
            await asyncio.sleep(60 if len(started) == 1 else 0)
        finally:
            stopped.set()
        return "done"

    async with queue, queue.worker(lease=LEASE):
        result = await wait()
        await eventually(lambda: len(started) == 1)
        queue.unreachable = ALL
        async with asyncio.timeout(LEASE):
            await stopped.wait()
        await asyncio.sleep(LEASE)
        assert len(started) == 1
        queue.unreachable = NOBODY
        assert await result.get(10) == "done"
    assert len(started) == 2
    assert "1 body stopped, 0 threads left running" in caplog.text


async def test_what_ended_is_settled_and_a_thread_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    queue = Distant()
    runs: list[str] = []
    let_go, is_running = threading.Event(), threading.Event()

    @queue.task
    def block() -> str:
        runs.append("thread")
        is_running.set()
        let_go.wait(10)
        return "thread"

    @queue.task
    async def end() -> str:
        runs.append("coroutine")
        queue.unreachable = ALL
        return "coroutine"

    async with queue, queue.worker(lease=LEASE) as worker:
        thread = await block()
        assert await asyncio.to_thread(is_running.wait, 5)
        ended = await end()
        await eventually(lambda: "cut off" in caplog.text)
        let_go.set()
        await asyncio.sleep(LEASE)
        queue.unreachable = NOBODY
        assert await thread.get(10) == "thread"
        assert await ended.get(10) == "coroutine"
        assert worker.abandoned_threads == 0
    assert sorted(runs) == ["coroutine", "thread"]
    assert "0 bodies stopped, 1 thread left running" in caplog.text


async def test_nothing_starts_while_the_lease_cannot_be_renewed(caplog: pytest.LogCaptureFixture) -> None:
    queue = Distant()
    started = asyncio.Event()

    @queue.task
    async def note() -> None:
        started.set()

    async with queue, queue.worker(lease=LEASE):
        queue.unreachable = RENEWING
        await eventually(lambda: "cut off" in caplog.text)
        result = await note()
        await asyncio.sleep(LEASE)
        assert not started.is_set()
        queue.unreachable = NOBODY
        await result.get(10)


async def test_a_body_that_will_not_end_keeps_its_job(caplog: pytest.LogCaptureFixture) -> None:
    queue = Distant()
    runs: list[None] = []
    let_go = asyncio.Event()

    @queue.task
    async def stay() -> str:
        runs.append(None)
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue
        return "stayed"

    async with queue, queue.worker(lease=LEASE):
        result = await stay()
        await eventually(lambda: bool(runs))
        queue.unreachable = ALL
        await eventually(lambda: "cut off" in caplog.text)
        queue.unreachable = NOBODY
        await asyncio.sleep(LEASE)
        let_go.set()
        assert await result.get(10) == "stayed"
    assert len(runs) == 1
