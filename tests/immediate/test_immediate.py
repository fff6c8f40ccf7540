"""Immediate mode: each enqueue runs what is due before it returns."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from aioqueue import Job, Queue, ResultTimeout, RetryTask, SerializationError, TaskCancelled, TaskException

pytestmark = pytest.mark.asyncio


@pytest.fixture
def immediate() -> Queue:
    return Queue("redis://127.0.0.1:1", immediate=True)


async def test_by_the_constructor(immediate: Queue) -> None:
    """Memory storage unless told otherwise: the store of the URL is not asked."""
    ran: list[int] = []

    @immediate.task
    async def add(a: int, b: int) -> int:
        ran.append(a)
        return a + b

    async with immediate:
        result = await add(1, 2)
        assert ran == [1]
        assert await result == 3
        assert await add.call(3, 4) == 7
        assert [await each for each in await add.map([(1, 1), (2, 2)])] == [2, 4]


async def test_by_the_attribute(queue: Queue) -> None:
    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue:
        await add(1, 2)
        assert len(await queue.pending()) == 1
        queue.immediate = True
        assert queue.immediate
        assert await (await add(1, 2)) == 3
        assert await queue.pending() == []
        queue.immediate = False
        assert len(await queue.pending()) == 1


async def test_on_the_store_of_the_url(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/queue.db"
    queue = Queue(url, immediate=True, immediate_use_memory=False)

    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue, Queue(url) as other:
        result = await add(1, 2)
        assert await other.result(result.id) == 3


async def test_a_scheduled_job_waits_in_the_schedule(immediate: Queue) -> None:
    @immediate.task
    async def add(a: int, b: int) -> int:
        return a + b

    async with immediate:
        result = await add.schedule((1, 2), delay=600)
        (scheduled,) = await immediate.scheduled()
        assert scheduled.id == result.id
        with pytest.raises(ResultTimeout, match=r"scheduled, due \d{4}-\d\d-\d\d"):
            await result
        await (await immediate.session()).driver.shift(601)
        await add(0, 0)
        assert await result == 3


async def test_errors_and_retries(immediate: Queue) -> None:
    @immediate.task(retries=1, context=True)
    async def flaky(job: Job[Any], better: bool) -> int:
        if not (job.tries and better):
            raise ValueError("uh-oh")
        return job.tries

    @immediate.task
    async def later() -> None:
        raise RetryTask(delay=60)

    async with immediate:
        assert await flaky.call(True) == 1
        with pytest.raises(TaskException, match="uh-oh"):
            await flaky.call(False)
        with pytest.raises(ResultTimeout, match="due"):
            await later.call()


async def test_signals_and_hooks_fire(immediate: Queue) -> None:
    heard: list[str] = []
    immediate.signal()(lambda signal, job: heard.append(signal))
    immediate.on_startup(lambda: heard.append("startup"))
    immediate.on_shutdown(lambda: heard.append("shutdown"))
    immediate.pre_execute(lambda job: heard.append("before"))
    immediate.post_execute(lambda job, value, exc: heard.append(f"after {value}"))

    @immediate.task
    def add(a: int, b: int) -> int:
        return a + b

    async with immediate:
        await add(1, 2)
        assert heard == ["enqueued", "startup", "executing", "before", "after 3", "complete", "shutdown"]
        del heard[:]
        await add.options(delay=5)(1, 2)
        assert heard[0] == "scheduled"
        assert "executing" not in heard


async def test_each_enqueue_is_the_whole_life_of_a_worker(immediate: Queue) -> None:
    heard: list[str] = []
    immediate.on_startup(lambda: heard.append("startup"))
    immediate.on_shutdown(lambda: heard.append("shutdown"))

    @immediate.task
    async def add(a: int, b: int) -> int:
        heard.append("body")
        return a + b

    async with immediate:
        assert await add.call(1, 2) == 3
        assert await (await add.map([(1, 2), (3, 4)])) == [3, 7]
    assert heard == ["startup", "body", "shutdown", "startup", "body", "body", "shutdown"]


async def test_revoked_and_restored(immediate: Queue) -> None:
    @immediate.task
    async def add(a: int, b: int) -> int:
        return a + b

    async with immediate:
        await add.revoke(revoke_once=True)
        with pytest.raises(TaskCancelled) as caught:
            await add.call(1, 2)
        assert caught.value.reason == "revoked"
        assert await add.call(1, 2) == 3


async def test_values_pass_through_the_serializer(immediate: Queue) -> None:
    @immediate.task
    async def same(values: list[int]) -> list[int]:
        values.append(3)
        return values

    @immediate.task
    async def opaque() -> object:
        return object()

    async with immediate:
        given = [1, 2]
        assert await same.call(given) == [1, 2, 3]
        assert given == [1, 2]
        with pytest.raises(SerializationError):
            await same(object())  # type: ignore[arg-type]
        with pytest.raises(TaskException):
            await opaque.call()


async def test_a_task_enqueues_and_waits(immediate: Queue) -> None:
    @immediate.task
    async def factorial(n: int) -> int:
        return 1 if n == 0 else n * await factorial.call(n - 1)

    async with immediate:
        assert await factorial.call(4) == 24


async def test_a_thread_enqueues_and_waits(immediate: Queue) -> None:
    @immediate.task
    def factorial(n: int) -> int:
        return 1 if n == 0 else n * immediate.sync(factorial.call(n - 1))

    async with immediate:
        assert await factorial.call(3) == 6


async def test_pipelines(immediate: Queue) -> None:
    @immediate.task
    async def add(a: int, b: int) -> int:
        return a + b

    async with immediate:
        assert await (await immediate.enqueue(add.s(1, 2).then(add, 3).then(add, 4))) == [3, 6, 10]


async def test_several_at_once(immediate: Queue) -> None:
    """One enqueue's worker may run another's job: that one is awaited."""

    @immediate.task
    async def slow(n: int) -> int:
        await asyncio.sleep(0.01)
        return n

    async with immediate:
        assert await asyncio.gather(*(slow.call(n) for n in range(20))) == list(range(20))


async def test_from_a_script(immediate: Queue) -> None:
    @immediate.task
    async def add(a: int, b: int) -> int:
        return a + b

    def script() -> int:
        try:
            return immediate.sync(immediate.sync(add(1, 2)))
        finally:
            immediate.sync(immediate.close())

    assert await asyncio.to_thread(script) == 3


async def test_the_events_of_a_job_that_nobody_will_run_end(immediate: Queue) -> None:
    @immediate.task(context=True, retries=1, retry_delay=60)
    async def flaky(job: Job[Any]) -> int:
        await job.progress(1)
        raise ValueError("uh-oh")

    async with immediate:
        result = await flaky()
        told = []
        with pytest.raises(ResultTimeout, match=r"scheduled, due \d{4}-\d\d-\d\d"):
            async with asyncio.timeout(5):
                async for event in result.events():
                    told.append((event.status, event.number))
        assert told == [("progress", 1)]


async def test_the_events_of_a_job_that_has_run(immediate: Queue) -> None:
    @immediate.task(context=True)
    async def counted(job: Job[Any]) -> None:
        await job.progress(1)

    async with immediate, asyncio.timeout(5):
        assert [event.status async for event in (await counted()).events()] == ["progress", "finished"]
