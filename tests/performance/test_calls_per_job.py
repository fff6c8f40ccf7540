"""How many calls Python makes for a job: pinned, so that no change makes every job dearer unseen.

The bounds are about a tenth above what was counted. Where a test fails, its message has the functions that are called
most: compare them with those of the commit before. If the change is worth the calls, raise the bound and say in the
commit what they buy; if a change saves more than a tenth, lower it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from aioqueue import Queue, Task, Worker
from tests.performance.counting import Calls, fewest

pytestmark = pytest.mark.asyncio

JOBS = 1_000
TRIPS = 100
BATCH = 100


@pytest_asyncio.fixture
async def queue() -> AsyncIterator[Queue]:
    """An open queue in memory."""
    async with Queue("memory://") as queue:
        yield queue


@pytest_asyncio.fixture
async def noop(queue: Queue) -> Task[[int], int]:
    """A task that does nothing, and has been done before."""

    @queue.task
    async def noop(number: int) -> int:
        return number

    await noop.map(range(BATCH))
    await drain(queue)
    return noop


async def drain(queue: Queue) -> None:
    """Run all that is there, a hundred at once."""
    await Worker(queue, concurrency=BATCH).drain()


async def test_a_call_among_many(noop: Task[[int], int]) -> None:
    async def call_all() -> list[Any]:
        return await asyncio.gather(*(noop(number) for number in range(JOBS)))

    stays_within(await fewest(call_all), JOBS, 97, "a call by one of many callers")


async def test_a_job_of_a_map(noop: Task[[int], int]) -> None:
    stays_within(await fewest(lambda: noop.map(range(JOBS))), JOBS, 47, "storing a job by map()")


async def test_a_job_that_a_worker_runs(queue: Queue, noop: Task[[int], int]) -> None:
    calls = await fewest(lambda: drain(queue), prepare=lambda: noop.map(range(JOBS)))
    stays_within(calls, JOBS, 200, "claiming, running and settling a job")


async def test_a_lone_call_and_its_value(queue: Queue, noop: Task[[int], int]) -> None:
    async def call_in_turn() -> None:
        for number in range(TRIPS):
            await noop.call(number)

    async with queue.worker(concurrency=BATCH):
        stays_within(await fewest(call_in_turn), TRIPS, 880, "a lone call, its job and its value")


def stays_within(calls: Calls, jobs: int, bound: float, what: str) -> None:
    """Fail where a job takes more calls than `bound`, or no more than half: then the bound guards nothing."""
    each = calls.total / jobs
    counted = f"{what}: {each:.1f} calls of functions a job; the bound is {bound}.\n{calls.busiest(jobs)}\n"
    assert each <= bound, (
        f"{counted}Something is done for every job that was not before: see above what is called most, do it once a "
        "batch or only where it is needed, or raise the bound here and say in the commit what it buys."
    )
    assert each > bound / 2, (
        f"{counted}That is less than half: lower the bound here, so that it guards what was gained."
    )
