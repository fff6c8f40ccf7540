"""Signals: in the documented order, to handlers of two and three parameters, isolated from each other."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from aioqueue import CancelExecution, Job, Queue, RetryTask, TaskException, TaskTimeout, Worker
from aioqueue.drivers.base import Driver
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
    Signals,
)
from aioqueue.worker.herald import Herald
from tests.core.stores import MakeQueue, eventually

pytestmark = pytest.mark.asyncio


class Heard:
    """A handler of every signal that keeps what it hears."""

    def __init__(self, queue: Queue) -> None:
        self.all: list[tuple[str, Job[Any], BaseException | None]] = []
        queue.signal()(self.hear)

    def hear(self, signal: str, job: Job[Any], exc: BaseException | None = None) -> None:
        self.all.append((signal, job, exc))

    @property
    def names(self) -> list[str]:
        return [signal for signal, _, _ in self.all]

    async def ends_with(self, last: str) -> list[str]:
        await eventually(lambda: self.names[-1:] == [last])
        return self.names


# ---------------------------------------------------------------- the order of the signals document
async def test_add(queue: Queue) -> None:
    """Executed successfully: executing, complete."""

    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    heard = Heard(queue)
    async with queue:
        result = await add(1, 2)
        async with queue.worker():
            assert await result == 3
            assert await heard.ends_with("complete") == [SIGNAL_ENQUEUED, SIGNAL_EXECUTING, SIGNAL_COMPLETE]
    assert {(job.id, job.task_name) for _, job, _ in heard.all} == {(result.id, add.name)}


async def test_add_after_a_short_delay(queue: Queue) -> None:
    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    heard = Heard(queue)
    async with queue:
        result = await add.schedule((2, 3), delay=10)
        await (await queue.session()).driver.shift(11)
        async with queue.worker():
            assert await result == 5
            assert await heard.ends_with("complete") == [SIGNAL_SCHEDULED, SIGNAL_EXECUTING, SIGNAL_COMPLETE]


async def test_flaky_task(queue: Queue) -> None:
    """Fails once, is retried after ten seconds, succeeds."""

    @queue.task(retries=2, retry_delay=10, context=True)
    async def flaky_task(job: Job[Any]) -> str:
        if not job.tries:
            raise ValueError("uh-oh")
        return "OK"

    heard = Heard(queue)
    async with queue:
        result = await flaky_task()
        await Worker(queue, concurrency=1).drain()
        await (await queue.session()).driver.shift(11)
        await Worker(queue, concurrency=1).drain()
        assert await result == "OK"
    assert heard.names == [
        SIGNAL_ENQUEUED,
        SIGNAL_EXECUTING,
        SIGNAL_ERROR,
        SIGNAL_RETRYING,
        SIGNAL_SCHEDULED,
        SIGNAL_EXECUTING,
        SIGNAL_COMPLETE,
    ]
    errors = [exc for _, _, exc in heard.all]
    assert [isinstance(exc, ValueError) for exc in errors] == [name == "error" for name in heard.names]
    assert [job.retries for _, job, _ in heard.all] == [2, 2, 2, 1, 1, 1, 1]


async def test_a_revoked_task_sends_revoked_only(queue: Queue) -> None:
    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue:
        await add.revoke()
        await add(1, 2)
        heard = Heard(queue)
        await Worker(queue).drain()
    assert heard.names == [SIGNAL_REVOKED]


async def test_complete_is_sent_when_the_result_is_readable(queue: Queue) -> None:
    readable: list[bool] = []

    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    @queue.signal(SIGNAL_COMPLETE)
    async def completed(signal: str, job: Job[Any]) -> None:
        readable.append(await queue.result(job.id).ready())

    async with queue, queue.worker():
        await add.call(1, 2)
        await eventually(lambda: bool(readable))
    assert readable == [True]


# ---------------------------------------------------------------- each of the others
async def test_canceled_by_a_hook(memory_queue: Queue) -> None:
    @memory_queue.pre_execute
    def not_on_sundays(job: Job[Any]) -> None:
        raise CancelExecution("No tasks on sunday!", retry=False)

    assert await _told(memory_queue, _nothing) == [SIGNAL_ENQUEUED, SIGNAL_EXECUTING, SIGNAL_CANCELED]


async def test_locked_and_rate_limited(memory_queue: Queue) -> None:
    async with memory_queue:
        async with memory_queue.lock_task("one"):
            names = await _told(memory_queue, memory_queue.lock_task("one")(_fresh()))
        assert names == [SIGNAL_ENQUEUED, SIGNAL_EXECUTING, SIGNAL_LOCKED]
        limit = memory_queue.rate_limit("few", 1, 60)
        async with limit:
            names = await _told(memory_queue, limit(_fresh()), name="limited")
        assert names == [SIGNAL_ENQUEUED, SIGNAL_EXECUTING, SIGNAL_RATE_LIMITED]


async def test_timeout_comes_before_its_error(memory_queue: Queue) -> None:
    heard = Heard(memory_queue)

    @memory_queue.task(timeout=0.02)
    async def slow() -> None:
        await asyncio.sleep(60)

    async with memory_queue:
        await slow()
        await Worker(memory_queue).drain()
    assert heard.names == [SIGNAL_ENQUEUED, SIGNAL_EXECUTING, SIGNAL_TIMEOUT, SIGNAL_ERROR]
    assert isinstance(heard.all[-1][2], TaskTimeout)


async def test_expired(memory_queue: Queue) -> None:
    @memory_queue.task(expires=5)
    async def late() -> None: ...

    async with memory_queue:
        await late()
        await (await memory_queue.session()).driver.shift(6)
        heard = Heard(memory_queue)
        await Worker(memory_queue).drain()
    assert heard.names == [SIGNAL_EXPIRED]


async def test_interrupted_when_a_worker_stops_before_its_job_ends(memory_queue: Queue) -> None:
    started = asyncio.Event()

    @memory_queue.task
    async def endless() -> None:
        started.set()
        await asyncio.sleep(60)

    heard = Heard(memory_queue)
    async with memory_queue:
        async with memory_queue.worker(shutdown_timeout=0):
            await endless()
            await started.wait()
        assert heard.names == [SIGNAL_ENQUEUED, SIGNAL_EXECUTING, SIGNAL_INTERRUPTED]
        assert len(await memory_queue.pending()) == 1


async def test_retry_task_is_retrying_without_an_error(memory_queue: Queue) -> None:
    @memory_queue.task
    async def later() -> None:
        raise RetryTask(eta=datetime(2100, 1, 1, tzinfo=UTC))

    heard = Heard(memory_queue)
    async with memory_queue:
        await later()
        await Worker(memory_queue).drain()
    assert heard.names == [SIGNAL_ENQUEUED, SIGNAL_EXECUTING, SIGNAL_RETRYING, SIGNAL_SCHEDULED]
    assert heard.all[-1][1].eta == datetime(2100, 1, 1, tzinfo=UTC).timestamp()


async def test_a_lost_job_is_an_error(memory_queue: Queue) -> None:
    @memory_queue.task(at_most_once=True)
    async def once() -> None: ...

    async with memory_queue:
        await once()
        driver = (await memory_queue.session()).driver
        await driver.register("gone", 30, b"")
        await driver.claim("gone", 1, 1, 1)
        (lease,) = await driver.leases()
        await driver.reap("gone", lease.counter)
        heard = Heard(memory_queue)
        await Worker(memory_queue).drain()
    ((signal, _, exc),) = heard.all
    assert signal == SIGNAL_ERROR
    assert isinstance(exc, TaskException)
    assert "disappeared" in str(exc)


async def test_the_stages_of_a_pipeline_are_enqueued_by_the_worker(memory_queue: Queue) -> None:
    @memory_queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    heard = Heard(memory_queue)
    async with memory_queue:
        results = await memory_queue.enqueue(add.s(1, 2).then(add, 3))
        await Worker(memory_queue).drain()
    assert [(signal, job.id) for signal, job, _ in heard.all] == [
        (signal, result.id) for result in results for signal in ("enqueued", "executing", "complete")
    ]


# ---------------------------------------------------------------- handlers
async def test_handlers_hear_what_they_asked_for(memory_queue: Queue) -> None:
    successes: list[str] = []
    failures: list[tuple[str, BaseException | None]] = []

    @memory_queue.signal(SIGNAL_COMPLETE)
    def task_success(signal: str, job: Job[Any]) -> None:
        successes.append(signal)

    @memory_queue.signal(SIGNAL_ERROR, SIGNAL_LOCKED, SIGNAL_CANCELED, SIGNAL_REVOKED)
    async def task_not_executed_handler(signal: str, job: Job[Any], exc: BaseException | None = None) -> None:
        failures.append((signal, exc))

    @memory_queue.task
    async def divide(a: int, b: int) -> float:
        return a / b

    async with memory_queue:
        await divide(1, 1)
        await divide(1, 0)
        await Worker(memory_queue, concurrency=1).drain()
        assert successes == ["complete"]
        ((signal, exc),) = failures
        assert (signal, type(exc)) == ("error", ZeroDivisionError)

        memory_queue.disconnect_signal(task_success)
        memory_queue.disconnect_signal(task_not_executed_handler, SIGNAL_LOCKED)
        await divide(1, 1)
        await divide(1, 0)
        await Worker(memory_queue, concurrency=1).drain()
        assert successes == ["complete"]
        assert len(failures) == 2

        memory_queue.disconnect_signal(task_not_executed_handler, SIGNAL_ERROR)
        await divide(1, 0)
        await Worker(memory_queue, concurrency=1).drain()
        assert len(failures) == 2


@pytest.mark.parametrize("broken", [ValueError("no"), SystemExit(1), asyncio.CancelledError()], ids=repr)
async def test_broken_handlers_are_isolated(
    make_queue: MakeQueue, broken: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    queue = make_queue()

    @queue.signal()
    def raises(signal: str, job: Job[Any]) -> None:
        raise broken

    @queue.signal()
    async def raises_too(signal: str, job: Job[Any]) -> None:
        raise broken

    heard = Heard(queue)

    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    with caplog.at_level(logging.CRITICAL):
        async with queue, queue.worker():
            assert await add.call(1, 2) == 3
            # The worker may begin before the caller hears that the job is stored.
            assert sorted(await heard.ends_with("complete")) == ["complete", "enqueued", "executing"]
            assert await add.call(3, 4) == 7


async def test_a_third_parameter_needs_no_default(queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[tuple[str, type[BaseException] | None]] = []

    @queue.signal()
    def hear(signal: str, job: Job[Any], exc: BaseException | None) -> None:
        heard.append((signal, type(exc) if exc else None))

    @queue.signal(SIGNAL_COMPLETE)
    async def hear_later(signal: str, job: Job[Any], *more: Any) -> None:
        heard.append((f"{signal} later", *more))

    @queue.task
    async def divide(a: int, b: int) -> float:
        return a / b

    async with queue:
        await divide(1, 1)
        await Worker(queue).drain()
        await divide(1, 0)
        await Worker(queue).drain()
    assert heard == [
        ("enqueued", None),
        ("executing", None),
        ("complete", None),
        ("complete later", None),
        ("enqueued", None),
        ("executing", None),
        ("error", ZeroDivisionError),
    ]
    assert "the handler" not in caplog.text


async def test_without_a_handler_nothing_is_told_asked_or_started(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of jobs that go every way: well, wrong, again, later, on to the next stage."""

    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    @queue.task(retries=1)
    async def fails() -> None:
        raise ValueError("uh-oh")

    async def run_all() -> None:
        await queue.enqueue(add.s(1, 2).then(add, 3))
        await fails()
        await add.options(delay=60)(1, 2)
        await Worker(queue, concurrency=1).drain()

    entered: list[str] = []
    for owner, name in ((Signals, "send"), (Herald, "tell")):
        monkeypatch.setattr(owner, name, _noting(entered, name, getattr(owner, name)))
    async with queue:
        driver = type((await queue.session()).driver)
        calls = [name for name in vars(Driver) if inspect.iscoroutinefunction(getattr(Driver, name))]
        asked: list[str] = []
        for name in calls:
            monkeypatch.setattr(driver, name, _noting(asked, name, getattr(driver, name)))
        queue.signal()(print)
        queue.disconnect_signal(print)
        await run_all()
        assert entered == []
        assert not {"publish", "note"} & set(asked)
        heard = Heard(queue)
        await run_all()
    assert entered.count("send") == len(heard.names) > 10


