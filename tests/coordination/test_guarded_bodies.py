"""Guards around bodies: stores that do not answer, threads that outlive their jobs, and jobs that have none."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from aioqueue import (
    JobState,
    Queue,
    RateLimitExceeded,
    StoreUnavailable,
    TaskCancelled,
    TaskException,
    TaskLockedException,
    TaskTimeout,
    every,
)
from aioqueue.hooks import Hooks
from aioqueue.worker.guarding import Guarding
from tests.core.stores import eventually

pytestmark = pytest.mark.asyncio

GUARDS: dict[str, Callable[[Queue], Any]] = {
    "lock": lambda queue: queue.lock_task("g"),
    "semaphore": lambda queue: queue.semaphore("g", 1),
    "rate limit": lambda queue: queue.rate_limit("g", 1, 1_000),
}


@pytest.fixture(params=GUARDS)
def guard(request: pytest.FixtureRequest, queue: Queue) -> Any:
    """One guard after the other, with one place."""
    return GUARDS[request.param](queue)


async def spoil(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, operation: str, *, times: int, takes_effect: bool
) -> list[str]:
    """Have the store not answer an operation for a while, having done it or not; return the calls of it."""
    kind = type((await queue.session()).driver)
    real, calls = getattr(kind, operation), []

    async def spoilt(driver: Any, *args: Any) -> Any:
        calls.append(operation)
        if len(calls) > times:
            return await real(driver, *args)
        if takes_effect:
            await real(driver, *args)
        raise StoreUnavailable("no answer")

    monkeypatch.setattr(kind, operation, spoilt)
    return calls


async def free(queue: Queue, name: str) -> bool:
    return not await queue.is_locked(name)


# ---------------------------------------------------------------- a store that does not answer
@pytest.mark.parametrize("takes_effect", [False, True], ids=["before", "after it took effect"])
async def test_a_lock_whose_answer_is_lost_is_asked_for_again(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, takes_effect: bool
) -> None:
    @queue.task
    @queue.lock_task("a")
    async def body() -> bool:
        return await queue.is_locked("a")

    async with queue, queue.worker():
        calls = await spoil(queue, monkeypatch, "acquire", times=2, takes_effect=takes_effect)
        assert await (await body()).get(timeout=10)
        assert len(calls) == 3
        assert await free(queue, "a")


@pytest.mark.parametrize("takes_effect", [False, True], ids=["before", "after it took effect"])
async def test_a_use_whose_answer_is_lost_costs_its_job_nothing(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, takes_effect: bool
) -> None:
    """It may have been taken: the job then waits for the next one, without using a retry."""
    ran: list[int] = []

    @queue.task
    @queue.rate_limit("r", 1, 1_000)
    async def body() -> None:
        ran.append(1)

    async with queue:
        driver = (await queue.session()).driver
        async with queue.worker():
            await spoil(queue, monkeypatch, "spend", times=1, takes_effect=takes_effect)
            result = await body()
            if takes_effect:

                async def is_scheduled() -> bool:
                    return await result.state() is JobState.SCHEDULED

                await eventually(is_scheduled)
                assert ran == []
        await driver.shift(1_001)
        async with queue.worker():
            await result.get(timeout=10)
        assert ran == [1]


async def test_a_job_may_be_cancelled_while_the_store_keeps_it_waiting_for_its_lock(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    @queue.task
    @queue.lock_task("a")
    async def body() -> None:
        raise AssertionError("it has no lock")

    async with queue, queue.worker():
        calls = await spoil(queue, monkeypatch, "acquire", times=1_000, takes_effect=True)
        result = await body()
        await eventually(lambda: len(calls) > 0)
        await result.cancel()
        with pytest.raises(TaskCancelled) as caught:
            await result.get(timeout=10)
        assert caught.value.reason == "cancelled"
        await eventually(lambda: free(queue, "a"))


async def test_who_enters_a_guard_hears_of_a_store_that_does_not_answer(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, guard: Any
) -> None:
    async with queue:
        for operation in ("acquire", "spend"):
            await spoil(queue, monkeypatch, operation, times=1, takes_effect=False)
        with pytest.raises(StoreUnavailable):
            async with guard:
                pass
        assert await free(queue, "g")


# ---------------------------------------------------------------- whose failure it is
async def test_a_job_that_awaits_one_that_was_kept_out_has_failed(queue: Queue, guard: Any) -> None:
    tried: list[int] = []

    @queue.task
    @guard
    async def inner() -> None: ...

    @queue.task(retries=1)
    async def outer() -> None:
        tried.append(1)
        await inner.call()

    async with queue, queue.worker():
        async with guard:
            result = await outer()
            with pytest.raises(TaskException, match=r"Locked|RateLimit") as caught:
                await result.get(timeout=10)
        assert not isinstance(caught.value, TaskCancelled)
        assert await result.state() is JobState.FAILED
        assert len(tried) == 2


async def test_a_body_that_cannot_enter_a_guard_is_kept_out(queue: Queue, guard: Any) -> None:
    @queue.task
    async def body() -> None:
        async with guard:
            pass

    async with queue, queue.worker(), guard:
        with pytest.raises((TaskLockedException, RateLimitExceeded)):
            await (await body()).get(timeout=10)


# ---------------------------------------------------------------- threads that outlive their jobs
@pytest.mark.parametrize("how", ["times out", "is cancelled"])
async def test_a_thread_that_outlives_its_job_keeps_its_lock(queue: Queue, how: str) -> None:
    began, end = threading.Event(), threading.Event()

    @queue.task(timeout=0.2 if how == "times out" else None)
    @queue.lock_task("a", ttl=0.3)
    def body() -> None:
        began.set()
        end.wait(20)

    @queue.task
    @queue.lock_task("a")
    async def late() -> None: ...

    async with queue, queue.worker() as worker:
        try:
            result = await body()
            assert await asyncio.to_thread(began.wait, 10)
            if how == "is cancelled":
                await result.cancel()
            with pytest.raises((TaskTimeout, TaskCancelled)):
                await result.get(timeout=10)
            assert worker.abandoned_threads == 1
            driver = (await queue.session()).driver
            over = await driver.now() + 0.5  # the time of the store has to pass, since renewals come by the loop's
            while await driver.now() < over:
                assert await queue.is_locked("a")
                await asyncio.sleep(0.02)
            with pytest.raises(TaskLockedException):
                await (await late()).get(timeout=10)
        finally:
            end.set()
        await eventually(lambda: free(queue, "a"))
        await (await late()).get(timeout=10)


async def test_a_worker_that_ends_frees_the_locks_of_threads_that_it_leaves_behind(queue: Queue) -> None:
    """Their jobs are handed back, or have ended: whoever takes the jobs over is to find them free."""
    began, end = threading.Event(), threading.Event()

    @queue.task
    @queue.lock_task("a")
    def body() -> None:
        began.set()
        end.wait(20)

    async with queue:
        try:
            async with queue.worker(shutdown_timeout=0):
                result = await body()
                assert await asyncio.to_thread(began.wait, 10)
            assert await result.state() is JobState.QUEUED
            assert await free(queue, "a")
        finally:
            end.set()


# ---------------------------------------------------------------- where they go
@pytest.mark.parametrize("make", ["task", "periodic_task", "closing_task"])
async def test_a_guard_above_the_task_decorator_is_refused(queue: Queue, guard: Any, make: str) -> None:
    made_by: dict[str, Any] = {
        "task": queue.task,
        "periodic_task": queue.periodic_task(every(seconds=1)),
        "closing_task": queue.closing_task(_Nothing()),
    }
    decorator = made_by[make]

    @decorator
    async def body() -> None: ...

    with pytest.raises(TypeError, match=r"under @queue\.task"):
        guard(body)


class _Nothing:
    def open(self) -> None: ...

    def close(self) -> None: ...


# ---------------------------------------------------------------- the rest wait
async def test_at_most_so_many_at_once_and_the_rest_wait(queue: Queue) -> None:
    """The recipe of docs/from-huey.md: retries that last longer than the rest may have to wait."""
    running = most = 0

    @queue.task(retries=1_000, retry_delay=0.02)
    @queue.semaphore("s", 2)
    async def body(n: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return n

    async with queue, queue.worker():
        results = await body.map(range(8))
        assert await results.get(timeout=20) == list(range(8))
    assert most == 2


async def test_retries_to_wait_with_need_not_be_retries_of_errors(queue: Queue) -> None:
    ran: list[int] = []

    @queue.task(retries=1_000, retry_on=())
    @queue.semaphore("s", 2)
    async def body() -> None:
        ran.append(1)
        raise ValueError

    async with queue, queue.worker():
        with pytest.raises(TaskException) as caught:
            await (await body()).get(timeout=10)
    assert (ran, caught.value.retries) == ([1], 1_000)


# ---------------------------------------------------------------- jobs that have none
async def test_a_job_without_guards_and_hooks_does_not_pay_for_them(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def not_here(*_: Any) -> None:
        raise AssertionError("a job without guards and hooks came here")

    @queue.task
    async def on_loop() -> int:
        return 1

    @queue.task
    def in_thread() -> int:
        return 2

    async with queue:
        for operation in ("acquire", "extend", "free", "holders", "spend"):
            monkeypatch.setattr(type((await queue.session()).driver), operation, not_here)
        for kind, name in ((Guarding, "run"), (Hooks, "before"), (Hooks, "after"), (Hooks, "run_body")):
            monkeypatch.setattr(kind, name, not_here)
        async with queue.worker():
            assert await asyncio.gather(on_loop.call(), in_thread.call()) == [1, 2]
