"""The safety poll behind the push, and the count of jobs after which a worker stops."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aioqueue import Queue, Worker
from aioqueue.worker.poll import Poll


def test_waits_are_long_until_there_is_a_doubt_and_grow_again_after_it() -> None:
    poll = Poll(1, 3, 1.5)
    assert [poll.next() for _ in range(2)] == [3, 3]
    poll.doubt()
    assert [poll.next() for _ in range(5)] == [1, 1.5, 2.25, 3, 3]
    poll.doubt()
    assert poll.starting().next() == 3


@pytest.mark.parametrize(
    ("delay", "max_delay", "backoff", "message"),
    [
        (0, 10, 1.15, "delay=0 must be above 0"),
        (11, 10, 1.15, "at most max_delay=10"),
        (-1, 10, 1.15, "delay"),
        (0.1, 10, 1, "backoff=1 must be above 1"),
        (0.1, 10, float("nan"), "backoff=nan"),
    ],
)
def test_waits_that_make_no_sense(delay: float, max_delay: float, backoff: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Poll(delay, max_delay, backoff)


@pytest.mark.parametrize("backoff", ["2", None], ids=repr)
def test_a_growth_that_is_no_number(backoff: Any) -> None:
    with pytest.raises(TypeError, match="backoff= takes a number"):
        Poll(0.1, 10, backoff)


@pytest.mark.asyncio
async def test_a_lost_push_is_made_good_by_the_poll(memory_queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """The enqueuer's wake-up is swallowed: only the worker's own look can find the job."""
    from aioqueue.drivers.memory.bell import Bell

    @memory_queue.task()
    async def one() -> int:
        return 1

    async with memory_queue.worker(delay=0.02, max_delay=0.05):
        monkeypatch.setattr(Bell, "ring", lambda self: None)
        assert await one.call() == 1


@pytest.mark.asyncio
async def test_a_worker_stops_after_as_many_jobs_as_it_is_to_run(queue: Queue) -> None:
    ran: list[int] = []

    @queue.task()
    async def one(number: int) -> None:
        ran.append(number)

    await one.map([(number,) for number in range(5)])
    await Worker(queue, concurrency=1, max_tasks=3).run()
    assert ran[:3] == [0, 1, 2]
    assert len(ran) < 5 or len(await queue.pending()) == 0
    await asyncio.wait_for(Worker(queue).drain(), 10)
    assert ran == [0, 1, 2, 3, 4]


@pytest.mark.asyncio
async def test_the_first_stop_of_a_worker_that_has_done_enough_lets_its_jobs_end(queue: Queue) -> None:
    begun, end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @queue.task()
    async def quick() -> None: ...

    @queue.task()
    async def long() -> None:
        begun.set()
        await end.wait()
        ended.set()

    await long()
    worker = Worker(queue, max_tasks=1)
    running = asyncio.create_task(worker.run())
    await begun.wait()
    await (await quick())
    worker.stop()
    end.set()
    await running
    assert ended.is_set()