def _noting(notes: list[str], name: str, fn: Any) -> Any:
    """Have each call of `fn` noted."""

    def noted(*args: Any, **kwargs: Any) -> Any:
        notes.append(name)
        return fn(*args, **kwargs)

    return noted


async def test_unknown_signals_and_unsuitable_handlers_are_refused(memory_queue: Queue) -> None:
    with pytest.raises(ValueError, match="'completed'"):
        memory_queue.signal("completed")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="parentheses"):
        memory_queue.signal(print)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="signal, job"):
        memory_queue.signal()(lambda signal: None)  # type: ignore[misc, arg-type]


async def test_a_cancelled_running_job_is_told_as_revoked_to_others(memory_queue: Queue) -> None:
    started = asyncio.Event()

    @memory_queue.task
    async def endless() -> None:
        started.set()
        await asyncio.sleep(60)

    heard = Heard(memory_queue)
    async with memory_queue, memory_queue.worker():
        result = await endless()
        await started.wait()
        assert await result.cancel()
        await eventually(lambda: len(heard.names) == 3)
    assert heard.names[-1] in (SIGNAL_CANCELED, SIGNAL_REVOKED)


# ---------------------------------------------------------------- help
async def _nothing() -> None: ...


def _fresh() -> Any:
    async def nothing() -> None: ...

    return nothing


_names: Iterator[int] = iter(range(1_000))


async def _told(queue: Queue, fn: Any, name: str | None = None) -> list[str]:
    """Return what is told of one job of a task."""
    task = queue.task(name=name or f"task{next(_names)}")(fn)
    heard = Heard(queue)
    await task()
    await Worker(queue).drain()
    await queue.close()
    return heard.names
