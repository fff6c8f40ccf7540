"""Draining ends when nothing is left that is due: also when a body ends while the worker asks for more."""

from __future__ import annotations

import pytest

from aioqueue import Queue
from tests.huey.workday import Workday

pytestmark = pytest.mark.asyncio


async def test_draining_runs_every_retry_and_every_stage(queue: Queue, workday: Workday) -> None:
    @queue.task(retries=300)
    async def failing() -> None:
        raise ValueError("again")

    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    pipeline = add.s(0, 1).then(add, 1)
    for _ in range(100):
        pipeline = pipeline.then(add, 1)
    async with queue:
        result = await failing()
        await workday.work()
        assert await result.ready()
        results = await queue.enqueue(pipeline)
        await workday.work()
        assert await results.last.ready()
