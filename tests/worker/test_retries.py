"""Trying again: by declaration, and when the body asks for it."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aioqueue import CancelExecution, Job, JobState, Queue, RetryTask, TaskCancelled, TaskException, TaskTimeout
from aioqueue.drivers.base import StoredJob
from aioqueue.record import decode_record
from tests.core.stores import eventually

pytestmark = pytest.mark.asyncio


async def stored(queue: Queue, job_id: str) -> StoredJob | None:
    return await (await queue.session()).driver.job(job_id)


async def scheduled_in(queue: Queue, job_id: str) -> float:
    """Wait until the job is scheduled and not yet due; answer in how many seconds it is."""
    driver = (await queue.session()).driver
    due_in = 0.0

    async def is_scheduled() -> bool:
        nonlocal due_in
        job = await driver.job(job_id)
        if job is None or job.state is not JobState.SCHEDULED:
            return False
        due_in = job.due_at - await driver.now()
        return due_in > 0

    await eventually(is_scheduled)
    return due_in


async def test_a_job_is_tried_until_it_succeeds(queue: Queue) -> None:
    seen: list[tuple[int, int]] = []

    @queue.task(retries=3, context=True)
    async def flaky(job: Job[Any]) -> str:
        seen.append((job.tries, job.retries))
        if job.tries < 2:
            raise ValueError("not yet")
        return "there"

    async with queue, queue.worker():
        result = await flaky()
        assert await result.get(timeout=5) == "there"
        assert await result.state() is JobState.SUCCEEDED
    assert seen == [(0, 3), (1, 2), (2, 1)]


async def test_a_job_without_retries_left_fails_with_the_last_error(queue: Queue) -> None:
    tries = 0

    @queue.task(retries=2)
    async def fails() -> None:
        nonlocal tries
        tries += 1
        raise ValueError(f"try {tries}")

    async with queue, queue.worker():
        with pytest.raises(TaskException, match="try 3"):
            await (await fails()).get(timeout=5)
    assert tries == 3


async def test_a_call_says_its_own_retries_and_delay(queue: Queue) -> None:
    @queue.task(retries=9)
    async def fails() -> None:
        raise ValueError

    async with queue, queue.worker():
        with pytest.raises(TaskException):
            await (await fails.options(retries=0)()).get(timeout=5)
        later = await fails.options(retry_delay=100)()
        assert await scheduled_in(queue, later.id) == pytest.approx(100, abs=5)


async def test_only_the_declared_errors_are_retried(memory_queue: Queue) -> None:
    tries: list[str] = []

    @memory_queue.task(retries=1, retry_on=(LookupError,), retry_not_on=(IndexError,))
    async def fails(kind: str) -> None:
        tries.append(kind)
        raise {"key": KeyError, "index": IndexError, "value": ValueError, "exit": SystemExit}[kind]

    async with memory_queue as queue, queue.worker():
        for kind in ("key", "index", "value", "exit"):
            with pytest.raises(TaskException):
                await (await fails(kind)).get(timeout=5)
    assert tries == ["key", "key", "index", "value", "exit"]


async def test_a_base_exception_is_retried_when_it_is_declared(memory_queue: Queue) -> None:
    @memory_queue.task(retries=1, retry_on=(SystemExit,), context=True)
    async def leaves(job: Job[Any]) -> int:
        if not job.tries:
            raise SystemExit
        return job.tries

    async with memory_queue as queue, queue.worker():
        assert await (await leaves()).get(timeout=5) == 1


async def test_the_delay_grows_and_a_sooner_one_wakes_the_worker(queue: Queue) -> None:
    @queue.task(retries=9, retry_delay=100, retry_backoff=3)
    async def fails() -> None:
        raise ValueError

    async with queue:
        driver = (await queue.session()).driver
        result = await fails()
        for delay in (100, 300, 900):
            async with queue.worker():
                due_in = await scheduled_in(queue, result.id)
                assert 0.7 * delay < due_in <= delay + 1
            await driver.shift(due_in + 1)


@pytest.mark.parametrize("kind", ["loop", "thread"])
async def test_each_try_has_the_whole_timeout_and_the_last_one_fails(queue: Queue, kind: str) -> None:
    seen: list[tuple[int, int]] = []
    end = threading.Event()

    async def on_loop(job: Job[Any]) -> None:
        seen.append((job.tries, job.retries))
        await asyncio.sleep(60)

    def in_thread(job: Job[Any]) -> None:
        seen.append((job.tries, job.retries))
        end.wait(20)

    body = queue.task(timeout=0.3, retries=2, context=True)(on_loop if kind == "loop" else in_thread)
    async with queue, queue.worker():
        try:
            with pytest.raises(TaskTimeout, match=r"0\.3 s") as caught:
                await (await body()).get(timeout=10)
        finally:
            end.set()
    assert seen == [(0, 2), (1, 1), (2, 0)]
    assert caught.value.retries == 0


async def test_a_try_that_timed_out_is_followed_by_the_retry_delay(queue: Queue) -> None:
    @queue.task(timeout=0.05, retries=1, retry_delay=100, context=True)
    async def body(job: Job[Any]) -> str:
        if not job.tries:
            await asyncio.sleep(60)
        return job.last_error

    async with queue:
        result = await body()
        async with queue.worker():
            assert 90 < await scheduled_in(queue, result.id) <= 100
        await (await queue.session()).driver.shift(101)
        async with queue.worker():
            assert "timed out" in await result.get(timeout=5)


async def test_a_call_says_its_own_timeout_of_every_try(memory_queue: Queue) -> None:
    tries = 0

    @memory_queue.task(timeout=60, retries=1)
    async def body() -> None:
        nonlocal tries
        tries += 1
        await asyncio.sleep(60)

    async with memory_queue as queue, queue.worker():
        with pytest.raises(TaskTimeout):
            await (await body.options(timeout=0.02)()).get(timeout=5)
    assert tries == 2


async def test_the_time_between_two_tries_is_none_of_the_timeout(memory_queue: Queue) -> None:
    @memory_queue.task(timeout=0.2, retries=1, retry_delay=0.3, context=True)
    async def body(job: Job[Any]) -> int:
        if not job.tries:
            raise ValueError
        return job.tries

    async with memory_queue as queue, queue.worker():
        assert await (await body()).get(timeout=5) == 1


async def test_a_delayed_retry_runs_when_it_is_due(queue: Queue) -> None:
    @queue.task(retries=1, retry_delay=0.1, context=True)
    async def flaky(job: Job[Any]) -> int:
        if not job.tries:
            raise ValueError
        return job.tries

    async with queue, queue.worker():
        loop = asyncio.get_running_loop()
        started = loop.time()
        assert await (await flaky()).get(timeout=5) == 1
        assert 0.1 <= loop.time() - started < 2


async def test_retry_task_uses_no_retry_and_stores_no_error(queue: Queue) -> None:
    @queue.task(retries=1, context=True)
    async def again(job: Job[Any]) -> list[int]:
        if job.tries < 5:
            raise RetryTask("not yet")
        return [job.tries, job.retries]

    async with queue, queue.worker():
        assert await (await again()).get(timeout=5) == [5, 1]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"delay": 50}, 50),
        ({"delay": timedelta(seconds=60)}, 60),
        ({"eta": timedelta(seconds=500), "delay": 50}, 500),
        ({}, 20),
    ],
)
async def test_retry_task_says_when(memory_queue: Queue, asked: dict[str, Any], expected: float) -> None:
    @memory_queue.task(retry_delay=20)
    async def again() -> None:
        eta = {"eta": datetime.now(UTC) + asked["eta"]} if "eta" in asked else {}
        raise RetryTask(**{**asked, **eta})

    async with memory_queue as queue, queue.worker():
        result = await again()
        assert await scheduled_in(queue, result.id) == pytest.approx(expected, abs=2)


async def test_retry_task_with_delay_zero_goes_before_the_declared_delay(memory_queue: Queue) -> None:
    @memory_queue.task(retry_delay=1000, context=True)
    async def again(job: Job[Any]) -> int:
        if not job.tries:
            raise RetryTask(delay=0)
        return job.tries

    async with memory_queue as queue, queue.worker():
        assert await (await again()).get(timeout=5) == 1


@pytest.mark.parametrize("bad", [{"delay": -1}, {"delay": "soon"}, {"eta": 5}], ids=str)
async def test_a_senseless_retry_task_fails_the_job(memory_queue: Queue, bad: dict[str, Any]) -> None:
    @memory_queue.task
    async def again() -> None:
        raise RetryTask(**bad)

    async with memory_queue as queue, queue.worker():
        with pytest.raises(TaskException, match=next(iter(bad))):
            await (await again()).get(timeout=5)


@pytest.mark.parametrize(
    ("retry", "retries", "tries", "left"),
    [(False, 5, 1, 5), (None, 2, 3, 0), (None, 0, 1, 0)],
)
async def test_cancel_execution_stops_the_job(
    queue: Queue, retry: bool | None, retries: int, tries: int, left: int
) -> None:
    made = 0

    @queue.task(retries=retries)
    async def stops() -> None:
        nonlocal made
        made += 1
        raise CancelExecution("enough", retry=retry)

    async with queue, queue.worker():
        result = await stops()
        with pytest.raises(TaskCancelled, match="enough") as caught:
            await result.get(timeout=5)
        assert caught.value.reason == "cancelled"
        assert await result.state() is JobState.CANCELLED
    assert made == tries


async def test_cancel_execution_may_insist_on_a_retry(memory_queue: Queue) -> None:
    @memory_queue.task(context=True)
    async def stops(job: Job[Any]) -> int:
        if job.tries < 2:
            raise CancelExecution(retry=True)
        return job.tries

    async with memory_queue as queue, queue.worker():
        assert await (await stops()).get(timeout=5) == 2


async def test_retries_keep_id_priority_and_expiry(queue: Queue) -> None:
    @queue.task(retries=3, retry_delay=100, priority=5, expires=1000)
    async def fails() -> None:
        raise ValueError

    async with queue, queue.worker():
        result = await fails()
        enqueued = await (await queue.session()).driver.now()
        await scheduled_in(queue, result.id)
        job = await stored(queue, result.id)
        assert job is not None
        assert (job.id, job.priority, job.deliveries) == (result.id, 5, 0)
        assert job.expires_at == pytest.approx(enqueued + 1000, abs=2)
        record = decode_record(job.payload)
        assert (record.retries, record.tries) == (2, 1)


async def test_a_waiter_sees_no_error_of_a_try(queue: Queue) -> None:
    @queue.task(retries=2, retry_delay=0.02, context=True)
    async def flaky(job: Job[Any]) -> str:
        if job.tries < 2:
            raise ValueError
        return "there"

    async with queue, queue.worker():
        result = await flaky()
        assert await asyncio.gather(*(result.get(timeout=5) for _ in range(5))) == ["there"] * 5


@pytest.mark.parametrize(
    ("options", "tries"),
    [
        ({}, 2),
        ({"retry_on": (ConnectionError,)}, 1),
        ({"retry_on": (TimeoutError,)}, 2),
        ({"retry_on": (TaskTimeout, ValueError)}, 2),
        ({"retry_not_on": (TimeoutError,)}, 1),
        ({"retry_not_on": (ValueError,)}, 2),
    ],
    ids=repr,
)
async def test_a_timeout_is_retried_as_the_declaration_says(
    memory_queue: Queue, options: dict[str, Any], tries: int
) -> None:
    seen: list[int] = []

    @memory_queue.task(retries=1, timeout=0.02, context=True, **options)
    async def body(job: Job[Any]) -> None:
        seen.append(job.tries)
        await asyncio.Event().wait()

    async with memory_queue, memory_queue.worker():
        with pytest.raises(TaskTimeout):
            await (await body()).get(timeout=10)
    assert len(seen) == tries
