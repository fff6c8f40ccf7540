"""Periodic tasks in workers: each slot once, whoever comes first."""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from aioqueue import ConfigurationError, Job, Queue, ResultsDisabled, Worker, crontab
from aioqueue.periodic import Misfire
from aioqueue.schedules import every
from aioqueue.worker.periodic import Firing
from aioqueue.worker.storeclock import StoreClock
from tests.conftest import ROOT
from tests.core.stores import MakeQueue, eventually

pytestmark = pytest.mark.asyncio

OTHER = [sys.executable, "-m", "tests.periodic.other_process"]


async def test_each_slot_once_over_three_workers(make_queue: MakeQueue) -> None:
    runs: list[str] = []

    def one_more() -> Queue:
        queue = make_queue()

        @queue.periodic_task(every(seconds=0.1), name="beat", context=False)
        async def beat() -> None:
            from aioqueue import current_job

            runs.append(current_job().id)

        return queue

    queues = [one_more() for _ in range(3)]
    async with Worker(queues[0]), Worker(queues[1]), Worker(queues[2]):
        await eventually(lambda: len(runs) >= 6)
    assert len(runs) == len(set(runs))
    slots = sorted(float(run.partition("@")[2]) for run in runs)
    assert all(later - sooner > 0.09 for sooner, later in pairwise(slots))


async def test_each_slot_once_over_two_processes(shared_store_url: str) -> None:
    queue = Queue(shared_store_url, name=f"q{uuid.uuid4().hex}")
    environment = {**os.environ, "AIOQUEUE_TESTS_STORE": shared_store_url, "AIOQUEUE_TESTS_QUEUE": queue.name}
    environment["PYTHONPATH"] = str(ROOT)
    async with queue, _processes(2, environment):
        driver = (await queue.session()).driver

        async def runs() -> int:
            return await queue.kv.get("runs", 0)

        async def has_run() -> bool:
            return await runs() >= 3

        await eventually(has_run)
        (last,) = await driver.last_slots(["beat"])
        before = await runs()
        assert last is not None
        await eventually(lambda: _ran(queue, before + 5))
        (latest,) = await driver.last_slots(["beat"])
        assert latest is not None
        # What has been fired may not have run yet.
        assert await runs() - before <= round((latest - last) / 0.2) + 1


async def _ran(queue: Queue, times: int) -> bool:
    runs: int = await queue.kv.get("runs", 0)
    return runs >= times


@asynccontextmanager
async def _processes(count: int, environment: dict[str, str]) -> AsyncIterator[None]:
    pipe = asyncio.subprocess.PIPE
    workers = [
        await asyncio.create_subprocess_exec(*OTHER, stdin=pipe, stdout=pipe, env=environment) for _ in range(count)
    ]
    try:
        for worker in workers:
            assert worker.stdout is not None
            assert await worker.stdout.readline() == b"ready\n"
        yield
    finally:
        for worker in workers:
            async with asyncio.timeout(20):
                await worker.communicate(b"stop\n")


