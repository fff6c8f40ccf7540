"""Revoke and restore: jobs and tasks are kept from running, in the queue until their turn comes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aioqueue import JobState, Queue, Result, StoreUnavailable, TaskCancelled, TaskExpired, TaskLost, every
from aioqueue.drivers.base import Outcome, Verdict
from aioqueue.drivers.memory import MemoryDriver
from tests.core.stores import MakeQueue, eventually

pytestmark = pytest.mark.asyncio


async def is_dropped(result: Result[Any]) -> None:
    with pytest.raises(TaskCancelled) as caught:
        await result.get(timeout=5)
    assert caught.value.reason == "revoked"
    assert await result.state() is JobState.CANCELLED


async def from_now(queue: Queue, **time: float) -> datetime:
    now = await (await queue.session()).driver.now()
    return datetime.fromtimestamp(now, UTC) + timedelta(**time)


# ---------------------------------------------------------------- one job
@pytest.mark.parametrize("by", ["result", "id", "another queue"])
async def test_a_queued_job_is_revoked(queue: Queue, make_queue: MakeQueue, by: str) -> None:
    ran: list[int] = []

    @queue.task
    async def body(n: int) -> None:
        ran.append(n)

    async with queue, make_queue() as other:
        result, kept = await body(1), await body(2)
        handle = {"result": result, "id": body.result(result.id), "another queue": other.result(result.id)}[by]
        await handle.revoke()
        assert await handle.is_revoked()
        assert await result.is_revoked()
        assert not await kept.is_revoked()
        assert await result.state() is JobState.QUEUED  # it stands in the queue until a worker drops it
        async with queue.worker():
            await is_dropped(result)
            await kept.get(timeout=5)
    assert ran == [2]


async def test_a_restored_job_runs(queue: Queue, make_queue: MakeQueue) -> None:
    @queue.task
    async def body() -> int:
        return 1

    async with queue, make_queue() as other:
        result = await body()
        await result.revoke()
        assert await other.result(result.id).restore()
        assert not await result.restore()
        assert not await result.is_revoked()
        async with queue.worker():
            assert await result.get(timeout=5) == 1


async def test_a_scheduled_job_is_revoked_when_it_is_due(queue: Queue) -> None:
    @queue.task
    async def body() -> None: ...

    async with queue:
        result = await body.options(delay=60)()
        await result.revoke()
        assert await result.state() is JobState.SCHEDULED
        await (await queue.session()).driver.shift(61)
        async with queue.worker():
            await is_dropped(result)


async def test_revoking_a_running_job_changes_nothing(queue: Queue) -> None:
    began, end = asyncio.Event(), asyncio.Event()

    @queue.task
    async def body() -> int:
        began.set()
        await end.wait()
        return 1

    async with queue, queue.worker():
        result = await body()
        await asyncio.wait_for(began.wait(), 5)
        await result.revoke()
        end.set()
        assert await result.get(timeout=5) == 1


async def test_a_job_that_is_tried_again_is_revoked_then(queue: Queue) -> None:
    @queue.task(retries=1, retry_delay=60)
    async def body() -> None:
        raise ValueError

    async with queue:
        result = await body()
        async with queue.worker():

            async def is_scheduled() -> bool:
                return await result.state() is JobState.SCHEDULED

            await eventually(is_scheduled)
        await result.revoke()
        await (await queue.session()).driver.shift(100)
        async with queue.worker():
            await is_dropped(result)


async def test_a_job_stays_revoked_for_as_long_as_it_is_there(queue: Queue) -> None:
    @queue.task
    async def body(n: int) -> int:
        return n

    async with queue:
        driver = (await queue.session()).driver
        late = await body.options(delay=30 * 86_400)(1)
        stages = await queue.enqueue(body.options(delay=20 * 86_400).s(1).then(body).then(body))
        await late.revoke()
        await stages[1].revoke()
        for days in (8, 23):
            assert await late.is_revoked()
            assert await stages[1].is_revoked()
            await driver.shift(days * 86_400)
        async with queue.worker():
            await is_dropped(late)
            assert await stages[0].get(timeout=5) == 1
            await is_dropped(stages[1])
            await is_dropped(stages[2])
        assert not await late.is_revoked()  # the mark went with the job
        assert not await stages[1].restore()


# ---------------------------------------------------------------- a task
async def test_a_revoked_task_is_enqueued_and_dropped_until_it_is_restored(queue: Queue) -> None:
    ran: list[int] = []

    @queue.task
    async def body(n: int) -> int:
        ran.append(n)
        return n

    @queue.task
    async def another() -> int:
        return 0

    async with queue, queue.worker():
        await body.revoke()
        assert await body.is_revoked()
        assert not await another.is_revoked()
        assert await another.call() == 0
        first = await body(1)
        assert await first.is_revoked() or await first.state() is JobState.CANCELLED
        await is_dropped(first)
        await is_dropped(await body(2))
        assert await body.restore()
        assert not await body.restore()
        assert not await body.is_revoked()
        assert await body.call(3) == 3
    assert ran == [3]


async def test_a_task_is_revoked_until_a_time(queue: Queue) -> None:
    @queue.task
    async def body() -> int:
        return 1

    async with queue:
        driver = (await queue.session()).driver
        await body.revoke(revoke_until=await from_now(queue, minutes=10))
        async with queue.worker():
            await is_dropped(await body())
            await driver.shift(590)
            assert await body.is_revoked()
            await is_dropped(await body())
            await driver.shift(20)
            assert not await body.is_revoked()
            assert await body.call() == 1
            assert not await body.restore()


async def test_a_naive_time_is_local(queue: Queue) -> None:
    @queue.task
    async def body() -> None: ...

    async with queue:
        await body.revoke(revoke_until=datetime.now() - timedelta(seconds=5))  # noqa: DTZ005
        assert not await body.is_revoked()
        await body.revoke(revoke_until=datetime.now() + timedelta(seconds=60))  # noqa: DTZ005
        assert await body.is_revoked()


async def test_revoke_once_drops_exactly_one_and_looking_uses_nothing_up(queue: Queue) -> None:
    @queue.task
    async def body(n: int) -> int:
        return n

    async with queue:
        await body.revoke(revoke_once=True)
        for _ in range(3):
            assert await body.is_revoked()
        results = await body.map([1, 2, 3])
        async with queue.worker(concurrency=1):
            await is_dropped(results[0])
            assert [await one.get(timeout=5) for one in results[1:]] == [2, 3]
        assert not await body.is_revoked()


async def test_the_jobs_own_mark_goes_before_that_of_its_task(queue: Queue) -> None:
    @queue.task
    async def body(n: int) -> int:
        return n

    async with queue:
        first, second, third = await body(1), await body(2), await body(3)
        await body.revoke(revoke_once=True)
        await first.revoke()
        async with queue.worker(concurrency=1):
            await is_dropped(first)  # by its own mark: the task's is not used up
            await is_dropped(second)
            assert await third.get(timeout=5) == 3


async def test_revoking_again_replaces_the_mark(queue: Queue) -> None:
    @queue.task
    async def body() -> int:
        return 1

    async with queue:
        await body.revoke(revoke_once=True)
        await body.revoke()
        async with queue.worker():
            await is_dropped(await body())
            await is_dropped(await body())
            await body.revoke(revoke_once=True)
            await is_dropped(await body())
            assert await body.call() == 1


async def test_a_thread_task_is_revoked_the_same_way(queue: Queue) -> None:
    @queue.task
    def body() -> None:
        raise AssertionError("it is revoked")

    async with queue, queue.worker():
        await body.revoke()
        await is_dropped(await body())


async def test_a_revoked_periodic_task_is_enqueued_and_dropped(queue: Queue) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    @queue.periodic_task(every(seconds=0.1))
    async def beat() -> None: ...

    @queue.signal("revoked", "complete")
    def hear(signal: str, job: Any) -> None:
        heard.put_nowait(signal)

    async with queue:
        await beat.revoke()
        async with queue.worker():
            assert {await asyncio.wait_for(heard.get(), 5) for _ in range(3)} == {"revoked"}
            await beat.restore()
            async with asyncio.timeout(5):
                while await heard.get() != "complete":
                    pass


@pytest.mark.parametrize("bad", ["tomorrow", 5, timedelta(1)], ids=repr)
async def test_what_is_no_time_is_refused(memory_queue: Queue, bad: Any) -> None:
    @memory_queue.task
    async def body() -> None: ...

    async with memory_queue:
        with pytest.raises(TypeError, match="revoke_until"):
            await body.revoke(revoke_until=bad)
        assert not await body.is_revoked()


async def test_of_many_jobs_and_two_workers_a_once_revocation_stops_one(queue: Queue, make_queue: MakeQueue) -> None:
    other = make_queue()

    async def body(n: int) -> int:
        return n

    task = queue.task(name="body")(body)
    other.task(name="body")(body)
    async with queue, other:
        await task.revoke(revoke_once=True)
        results = await task.map(range(50))
        async with queue.worker(concurrency=10), other.worker(concurrency=10):
            ends = await asyncio.gather(*(result.get(timeout=10) for result in results), return_exceptions=True)
        assert sum(isinstance(end, TaskCancelled) for end in ends) == 1
        assert sum(isinstance(end, int) for end in ends) == 49
        assert not await task.is_revoked()


# ---------------------------------------------------------------- which run a mark that holds once prevents
async def test_a_job_that_no_worker_here_can_read_uses_nothing_up(queue: Queue, make_queue: MakeQueue) -> None:
    @queue.task(name="body")
    async def body() -> int:
        return 1

    async with queue, make_queue() as other:
        await body.revoke(revoke_once=True)
        result = await body()
        async with other.worker():

            async def is_put_back() -> bool:
                return await result.state() is JobState.SCHEDULED

            await eventually(is_put_back)
        assert await body.is_revoked()
        await (await queue.session()).driver.shift(60)
        async with queue.worker():
            await is_dropped(result)
            assert await body.call() == 1


async def test_a_job_that_would_not_run_anyway_uses_nothing_up(queue: Queue) -> None:
    @queue.task(max_deliveries=1)
    async def body(n: int) -> int:
        return n

    async with queue:
        driver = (await queue.session()).driver
        await driver.register("other", 30.0, b"")
        lost = await body(1)
        await driver.claim("other", 1, 1, 1)
        await driver.reap("other", 0)
        late = await body.options(expires=10)(2)
        await driver.shift(20)
        await body.revoke(revoke_once=True)
        async with queue.worker():
            with pytest.raises(TaskLost):
                await lost.get(timeout=5)
            with pytest.raises(TaskExpired):
                await late.get(timeout=5)
            assert await body.is_revoked()
            await is_dropped(await body(3))
            assert await body.call(4) == 4


async def test_a_revocation_for_good_is_not_used_up_by_a_job_claimed_under_one_that_held_once(queue: Queue) -> None:
    began, end = asyncio.Event(), asyncio.Event()

    @queue.task
    async def other(n: int) -> None:
        if n == 100:
            began.set()
            await end.wait()

    @queue.task
    async def body() -> None:
        raise AssertionError("it is revoked")

    async with queue, queue.worker(concurrency=1):
        await (await other.map(range(20)))  # short ones: the worker claims ahead from now on
        await body.revoke(revoke_once=True)
        _, kept = await queue.enqueue_all([other.s(100), body.s()])
        await asyncio.wait_for(began.wait(), 5)

        async def is_kept() -> bool:
            return await kept.state() is JobState.RUNNING

        await eventually(is_kept)
        await body.revoke()
        end.set()
        await is_dropped(kept)
        assert await body.is_revoked()


async def test_a_lost_reply_makes_no_second_use(memory_queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    settle, lost = MemoryDriver.settle, list[int]()

    async def settle_unheard(self: MemoryDriver, incarnation: str, outcomes: Sequence[Outcome]) -> list[Verdict]:
        verdicts = await settle(self, incarnation, outcomes)
        if not lost:
            lost.append(1)
            raise StoreUnavailable("the reply was lost")
        return verdicts

    monkeypatch.setattr(MemoryDriver, "settle", settle_unheard)

    @memory_queue.task
    async def body() -> int:
        return 1

    async with memory_queue, memory_queue.worker():
        await body.revoke(revoke_once=True)
        await is_dropped(await body())
        assert lost
        assert await body.call() == 1


async def test_a_time_long_past_revokes_nothing(queue: Queue) -> None:
    @queue.task
    async def body() -> int:
        return 1

    async with queue, queue.worker():
        for past in (datetime(1970, 1, 1, tzinfo=UTC), datetime(1960, 1, 1, tzinfo=UTC)):
            await body.revoke(revoke_until=past)
            assert not await body.is_revoked()
            assert await body.call() == 1
