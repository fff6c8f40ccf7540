"""`aioqueue_worker` gives workers of the test's own, on its loop."""

from __future__ import annotations

import asyncio

import pytest

from aioqueue import Queue, Worker
from aioqueue.testing.stores import StoreSwap
from aioqueue.testing.swapping import Swap
from aioqueue.testing.workers import Workers

pytestmark = pytest.mark.asyncio


async def test_it_runs_on_the_loop_of_the_test(
    queue: Queue, aioqueue_driver: StoreSwap, aioqueue_worker: Workers
) -> None:
    aioqueue_driver(queue)

    @queue.task
    async def where() -> bool:
        return asyncio.get_running_loop() is loop

    loop = asyncio.get_running_loop()
    async with aioqueue_worker(queue):
        assert await where.call()
    result = await where()
    await aioqueue_worker(queue).drain(raise_errors=True)
    assert await result


async def test_one_worker_may_drain_many_times_and_several_queues(
    aioqueue_memory: Swap, aioqueue_worker: Workers
) -> None:
    first, second, ran = Queue("memory://", name="a"), Queue("memory://", name="b"), []
    aioqueue_memory(first, second)

    @first.task
    async def one() -> None:
        ran.append(1)

    @second.task
    async def two() -> None:
        ran.append(2)

    worker = aioqueue_worker(first, second)
    for _ in range(2):
        await one()
        await two()
        await worker.drain(raise_errors=True)
    assert ran == [1, 2, 1, 2]


async def test_it_takes_the_options_of_a_worker(queue: Queue, aioqueue_worker: Workers) -> None:
    assert isinstance(aioqueue_worker(queue, concurrency=1, shutdown_timeout=0.1), Worker)
    with pytest.raises(ValueError, match="concurrency"):
        aioqueue_worker(queue, concurrency=0)


async def test_vanishing_needs_a_queue(aioqueue_worker: Workers) -> None:
    with pytest.raises(TypeError, match="at least one queue"):
        await aioqueue_worker.vanish()


async def test_who_vanishes_has_claimed_what_was_due_and_no_more(
    queue: Queue, aioqueue_driver: StoreSwap, aioqueue_worker: Workers
) -> None:
    aioqueue_driver(queue)

    @queue.task
    async def work() -> None: ...

    due, later = await work(), await work.options(delay=60)()
    await aioqueue_worker.vanish(queue)
    assert (await due.state(), await later.state()) == ("running", "scheduled")
