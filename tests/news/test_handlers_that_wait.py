"""A handler may wait for other jobs of its own queue."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aioqueue import Job, Queue

pytestmark = pytest.mark.asyncio


async def test_a_handler_may_await_the_value_of_another_job() -> None:
    queue = Queue("memory://")
    told: asyncio.Queue[int] = asyncio.Queue()

    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    @queue.task
    async def first() -> int:
        return 1

    @queue.signal("complete")
    async def follow_up(signal: str, job: Job[Any]) -> None:
        if job.task_name == first.name:
            told.put_nowait(await add.call(5, 6))

    async with asyncio.timeout(10), queue, queue.worker():
        assert await first.call() == 1
        assert await told.get() == 11
