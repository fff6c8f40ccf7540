"""`drain(raise_errors=True)` raises what went wrong in the jobs that it ran, and nothing that was made good."""

from __future__ import annotations

import asyncio
import time

import pytest

from aioqueue import CancelExecution, Queue, RetryTask, TaskException, TaskLost, TaskTimeout, Worker
from tests.worker import process_tasks

pytestmark = pytest.mark.asyncio


async def test_the_error_of_a_body_is_the_one_it_raised(queue: Queue) -> None:
    raised = ValueError("no such report")

    @queue.task
    async def failing() -> None:
        raise raised

    async with queue:
        result = await failing()
        with pytest.raises(ValueError, match="no such report") as caught:
            await queue._new_worker().drain(raise_errors=True)
        assert caught.value is raised
        assert any(entry.name == "failing" for entry in caught.traceback)
        assert raised.__notes__ == [f"in job {result.id} of {failing.name}"]


async def test_a_thread_is_no_different(memory_queue: Queue) -> None:
    @memory_queue.task
    def failing() -> None:
        raise KeyError("absent")

    async with memory_queue:
        await failing()
        with pytest.raises(KeyError, match="absent"):
            await memory_queue._new_worker().drain(raise_errors=True)


async def test_several_errors_are_one_group_in_the_order_of_their_ends(queue: Queue) -> None:
    @queue.task
    async def failing(number: int) -> None:
        raise ValueError(number)

    @queue.task
    async def well() -> int:
        return 1

    async with queue:
        await failing(1)
        await well()
        await failing(2)
        with pytest.raises(ExceptionGroup, match="2 jobs failed") as caught:
            await queue._new_worker(concurrency=1).drain(raise_errors=True)
        assert [error.args for error in caught.value.exceptions] == [(1,), (2,)]


async def test_what_a_later_try_made_good_is_not_raised(queue: Queue) -> None:
    tries: list[int] = []

    @queue.task(retries=2)
    async def flaky() -> int:
        tries.append(1)
        if len(tries) < 3:
            raise ValueError("not yet")
        return len(tries)

    async with queue:
        result = await flaky()
        await queue._new_worker().drain(raise_errors=True)
        assert await result == 3


async def test_a_retry_that_is_due_later_leaves_the_error_standing(queue: Queue) -> None:
    @queue.task(retries=2, retry_delay=60)
    async def flaky() -> None:
        raise ValueError("not yet")

    async with queue:
        await flaky()
        with pytest.raises(ValueError, match="not yet"):
            await queue._new_worker().drain(raise_errors=True)
        assert len(await queue.scheduled()) == 1


async def test_each_drain_raises_its_own_errors_only(memory_queue: Queue) -> None:
    @memory_queue.task
    async def failing() -> None:
        raise ValueError("once")

    async with memory_queue:
        worker = memory_queue._new_worker()
        await failing()
        with pytest.raises(ValueError, match="once"):
            await worker.drain(raise_errors=True)
        await worker.drain(raise_errors=True)


async def test_without_being_asked_it_raises_nothing(memory_queue: Queue) -> None:
    @memory_queue.task
    async def failing() -> None:
        raise ValueError("told to whoever awaits it")

    async with memory_queue:
        result = await failing()
        await memory_queue._new_worker().drain()
        with pytest.raises(TaskException, match="told to whoever"):
            await result


async def test_a_stop_that_is_no_error_is_not_raised(memory_queue: Queue) -> None:
    @memory_queue.task
    async def stopping() -> None:
        raise CancelExecution("enough")

    @memory_queue.task
    async def again() -> None:
        raise RetryTask("later", delay=60)

    @memory_queue.task
    async def late() -> None: ...

    async with memory_queue:
        await stopping()
        await again()
        await late.options(expires=10)()
        await (await late()).revoke()
        await (await memory_queue.session()).driver.shift(20)
        await memory_queue._new_worker().drain(raise_errors=True)


async def test_a_timeout_is_raised_as_whoever_awaits_it_gets_it(memory_queue: Queue) -> None:
    @memory_queue.task(timeout=0.01)
    async def slow() -> None:
        await asyncio.Event().wait()

    async with memory_queue:
        await slow()
        with pytest.raises(TaskTimeout, match=r"timed out after 0\.01 s"):
            await memory_queue._new_worker().drain(raise_errors=True)


async def test_a_value_that_cannot_be_stored_is_raised(memory_queue: Queue) -> None:
    @memory_queue.task
    async def wrong() -> int:
        return "three"  # type: ignore[return-value]

    async with memory_queue:
        await wrong()
        with pytest.raises(TaskException, match="int"):
            await memory_queue._new_worker().drain(raise_errors=True)


@pytest.mark.parametrize("error", [SystemExit(3), asyncio.CancelledError("mine"), GeneratorExit()])
async def test_what_would_end_the_caller_is_raised_as_data(memory_queue: Queue, error: BaseException) -> None:
    @memory_queue.task
    async def leaving() -> None:
        raise error

    async with memory_queue:
        await leaving()
        with pytest.raises(TaskException, match=type(error).__name__):
            await memory_queue._new_worker().drain(raise_errors=True)


async def test_the_error_of_a_child_process_brings_its_traceback(memory_queue: Queue) -> None:
    async with memory_queue:
        await process_tasks.send(memory_queue, process_tasks.raises, "ValueError", retries=0)
        with pytest.raises(TaskException) as caught:
            await memory_queue._new_worker(processes=1).drain(raise_errors=True)
        assert any("process_tasks.py" in note for note in caught.value.__notes__)


async def test_a_job_that_was_lost_is_raised(memory_queue: Queue) -> None:
    @memory_queue.task(at_most_once=True)
    async def once() -> None: ...

    async with memory_queue:
        await once()
        driver = (await memory_queue.session()).driver
        await driver.register("dead", 30.0, b"")
        await driver.claim("dead", 1, 1, 0)
        await driver.reap("dead", 0)
        with pytest.raises(TaskLost, match="disappeared"):
            await memory_queue._new_worker().drain(raise_errors=True)


async def test_a_task_that_nobody_here_knows_is_raised() -> None:
    name = f"memory://unknown-{time.monotonic_ns()}"
    sender, receiver = Queue(name), Queue(name)

    @sender.task(name="app.unknown")
    async def unknown() -> None: ...

    async with sender, receiver:
        await unknown()
        with pytest.raises(TaskException, match=r"calls the task 'app\.unknown', which no worker here knows"):
            await receiver._new_worker().drain(raise_errors=True)


async def test_the_errors_of_all_queues_are_raised(memory_queue: Queue) -> None:
    other = Queue("memory://", name="other")

    @memory_queue.task
    async def first() -> None:
        raise ValueError("first")

    @other.task
    async def second() -> None:
        raise KeyError("second")

    async with memory_queue, other:
        await first()
        await second()
        with pytest.raises(ExceptionGroup) as caught:
            await Worker(memory_queue, other).drain(raise_errors=True)
        assert [type(error) for error in caught.value.exceptions] == [ValueError, KeyError]