@pytest.mark.parametrize(("misfire", "fired"), [("skip", 0), ("once", 1), ("all", 4)])
async def test_after_a_stall(queue: Queue, misfire: Misfire, fired: int) -> None:
    """The clock is put forward over four slots, the last half an hour old; an answer to a claim shows it."""

    @queue.periodic_task(every(seconds=3600), misfire=misfire)
    async def beat() -> None: ...

    async with queue:
        driver, clock = (await queue.session()).driver, StoreClock()
        now = await driver.now()
        clock.set(now)
        firing = Firing(driver, queue.periodic, clock, queue.signals)
        running = asyncio.create_task(firing.run())
        await eventually(lambda: bool(firing._seen))
        await driver.shift(4 * 3600 - now % 3600 + 1800)
        now = await driver.now()
        clock.set(now)
        await eventually(lambda: firing._seen[beat.name] >= now)
        assert len(await queue.pending()) == fired
        assert await driver.last_slots([beat.name]) == [now // 3600 * 3600 if fired else None]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_worker_notices_that_the_clock_was_put_forward(queue: Queue) -> None:
    ran: list[str] = []

    @queue.periodic_task(every(seconds=3600), name="beat")
    async def beat() -> None:
        ran.append("beat")

    @queue.task
    async def nothing() -> None: ...

    async with queue:
        driver = (await queue.session()).driver
        slot = (await driver.now()) // 3600 * 3600
        assert await driver.fire("beat", slot, queue.periodic[0].job_for(slot).new_job())
        async with queue.worker():
            await eventually(lambda: len(ran) == 1)
            await driver.shift(3600)
            await nothing()
            await eventually(lambda: len(ran) == 2)


@pytest.mark.parametrize(("misfire", "runs"), [("skip", 0), ("once", 1), ("all", 3)])
async def test_slots_without_any_worker(queue: Queue, misfire: Misfire, runs: int) -> None:
    ran: list[str] = []

    @queue.periodic_task(every(seconds=3600), misfire=misfire, name="beat")
    async def beat() -> None:
        ran.append("beat")

    async with queue:
        driver = (await queue.session()).driver
        slot = (await driver.now()) // 3600 * 3600
        assert await driver.fire("beat", slot, queue.periodic[0].job_for(slot).new_job())
        await Worker(queue).drain()
        ran.clear()
        await driver.shift(slot + 3 * 3600 + 1800 - await driver.now())
        async with queue.worker():
            await eventually(lambda: len(ran) == runs)
            assert await driver.last_slots(["beat"]) == [slot + 3 * 3600 if runs else slot]
    assert len(ran) == runs


class Failing:
    """A schedule that is right so often, and then raises."""

    def __init__(self, error: BaseException, times: int) -> None:
        self._error = error
        self._times = times

    def __call__(self, at: datetime) -> bool:
        return False

    def next(self, after: datetime) -> datetime:
        if self._times <= 0:
            raise self._error
        self._times -= 1
        return every(seconds=0.1).next(after)


@pytest.mark.parametrize("error", [LookupError("no more"), StopIteration(), SystemExit(1)], ids=repr)
@pytest.mark.parametrize("times", [0, 1, 5])
async def test_a_schedule_that_raises_costs_its_own_task_only(
    memory_queue: Queue, error: BaseException, times: int, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[str] = []

    @memory_queue.periodic_task(Failing(error, times), name="broken")
    async def broken() -> None: ...

    @memory_queue.periodic_task(every(seconds=0.1), name="beat")
    async def beat() -> None:
        ran.append("beat")

    @memory_queue.task
    async def body() -> int:
        return 1

    async with memory_queue, memory_queue.worker():
        await eventually(lambda: "broken" in caplog.text)
        before = len(ran)
        await eventually(lambda: len(ran) >= before + 3)
        assert await body.call() == 1
    (record,) = [record for record in caplog.records if "broken" in record.getMessage()]
    assert record.exc_info is not None
    assert record.exc_info[1] is error


async def test_a_worker_whose_only_schedule_raises_works_on(memory_queue: Queue) -> None:
    @memory_queue.periodic_task(Failing(LookupError("no more"), 0))
    async def broken() -> None: ...

    @memory_queue.task
    async def body() -> int:
        return 1

    async with memory_queue, memory_queue.worker():
        assert await body.call() == 1
        assert await body.call() == 1


async def test_a_key_that_cannot_be_made_costs_its_own_task_only(
    memory_queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    ran: list[str] = []

    @memory_queue.periodic_task(every(seconds=0.1), name="broken", unique=lambda: "x" * 300)
    async def broken() -> None: ...

    @memory_queue.periodic_task(every(seconds=0.1))
    async def beat() -> None:
        ran.append("beat")

    async with memory_queue, memory_queue.worker():
        await eventually(lambda: "broken" in caplog.text and len(ran) >= 2)
    assert caplog.text.count("is fired no more") == 1


async def test_signals_of_a_periodic_task(queue: Queue) -> None:
    heard: list[tuple[str, str]] = []

    @queue.periodic_task(every(seconds=0.1))
    async def beat() -> None: ...

    queue.signal()(lambda signal, job: heard.append((signal, job.id)))
    async with queue, queue.worker():
        await eventually(lambda: [job_id for _, job_id in heard].count(heard[0][1]) == 3 if heard else False)
    # A worker may begin before whoever enqueued hears that the job is stored.
    assert {signal for signal, job_id in heard if job_id == heard[0][1]} == {"enqueued", "executing", "complete"}


async def test_results_are_off_unless_asked_for(queue: Queue) -> None:
    done: list[str] = []

    @queue.post_execute
    def after(job: Job[Any], value: Any, exc: BaseException | None) -> None:
        done.append(job.id)

    @queue.periodic_task(every(seconds=0.1))
    async def quiet() -> int:
        return 1

    @queue.periodic_task(every(seconds=0.1), results=True)
    async def kept() -> int:
        return 2

    async with queue:
        async with queue.worker():
            await eventually(lambda: all(any(name in job for job in done) for name in ("quiet", "kept")))
        by_name: Callable[[str], str] = lambda name: next(job for job in done if name in job)  # noqa: E731
        assert await kept.result(by_name("kept")) == 2
        with pytest.raises(ResultsDisabled):
            await quiet.result(by_name("quiet"))


async def test_retries(queue: Queue) -> None:
    tries: list[tuple[str, int]] = []

    @queue.periodic_task(every(seconds=0.1), retries=1, context=False)
    async def beat() -> None:
        from aioqueue import current_job

        tries.append((current_job().id, current_job().tries))
        raise ValueError("uh-oh")

    async with queue, queue.worker():
        await eventually(lambda: (tries[0][0], 1) in tries if tries else False)


async def test_revoked_and_restored(queue: Queue) -> None:
    """A revoked periodic task is still enqueued, and dropped when its turn comes."""
    heard: list[str] = []

    @queue.periodic_task(every(seconds=0.1))
    async def beat() -> None: ...

    queue.signal("revoked", "complete")(lambda signal, job: heard.append(signal))
    async with queue:
        await beat.revoke()
        async with queue.worker():
            await eventually(lambda: len(heard) >= 2)
            assert set(heard) == {"revoked"}
            assert await beat.restore()
            await eventually(lambda: "complete" in heard)


async def test_what_cannot_be_periodic_is_refused(memory_queue: Queue) -> None:
    with pytest.raises(ConfigurationError, match="no parameters"):

        @memory_queue.periodic_task(crontab())
        async def beat(a: int = 1) -> None: ...

    with pytest.raises(TypeError, match="crontab"):
        memory_queue.periodic_task("* * * * *")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="skip, once, all"):
        memory_queue.periodic_task(crontab(), misfire="never")  # type: ignore[call-overload]
    assert memory_queue.periodic == []
