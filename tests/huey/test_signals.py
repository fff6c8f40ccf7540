"""The signals document, section by section, on every store: what is sent, to whom, in which order."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aioqueue import CancelExecution, Job, JobState, Queue, Result, TaskException
from aioqueue import signals as all_signals
from aioqueue.signals import (
    SIGNAL_CANCELED,
    SIGNAL_COMPLETE,
    SIGNAL_ENQUEUED,
    SIGNAL_ERROR,
    SIGNAL_EXECUTING,
    SIGNAL_EXPIRED,
    SIGNAL_INTERRUPTED,
    SIGNAL_LOCKED,
    SIGNAL_RATE_LIMITED,
    SIGNAL_RETRYING,
    SIGNAL_REVOKED,
    SIGNAL_SCHEDULED,
    SIGNAL_TIMEOUT,
)
from tests.huey.workday import Workday

pytestmark = pytest.mark.asyncio


@pytest.fixture
def sent(queue: Queue) -> list[str]:
    """The signals sent from now on."""
    sent: list[str] = []

    @queue.signal()
    def note(signal: str, job: Job[Any]) -> None:
        sent.append(signal)

    return sent


# ---------------------------------------------------------------------- Signals


async def test_signals_there_are_those_of_the_document_and_more() -> None:
    names = {value for name, value in vars(all_signals).items() if name.startswith("SIGNAL_")}
    assert names >= {"canceled", "complete", "error", "executing", "locked", "retrying", "revoked", "scheduled"}
    assert names == set(all_signals.NAMES)


async def test_signals_are_told_with_the_error_only_where_there_is_one(queue: Queue, workday: Workday) -> None:
    seen: list[tuple[str, BaseException | None]] = []

    @queue.signal()
    def all_signal_handler(signal: str, job: Job[Any], exc: BaseException | None = None) -> None:
        seen.append((signal, exc))

    @queue.signal(SIGNAL_ERROR)
    async def with_the_error(signal: str, job: Job[Any], exc: BaseException | None = None) -> None:
        assert isinstance(exc, ZeroDivisionError)
        seen.append(("async", exc))

    @queue.task
    async def divide(a: int, b: int) -> float:
        return a / b

    async with queue:
        await divide(1, 0)
        await workday.work()
    assert [signal for signal, _ in seen] == ["enqueued", "executing", "error", "async"]
    assert [type(exc) for _, exc in seen] == [type(None), type(None), ZeroDivisionError, ZeroDivisionError]


async def test_signals_go_to_the_handlers_of_their_names(queue: Queue, workday: Workday) -> None:
    failed: list[str] = []
    succeeded: list[str] = []

    @queue.signal(SIGNAL_ERROR, SIGNAL_LOCKED, SIGNAL_CANCELED, SIGNAL_REVOKED)
    def task_not_executed_handler(signal: str, job: Job[Any], exc: BaseException | None = None) -> None:
        failed.append(signal)

    @queue.signal(SIGNAL_COMPLETE)
    def task_success(signal: str, job: Job[Any]) -> None:
        succeeded.append(signal)

    @queue.task
    async def divide(a: int, b: int) -> float:
        return a / b

    async with queue:
        await divide(1, 1)
        await divide(1, 0)
        await divide.revoke(revoke_once=True)
        await workday.work()
    assert (sorted(failed), succeeded) in ((["error", "revoked"], []), (["revoked"], ["complete"]))


async def test_signals_can_be_disconnected(queue: Queue, workday: Workday) -> None:
    seen: list[str] = []

    @queue.signal(SIGNAL_COMPLETE)
    def task_success(signal: str, job: Job[Any]) -> None:
        seen.append("success")

    @queue.signal(SIGNAL_EXECUTING, SIGNAL_COMPLETE)
    def both(signal: str, job: Job[Any]) -> None:
        seen.append(signal)

    @queue.task
    async def work() -> None: ...

    queue.disconnect_signal(task_success)
    queue.disconnect_signal(both, SIGNAL_EXECUTING)
    async with queue:
        await work()
        await workday.work()
    assert seen == ["complete"]


async def test_signals_unknown_are_refused(queue: Queue) -> None:
    with pytest.raises(ValueError, match="finished"):
        queue.signal("finished")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="signal, job"):
        queue.signal()(lambda: None)  # type: ignore[arg-type, misc]


async def test_signals_handlers_are_isolated(queue: Queue, workday: Workday) -> None:
    seen: list[str] = []

    @queue.signal()
    def broken(signal: str, job: Job[Any]) -> None:
        raise ValueError("broken handler")

    @queue.signal()
    async def broken_too(signal: str, job: Job[Any]) -> None:
        raise ValueError("broken handler")

    @queue.signal()
    def whole(signal: str, job: Job[Any]) -> None:
        seen.append(signal)

    @queue.task
    async def work() -> int:
        return 1

    async with queue:
        result = await work()
        await workday.work()
        assert await result == 1
    assert seen == ["enqueued", "executing", "complete"]


# ---------------------------------------------------------------------- Examples


async def test_examples_a_task_that_succeeds(queue: Queue, workday: Workday, sent: list[str]) -> None:
    @queue.task()
    def add(a: int, b: int) -> int:
        return a + b

    async with queue:
        await add(1, 2)
        await workday.work()
    assert sent == [SIGNAL_ENQUEUED, SIGNAL_EXECUTING, SIGNAL_COMPLETE]


async def test_examples_a_task_after_a_delay(queue: Queue, workday: Workday, sent: list[str]) -> None:
    @queue.task()
    def add(a: int, b: int) -> int:
        return a + b

    async with queue:
        await add.schedule((2, 3), delay=10)
        await workday.work()
        assert sent == [SIGNAL_SCHEDULED]
        await workday.later(11)
    assert sent == [SIGNAL_SCHEDULED, SIGNAL_EXECUTING, SIGNAL_COMPLETE]


async def test_examples_a_task_that_fails_and_is_tried_again(queue: Queue, workday: Workday, sent: list[str]) -> None:
    @queue.task(retries=2, retry_delay=10, context=True)
    def flaky_task(job: Job[str]) -> str:
        if job.tries == 0:
            raise ValueError("uh-oh")
        return "OK"

    async with queue:
        result = await flaky_task()
        await workday.work()
        first_try = [SIGNAL_ENQUEUED, SIGNAL_EXECUTING, SIGNAL_ERROR, SIGNAL_RETRYING, SIGNAL_SCHEDULED]
        assert sent == first_try
        await workday.later(20)
        assert await result == "OK"
    assert sent == [*first_try, SIGNAL_EXECUTING, SIGNAL_COMPLETE]


async def test_examples_a_task_that_is_tried_again_at_once(queue: Queue, workday: Workday, sent: list[str]) -> None:
    @queue.task(retries=2)
    async def flaky_task() -> str:
        raise ValueError("uh-oh")

    async with queue:
        await flaky_task()
        await workday.work()
    again = [SIGNAL_EXECUTING, SIGNAL_ERROR, SIGNAL_RETRYING, SIGNAL_ENQUEUED]
    assert sent == [SIGNAL_ENQUEUED, *again, *again, SIGNAL_EXECUTING, SIGNAL_ERROR]


async def test_examples_a_revoked_task(queue: Queue, workday: Workday, sent: list[str]) -> None:
    @queue.task()
    def add(a: int, b: int) -> int:
        return a + b

    async with queue:
        await add.revoke()
        await add(1, 2)
        await workday.work()
    assert sent == [SIGNAL_ENQUEUED, SIGNAL_REVOKED]


async def test_examples_complete_comes_when_the_result_is_readable(queue: Queue, workday: Workday) -> None:
    read: list[int] = []

    @queue.task()
    def add(a: int, b: int) -> int:
        return a + b

    @queue.signal(SIGNAL_COMPLETE)
    async def task_success(signal: str, job: Job[Any]) -> None:
        read.append(await queue.result(job.id).get(timeout=0))

    async with queue:
        await add(1, 2)
        await workday.work()
    assert read == [3]


# ---------------------------------------------------------------------- The others


async def test_others_locked(queue: Queue, workday: Workday, sent: list[str]) -> None:
    @queue.task()
    @queue.lock_task("a")
    def work() -> None: ...

    async with queue, queue.lock_task("a"):
        await work()
        await workday.work()
    assert sent == [SIGNAL_ENQUEUED, SIGNAL_EXECUTING, SIGNAL_LOCKED]


async def test_others_rate_limited(queue: Queue, workday: Workday, sent: list[str]) -> None:
    @queue.task()
    @queue.rate_limit("a", 1, per=3600)
    def work() -> None: ...

    async with queue:
        await work()
        await workday.work()
        await work()
        await workday.work()
    first, second = [SIGNAL_EXECUTING, SIGNAL_COMPLETE], [SIGNAL_EXECUTING, SIGNAL_RATE_LIMITED]
    assert sent == [SIGNAL_ENQUEUED, *first, SIGNAL_ENQUEUED, *second]


async def test_others_canceled(queue: Queue, workday: Workday, sent: list[str]) -> None:
    @queue.pre_execute
    def never(job: Job[Any]) -> None:
        raise CancelExecution

    @queue.task()
    def work() -> None: ...

    async with queue:
        await work()
        await workday.work()
    assert sent == [SIGNAL_ENQUEUED, SIGNAL_EXECUTING, SIGNAL_CANCELED]


async def test_others_expired(queue: Queue, workday: Workday, sent: list[str]) -> None:
    @queue.task(expires=5)
    def work() -> None: ...

    async with queue:
        result = await work()
        await workday.later(6)
        assert await result.state() is JobState.EXPIRED
    assert sent == [SIGNAL_ENQUEUED, SIGNAL_EXPIRED]


async def test_others_timeout(queue: Queue, workday: Workday, sent: list[str]) -> None:
    @queue.task(timeout=0.01)
    async def work() -> None:
        await asyncio.Event().wait()

    async with queue:
        result = await work()
        await workday.work()
        with pytest.raises(TaskException):
            await result
    assert sent == [SIGNAL_ENQUEUED, SIGNAL_EXECUTING, SIGNAL_TIMEOUT, SIGNAL_ERROR]


async def test_others_interrupted(queue: Queue, sent: list[str]) -> None:
    begun = asyncio.Event()

    @queue.task()
    async def work() -> None:
        begun.set()
        await asyncio.Event().wait()

    async with queue:
        result: Result[None] = await work()
        async with queue.worker(shutdown_timeout=0):
            await begun.wait()
        assert await result.state() is JobState.QUEUED
    assert sent == [SIGNAL_ENQUEUED, SIGNAL_EXECUTING, SIGNAL_INTERRUPTED]
