"""Hooks before and after each body, sync and async, whatever runs it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from aioqueue import CancelExecution, Job, Queue, TaskCancelled, TaskException, TaskTimeout, current_job
from tests.core.stores import MakeQueue, eventually

pytestmark = pytest.mark.asyncio


def tasks_of(queue: Queue) -> list[Any]:
    """Return a task for the loop and one for a thread."""

    async def divide(a: int, b: int) -> float:
        return a / b

    def divide_in_thread(a: int, b: int) -> float:
        return a / b

    return [queue.task(divide), queue.task(divide_in_thread)]


@pytest.mark.parametrize("which", [0, 1], ids=["loop", "thread"])
async def test_before_and_after(queue: Queue, which: int) -> None:
    calls: list[Any] = []

    @queue.pre_execute
    def before(job: Job[Any]) -> None:
        assert current_job() is job
        calls.append(("before", job.id, threading.current_thread() is threading.main_thread()))

    @queue.pre_execute()
    async def before_on_loop(job: Job[Any]) -> None:
        calls.append(("before on loop", job.id, True))

    @queue.post_execute
    def after(job: Job[Any], value: Any, exc: BaseException | None) -> None:
        calls.append(("after", value, type(exc)))

    @queue.post_execute()
    async def after_on_loop(job: Job[Any], value: Any, exc: BaseException | None) -> None:
        calls.append(("after on loop", value, type(exc)))

    task = tasks_of(queue)[which]
    async with queue, queue.worker():
        result = await task(4, 2)
        assert await result == 2
        assert calls == [
            ("before on loop", result.id, True),
            ("before", result.id, which == 0),
            ("after", 2, type(None)),
            ("after on loop", 2, type(None)),
        ]
        del calls[:]
        with pytest.raises(TaskException):
            await task.call(4, 0)
    assert calls[2:] == [("after", None, ZeroDivisionError), ("after on loop", None, ZeroDivisionError)]


@pytest.mark.parametrize("which", [0, 1], ids=["loop", "thread"])
@pytest.mark.parametrize("is_async", [False, True])
async def test_cancel_execution_from_a_hook(queue: Queue, which: int, is_async: bool) -> None:
    ran: list[Any] = []

    def refuse(job: Job[Any]) -> None:
        raise CancelExecution("No tasks on sunday!", retry=False)

    async def refuse_on_loop(job: Job[Any]) -> None:
        refuse(job)

    queue.pre_execute(refuse_on_loop if is_async else refuse)
    queue.signal("executing", "canceled", "complete")(lambda signal, job: ran.append(signal))
    task = tasks_of(queue)[which]
    async with queue, queue.worker():
        with pytest.raises(TaskCancelled, match="sunday"):
            await task.call(4, 2)
        await eventually(lambda: ran == ["executing", "canceled"])


async def test_a_pre_hook_that_raises_fails_the_job(queue: Queue) -> None:
    @queue.pre_execute
    def fails(job: Job[Any]) -> None:
        raise LookupError("who are you?")

    async with queue, queue.worker():
        for task in tasks_of(queue):
            with pytest.raises(TaskException, match="who are you"):
                await task.call(4, 2)


@pytest.mark.parametrize("broken", [ValueError("no"), SystemExit(1), asyncio.CancelledError()], ids=repr)
async def test_a_post_hook_that_raises_is_only_logged(make_queue: MakeQueue, broken: BaseException) -> None:
    queue = make_queue()

    def fails(job: Job[Any], value: Any, exc: BaseException | None) -> None:
        raise broken

    async def fails_on_loop(job: Job[Any], value: Any, exc: BaseException | None) -> None:
        raise broken

    queue.post_execute(fails)
    queue.post_execute(fails_on_loop)
    async with queue, queue.worker():
        for task in tasks_of(queue):
            assert await task.call(4, 2) == 2


async def test_hooks_hear_of_a_timeout(memory_queue: Queue) -> None:
    heard: list[Any] = []

    @memory_queue.post_execute
    async def after(job: Job[Any], value: Any, exc: BaseException | None) -> None:
        heard.append((value, type(exc)))

    @memory_queue.task(timeout=0.02)
    async def slow() -> None:
        await asyncio.sleep(60)

    async with memory_queue, memory_queue.worker():
        with pytest.raises(TimeoutError):
            await slow.call()
        await eventually(lambda: bool(heard))
    assert heard[0][0] is None


async def test_callables_of_any_shape(memory_queue: Queue) -> None:
    calls: list[str] = []
    hook: Callable[[Job[Any]], None] = lambda job: calls.append(job.id)  # noqa: E731
    assert memory_queue.pre_execute(hook) is hook
    (task, _) = tasks_of(memory_queue)
    async with memory_queue, memory_queue.worker():
        result = await task(1, 1)
        await result
    assert calls == [result.id]


@pytest.mark.parametrize("which", [0, 1], ids=["loop", "thread"])
async def test_an_async_hook_that_hangs_is_within_the_timeout(queue: Queue, which: int) -> None:
    told: list[str] = []

    @queue.pre_execute
    async def hangs(job: Job[Any]) -> None:
        assert current_job() is job
        await asyncio.Event().wait()

    @queue.post_execute
    async def after(job: Job[Any], value: Any, exc: BaseException | None) -> None:
        told.append("after a body that did not begin")

    task = tasks_of(queue)[which]
    async with queue, queue.worker():
        with pytest.raises(TaskTimeout):
            await (await task.options(timeout=0.05)(4, 2)).get(timeout=10)
    assert told == []


async def test_the_hook_after_a_body_that_timed_out_is_called(queue: Queue) -> None:
    told = asyncio.Event()

    @queue.post_execute
    async def after(job: Job[Any], value: Any, exc: BaseException | None) -> None:
        told.set()

    @queue.task(timeout=0.05)
    async def body() -> None:
        await asyncio.Event().wait()

    async with queue, queue.worker():
        with pytest.raises(TaskTimeout):
            await (await body()).get(timeout=10)
        await asyncio.wait_for(told.wait(), 10)
