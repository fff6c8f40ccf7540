"""Pause and resume, other due times, dead letters."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aioqueue import DeadLetter, Job, JobState, Queue, TaskException, TaskLost, Worker
from aioqueue.drivers.base import Driver
from tests.core.stores import MakeQueue, eventually

pytestmark = pytest.mark.asyncio


async def claimed_by_a_dead_worker(driver: Driver, jobs: int = 1) -> None:
    """Have an incarnation claim the next jobs and be reaped."""
    incarnation = uuid.uuid4().hex
    await driver.register(incarnation, 30.0, b"")
    assert len((await driver.claim(incarnation, 1, jobs, 1)).jobs) == jobs
    lease = next(one for one in await driver.leases() if one.incarnation == incarnation)
    assert await driver.reap(incarnation, lease.counter) == jobs


# ---------------------------------------------------------------- pause and resume
async def test_a_paused_queue_starts_no_jobs_until_it_is_resumed(queue: Queue, make_queue: MakeQueue) -> None:
    began, end = asyncio.Queue[int](), asyncio.Event()

    @queue.task
    async def body(n: int) -> int:
        began.put_nowait(n)
        await end.wait()
        return n

    async with queue, make_queue() as other, queue.worker(concurrency=1):
        running = await body(1)
        assert await asyncio.wait_for(began.get(), 5) == 1
        await other.pause()
        end.set()
        assert await running.get(timeout=5) == 1  # it goes on
        waiting = await body(2)
        await Worker(other).drain()  # it has asked for jobs and was given none
        assert await waiting.state() is JobState.QUEUED
        assert began.empty()
        await other.resume()
        assert await waiting.get(timeout=5) == 2


async def test_a_paused_queue_keeps_scheduled_jobs_and_their_order(queue: Queue) -> None:
    ran: list[int] = []

    @queue.task
    async def body(n: int) -> int:
        ran.append(n)
        return n

    async with queue:
        await queue.pause()
        late = await body.options(delay=60)(3)
        for n in (1, 2):
            await body(n)
        await (await queue.session()).driver.shift(61)
        await queue.resume()
        await queue.pause()
        await queue.resume()
        async with queue.worker(concurrency=1):
            assert await late.get(timeout=5) == 3
    assert ran == [1, 2, 3]


# ---------------------------------------------------------------- due times
async def test_a_scheduled_job_is_given_a_sooner_or_later_time(queue: Queue) -> None:
    @queue.task
    async def body(n: int) -> int:
        return n

    async with queue:
        driver = (await queue.session()).driver
        sooner, later = await body.options(delay=1_000)(1), await body.options(delay=10)(2)
        assert await sooner.reschedule(delay=10) is sooner
        now = datetime.fromtimestamp(await driver.now(), UTC)
        await queue.result(later.id).reschedule(eta=now + timedelta(seconds=1_000))
        assert [job.id for job in await queue.scheduled()] == [sooner.id, later.id]
        await driver.shift(20)
        async with queue.worker():
            assert await sooner.get(timeout=5) == 1
            assert await later.state() is JobState.SCHEDULED
            await later.reschedule(delay=0)
            assert await later.get(timeout=5) == 2


async def test_a_sooner_time_wakes_a_waiting_worker(queue: Queue, make_queue: MakeQueue) -> None:
    @queue.task
    async def body() -> int:
        return 1

    async with queue, make_queue() as other, queue.worker():
        result = await body.options(delay=1_000)()
        await other.result(result.id).reschedule(delay=timedelta(milliseconds=10))
        assert await result.get(timeout=5) == 1


async def test_a_stage_that_waits_for_another_has_no_time_to_change(queue: Queue) -> None:
    @queue.task
    async def body(n: int) -> int:
        return n

    async with queue:
        stages = await queue.enqueue(body.options(delay=60).s(1).then(body))
        with pytest.raises(ValueError, match="waits for another job to end: only a scheduled job"):
            await stages.last.reschedule(delay=5)


async def test_only_a_scheduled_job_has_a_time_to_change(queue: Queue) -> None:
    @queue.task
    async def body() -> None: ...

    async with queue:
        result = await body()
        with pytest.raises(ValueError, match="queued"):
            await result.reschedule(delay=5)
        async with queue.worker():
            await result.get(timeout=5)
        with pytest.raises(ValueError, match="succeeded"):
            await result.reschedule(delay=5)
        with pytest.raises(ValueError, match="unknown"):
            await queue.result("nobody").reschedule(delay=5)


@pytest.mark.parametrize(
    ("when", "error"),
    [
        ({"delay": -1}, ValueError),
        ({"delay": float("nan")}, ValueError),
        ({"delay": "soon"}, TypeError),
        ({"eta": 5}, TypeError),
        ({"eta": "2030-01-01"}, TypeError),
        ({"delay": 1, "eta": datetime(2030, 1, 1, tzinfo=UTC)}, (TypeError, ValueError)),
    ],
    ids=str,
)
async def test_a_senseless_time_is_refused_everywhere(
    memory_queue: Queue, when: dict[str, Any], error: type[Exception]
) -> None:
    @memory_queue.task
    async def body() -> None: ...

    async with memory_queue as queue:
        result = await body.options(delay=1_000)()
        with pytest.raises(error):
            await result.reschedule(**when)
        with pytest.raises(error):
            await body.schedule(**when)
        with pytest.raises(error):
            body.options(**when)
        with pytest.raises(TypeError):
            await result.reschedule()
        assert (await queue.counts())[JobState.SCHEDULED] == 1


# ---------------------------------------------------------------- dead letters
async def test_a_lost_job_is_kept_with_its_reason_and_replayed_as_a_new_one(
    queue: Queue, make_queue: MakeQueue
) -> None:
    seen: list[tuple[int, int, int]] = []

    @queue.task(at_most_once=True, priority=3, context=True)
    async def body(job: Job[Any], n: int) -> int:
        seen.append((n, job.tries, job.priority))
        return n

    async with queue, make_queue() as other:
        driver = (await queue.session()).driver
        result = await body(7)
        await claimed_by_a_dead_worker(driver)
        async with queue.worker():
            with pytest.raises(TaskLost):
                await result.get(timeout=5)
            (letter,) = await other.dead()
            assert isinstance(letter, DeadLetter)
            assert (letter.id, letter.task) == (result.id, body.name)
            assert "disappeared" in letter.reason
            assert abs(letter.died_at - await driver.now()) < 60
            again = await other.replay(letter.id)
            assert again.id != result.id
            assert await again.get(timeout=5) == 7
        assert await other.dead() == []
        assert await result.state() is JobState.FAILED  # a terminal state never changes
        with pytest.raises(LookupError, match="no dead letter"):
            await other.replay(letter.id)
    assert seen == [(7, 0, 3)]


async def test_dead_letters_are_replayed_by_task(queue: Queue) -> None:
    @queue.task(at_most_once=True)
    async def one(n: int) -> int:
        return n

    @queue.task(at_most_once=True)
    async def other(n: int) -> int:
        return -n

    async with queue:
        driver = (await queue.session()).driver
        results = [await one(1), await one(2), await other(3)]
        await claimed_by_a_dead_worker(driver, jobs=3)
        async with queue.worker():
            for result in results:
                with pytest.raises(TaskLost):
                    await result.get(timeout=5)
            replayed = await queue.replay_all(one)
            assert sorted(await replayed.get(timeout=5)) == [1, 2]
            assert [letter.task for letter in await queue.dead()] == [other.name]
            assert await (await queue.replay_all()).get(timeout=5) == [-3]
            assert len(await queue.replay_all()) == 0


async def test_a_job_dies_after_max_deliveries(queue: Queue) -> None:
    @queue.task(max_deliveries=2)
    async def body() -> None:
        raise AssertionError("it has killed two workers")

    async with queue:
        driver = (await queue.session()).driver
        result = await body()
        for _ in range(2):
            await claimed_by_a_dead_worker(driver)
        async with queue.worker():
            with pytest.raises(TaskLost, match="2 times"):
                await result.get(timeout=5)
        assert [letter.id for letter in await queue.dead()] == [result.id]


async def test_a_job_that_only_raises_is_no_dead_letter(queue: Queue) -> None:
    @queue.task
    async def body() -> None:
        raise ValueError

    async with queue, queue.worker():
        result = await body()
        with pytest.raises(TaskException):
            await result.get(timeout=5)
        assert await queue.dead() == []
        with pytest.raises(LookupError):
            await queue.replay(result.id)


async def test_dead_letters_come_newest_first_and_are_forgotten_by_age_and_flush(queue: Queue) -> None:
    @queue.task(at_most_once=True)
    async def body(n: int) -> None: ...

    async with queue:
        driver = (await queue.session()).driver
        died: list[str] = []
        for n in range(3):
            result = await body(n)
            await claimed_by_a_dead_worker(driver)
            async with queue.worker():
                with pytest.raises(TaskLost):
                    await result.get(timeout=5)
            died.append(result.id)
            await driver.shift(10)
        assert [letter.id for letter in await queue.dead()] == died[::-1]
        assert [letter.id for letter in await queue.dead(limit=1)] == died[-1:]
        await driver.shift(7 * 86_400 - 25)
        assert [letter.id for letter in await queue.dead()] == died[:0:-1]
        await queue.flush()
        assert await queue.dead() == []


async def test_a_replayed_head_runs_alone_and_calls_its_error_callbacks_again(queue: Queue) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    ran: list[int] = []

    @queue.task(at_most_once=True)
    async def head(n: int) -> int:
        raise ValueError("again")

    @queue.task
    async def later(n: int) -> int:
        ran.append(n)
        return n

    @queue.task
    async def failed(error: TaskException) -> None:
        told.put_nowait(error.error)

    async with queue:
        driver = (await queue.session()).driver
        results = await queue.enqueue(head.s(1).then(later).error(failed))
        await claimed_by_a_dead_worker(driver)
        async with queue.worker():
            for one in results:
                with pytest.raises(TaskLost):
                    await one.get(timeout=5)
            assert "disappeared" in await asyncio.wait_for(told.get(), 5)
            again = await queue.replay(results[0].id)
            with pytest.raises(TaskException, match="again"):
                await again.get(timeout=5)
            assert await asyncio.wait_for(told.get(), 5) == "ValueError: again"
    assert not ran


# ---------------------------------------------------------------- looking
async def test_jobs_are_seen_where_they_are(queue: Queue, make_queue: MakeQueue) -> None:
    began, end = asyncio.Event(), asyncio.Event()

    @queue.task
    async def body(n: int) -> int:
        began.set()
        await end.wait()
        return n

    async with queue, make_queue() as other:
        worker = queue.worker(concurrency=1)
        async with worker:
            first = await body(1)
            await asyncio.wait_for(began.wait(), 5)
            await queue.pause()
            low, high = await body.options(priority=-1)(2), await body.options(priority=1)(3)
            late, soon = await body.options(delay=100)(4), await body.options(delay=50)(5)
            assert [job.id for job in await other.running()] == [first.id]
            assert [job.id for job in await other.pending()] == [high.id, low.id]
            assert [job.id for job in await other.pending(limit=1)] == [high.id]
            assert [job.id for job in await other.scheduled()] == [soon.id, late.id]
            assert await other.counts() == {JobState.SCHEDULED: 2, JobState.QUEUED: 2, JobState.RUNNING: 1}
            assert all(job.task_name == body.name for job in await other.pending())
            assert body.name in repr((await other.scheduled())[0])
            end.set()
            await first.get(timeout=5)
            await queue.resume()
            await eventually(lambda: _is_empty(queue))


async def _is_empty(queue: Queue) -> bool:
    return not await queue.pending()
