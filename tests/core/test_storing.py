"""What is stored of many jobs, and by a call whose queue is closed meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aioqueue import Queue
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
