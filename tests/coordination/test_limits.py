"""Semaphores and rate limits: several at a time, or so many in a time."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from aioqueue import JobState, Queue, RateLimitExceeded, TaskException, TaskLockedException
from tests.core.stores import MakeQueue, eventually

pytestmark = pytest.mark.asyncio


# ---------------------------------------------------------------- semaphores
async def test_a_semaphore_has_so_many_places(queue: Queue, make_queue: MakeQueue) -> None:
    async with queue, make_queue() as other:
        async with queue.semaphore("s", 2), other.semaphore("s", 2):
            with pytest.raises(TaskLockedException):
                async with queue.semaphore("s", 2):
                    pass
            assert await queue.is_locked("s")
        async with queue.semaphore("s", 2):
            pass
        assert not await queue.is_locked("s")


async def test_one_semaphore_object_holds_several_places(queue: Queue) -> None:
    async with queue:
        semaphore = queue.semaphore("s", 2)
        async with semaphore, semaphore:
            with pytest.raises(TaskLockedException):
                async with semaphore:
                    pass
        assert not await queue.is_locked("s")


async def test_at_most_so_many_bodies_run_at_once(queue: Queue) -> None:
    running = most = 0
    three = asyncio.Barrier(3)

    @queue.task(retries=1_000, retry_delay=0.01)
    @queue.semaphore("s", 3)
    async def body() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await three.wait()
        running -= 1

    async with queue, queue.worker(concurrency=20):
        await (await body.map([()] * 15)).get(timeout=20)
    assert most == 3


async def test_a_name_that_depends_on_the_arguments_makes_places_per_key(queue: Queue) -> None:
    began: asyncio.Queue[str] = asyncio.Queue()
    end = asyncio.Event()

    @queue.task
    @queue.semaphore(lambda user: f"user:{user}", 1)
    async def body(job: int, user: str) -> str:
        began.put_nowait(user)
        await end.wait()
        return user

    async with queue, queue.worker():
        first, second = await body(1, "ann"), await body(2, user="bob")
        assert {await asyncio.wait_for(began.get(), 5) for _ in range(2)} == {"ann", "bob"}
        assert await queue.is_locked("user:ann")
        with pytest.raises(TaskLockedException, match="user:ann"):
            await (await body(3, "ann")).get(timeout=5)
        end.set()
        assert [await one.get(timeout=5) for one in (first, second)] == ["ann", "bob"]


async def test_a_name_may_depend_on_an_argument_that_was_left_to_its_default(queue: Queue) -> None:
    @queue.task
    @queue.lock_task(lambda user: f"user:{user}")
    async def body(user: str = "ann") -> bool:
        return await queue.is_locked("user:ann")

    async with queue, queue.worker():
        assert await (await body()).get(timeout=5)


async def test_a_name_that_is_none_fails_that_job(queue: Queue) -> None:
    bad: Any = lambda n: n  # noqa: E731

    @queue.task
    @queue.lock_task(bad)
    async def body(n: int) -> int:
        return n

    async with queue, queue.worker():
        with pytest.raises(TaskException, match="name of 1 to 200"):
            await (await body(5)).get(timeout=5)


async def test_a_name_that_depends_on_arguments_works_as_a_decorator_only(queue: Queue) -> None:
    async with queue:
        with pytest.raises(TypeError, match="decorator"):
            async with queue.lock_task(lambda user: user):
                pass
        with pytest.raises(TypeError):
            async with queue.rate_limit(lambda user: user, 1, 1):
                pass


@pytest.mark.parametrize("limit", [0, -1, "2", None, 1.5, True])
async def test_a_limit_is_a_whole_number_of_at_least_one(memory_queue: Queue, limit: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="limit"):
        memory_queue.semaphore("s", limit)
    with pytest.raises((TypeError, ValueError), match="limit"):
        memory_queue.rate_limit("s", limit, 1)


# ---------------------------------------------------------------- rate limits
async def used(queue: Queue, limit: int, per: float) -> bool:
    try:
        async with queue.rate_limit("r", limit, per):
            return True
    except RateLimitExceeded as error:
        assert error.reason == "rate-limited"
        return False


async def test_no_window_wherever_it_starts_sees_more_than_the_limit(queue: Queue, make_queue: MakeQueue) -> None:
    async with queue, make_queue() as other:
        driver = (await queue.session()).driver
        assert await used(queue, 3, 100)
        await driver.shift(90)
        assert [await used(one, 3, 100) for one in (queue, other, queue, other)] == [True, True, False, False]
        await driver.shift(11)  # the first use is out of the window, the two at its edge are not
        assert [await used(other, 3, 100) for _ in range(3)] == [True, False, False]
        await driver.shift(80)
        assert not await used(queue, 3, 100)
        await driver.shift(11)
        assert [await used(queue, 3, 100) for _ in range(3)] == [True, True, False]


async def test_many_at_once_use_exactly_the_limit(queue: Queue, make_queue: MakeQueue) -> None:
    async with queue, make_queue() as other:
        answers = await asyncio.gather(*(used(one, 7, 100) for one in (queue, other) * 20))
        assert answers.count(True) == 7


async def test_a_refusal_uses_nothing(queue: Queue) -> None:
    async with queue:
        driver = (await queue.session()).driver
        assert await used(queue, 1, 100)
        for _ in range(9):
            await driver.shift(11)
            assert not await used(queue, 1, 100)
        await driver.shift(11)
        assert await used(queue, 1, 100)


async def test_jobs_over_the_limit_are_cancelled_or_wait_with_their_retries(queue: Queue) -> None:
    ran: list[int] = []

    @queue.task
    @queue.rate_limit("r", 2, timedelta(seconds=100))
    async def body(n: int) -> int:
        ran.append(n)
        return n

    @queue.task(retries=1, retry_delay=200)
    @queue.rate_limit("r", 2, 100)
    async def patient(n: int) -> int:
        ran.append(n)
        return n

    async with queue:
        async with queue.worker(concurrency=1):
            assert [await body.call(n) for n in range(2)] == [0, 1]
            late = await body(2)
            with pytest.raises(RateLimitExceeded, match="'r'") as caught:
                await late.get(timeout=5)
            assert (caught.value.reason, await late.state()) == ("rate-limited", JobState.CANCELLED)
            waits = await patient(3)

            async def is_scheduled() -> bool:
                return await waits.state() is JobState.SCHEDULED

            await eventually(is_scheduled)
        await (await queue.session()).driver.shift(400)
        async with queue.worker():
            assert await waits.get(timeout=5) == 3
    assert ran == [0, 1, 3]


async def test_a_rate_limit_per_key(queue: Queue) -> None:
    @queue.task
    @queue.rate_limit(lambda user: f"user:{user}", 1, 100)
    def body(user: str) -> str:
        return user

    async with queue, queue.worker():
        assert [await body.call(user) for user in ("ann", "bob")] == ["ann", "bob"]
        with pytest.raises(RateLimitExceeded, match="user:ann"):
            await body.call("ann")


@pytest.mark.parametrize("per", [0, -1, "1", None, float("nan")])
async def test_a_rate_limit_needs_a_time(memory_queue: Queue, per: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="per"):
        memory_queue.rate_limit("r", 1, per)
