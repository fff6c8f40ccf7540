"""Locks: one holder at a time, over all processes."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from aioqueue import JobState, Lock, Queue, TaskCancelled, TaskLockedException, guards
from tests.coordination import process_tasks
from tests.core.stores import MakeQueue, eventually

pytestmark = pytest.mark.asyncio


# ---------------------------------------------------------------- async with
async def test_one_holds_a_lock_at_a_time(queue: Queue, make_queue: MakeQueue) -> None:
    async with queue, make_queue() as other:
        async with queue.lock_task("a"):
            assert await queue.is_locked("a")
            assert await other.is_locked("a")
            assert not await other.is_locked("b")
            for one in (queue, other):
                with pytest.raises(TaskLockedException) as caught:
                    async with one.lock_task("a"):
                        raise AssertionError("two hold it")
                assert caught.value.reason == "locked"
            async with other.lock_task("b"):
                pass
        assert not await queue.is_locked("a")
        async with other.lock_task("a"):
            pass


async def test_a_lock_is_freed_by_an_error_inside(queue: Queue) -> None:
    async with queue:
        with pytest.raises(ValueError, match="inside"):
            async with queue.lock_task("a"):
                raise ValueError("inside")
        assert not await queue.is_locked("a")


async def test_a_lock_is_freed_when_its_holder_is_cancelled(queue: Queue) -> None:
    async with queue:
        held = asyncio.Event()

        async def hold() -> None:
            async with queue.lock_task("a"):
                held.set()
                await asyncio.Event().wait()

        holder = asyncio.create_task(hold())
        await held.wait()
        holder.cancel()
        await asyncio.gather(holder, return_exceptions=True)
        assert not await queue.is_locked("a")


async def test_one_lock_object_may_be_used_again_and_is_not_reentrant(queue: Queue) -> None:
    async with queue:
        lock = queue.lock_task("a")
        for _ in range(3):
            async with lock:
                with pytest.raises(TaskLockedException):
                    async with lock:
                        pass
        assert not await queue.is_locked("a")


async def test_one_lock_object_frees_for_each_task_what_it_took(queue: Queue) -> None:
    async with queue:
        lock = queue.lock_task("a")
        first_in, second_in, first_out, second_out = (asyncio.Event() for _ in range(4))

        async def hold(inside: asyncio.Event, out: asyncio.Event) -> None:
            async with lock:
                inside.set()
                await out.wait()

        first = asyncio.create_task(hold(first_in, first_out))
        await asyncio.wait_for(first_in.wait(), 5)
        await queue.flush_locks("a")
        second = asyncio.create_task(hold(second_in, second_out))
        await asyncio.wait_for(second_in.wait(), 5)
        first_out.set()
        await first
        assert await queue.is_locked("a")
        second_out.set()
        await second
        assert not await queue.is_locked("a")


async def test_a_lock_may_be_left_by_another_task_than_entered_it(queue: Queue) -> None:
    async with queue:
        lock = queue.lock_task("a")
        await asyncio.create_task(lock.__aenter__())
        assert await queue.is_locked("a")
        await asyncio.create_task(lock.__aexit__(None, None, None))
        assert not await queue.is_locked("a")


async def test_of_many_that_try_one_gets_it(queue: Queue, make_queue: MakeQueue) -> None:
    async with queue, make_queue() as other:
        inside = most = entered = 0

        async def try_it(one: Queue) -> None:
            nonlocal inside, most, entered
            try:
                async with one.lock_task("a"):
                    inside, entered = inside + 1, entered + 1
                    most = max(most, inside)
                    await asyncio.sleep(0)
                    inside -= 1
            except TaskLockedException:
                pass

        await asyncio.gather(*(try_it(one) for one in (queue, other) * 20))
        assert most == 1
        assert entered >= 1


async def test_a_dead_holder_is_free_of_its_lock_after_ttl(queue: Queue) -> None:
    async with queue:
        driver = (await queue.session()).driver
        assert await driver.acquire("a", "a process that died", 60.0, 1)
        with pytest.raises(TaskLockedException):
            async with queue.lock_task("a"):
                pass
        await driver.shift(59)
        assert await queue.is_locked("a")
        await driver.shift(2)
        assert not await queue.is_locked("a")
        async with queue.lock_task("a"):
            pass


async def test_a_lock_is_renewed_while_it_is_held(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Renewals come by the loop's clock: here so often that the store's can be moved between two of them."""
    monkeypatch.setattr(guards, "RENEWALS_PER_TTL", 30_000)
    async with queue, asyncio.timeout(10):
        driver = (await queue.session()).driver
        renewed: list[bool] = []

        async def noted(*args: Any) -> bool:
            renewed.append(await extend(*args))
            return renewed[-1]

        extend, driver.extend = driver.extend, noted  # type: ignore[method-assign]
        async with queue.lock_task("a", ttl=300):
            for _ in range(3):
                await driver.shift(200)
                before = len(renewed)
                await eventually(lambda before=before: len(renewed) >= before + 2)  # the second began after the shift
                assert await queue.is_locked("a")
        after = len(renewed)
        assert all(renewed)
        assert not await queue.is_locked("a")
        await driver.now()
        assert len(renewed) == after


async def test_an_old_holder_does_not_free_the_lock_of_the_next(queue: Queue, make_queue: MakeQueue) -> None:
    async with queue, make_queue() as other:
        old = queue.lock_task("a")
        await old.__aenter__()
        assert await queue.flush_locks("a") == 1
        async with other.lock_task("a"):
            await old.__aexit__(None, None, None)
            assert await queue.is_locked("a")


async def test_flush_locks_frees_those_named_or_all(queue: Queue, make_queue: MakeQueue) -> None:
    async with queue, make_queue() as other:
        driver = (await queue.session()).driver
        for name in ("a", "b", "c"):
            await driver.acquire(name, "dead", 1_000.0, 1)
        assert await other.flush_locks("a", "x") == 1
        assert [await queue.is_locked(name) for name in ("a", "b", "c")] == [False, True, True]
        assert await other.flush_locks() == 2
        assert await other.flush_locks() == 0
        assert not await queue.is_locked("b")


# ---------------------------------------------------------------- as a decorator
async def test_a_locked_coroutine_is_cancelled_without_retries(queue: Queue) -> None:
    began, end = asyncio.Event(), asyncio.Event()

    @queue.task
    @queue.lock_task("a")
    async def body() -> int:
        began.set()
        await end.wait()
        return 1

    async with queue, queue.worker():
        first = await body()
        await asyncio.wait_for(began.wait(), 5)
        assert await queue.is_locked("a")
        second = await body()
        with pytest.raises(TaskLockedException, match="'a'") as caught:
            await second.get(timeout=5)
        assert isinstance(caught.value, TaskCancelled)
        assert (caught.value.reason, await second.state()) == ("locked", JobState.CANCELLED)
        end.set()
        assert await first.get(timeout=5) == 1
        await eventually(lambda: _free(queue, "a"))
        assert await body.call() == 1


async def _free(queue: Queue, name: str) -> bool:
    return not await queue.is_locked(name)


async def test_a_locked_job_uses_its_retries_until_the_lock_is_free(queue: Queue) -> None:
    began, end, ran = asyncio.Event(), asyncio.Event(), []

    @queue.task(retries=500, retry_delay=0.02)
    @queue.lock_task("a")
    async def body(n: int) -> int:
        ran.append(n)
        began.set()
        await end.wait()
        return n

    async with queue, queue.worker():
        first = await body(1)
        await asyncio.wait_for(began.wait(), 5)
        second = await body(2)
        await eventually(lambda: _tried(queue, second.id))
        end.set()
        assert [await one.get(timeout=5) for one in (first, second)] == [1, 2]
    assert ran == [1, 2]


async def _tried(queue: Queue, job_id: str) -> bool:
    return any(job.id == job_id and job.tries > 0 for job in await queue.scheduled())


async def test_a_job_that_stays_locked_out_is_cancelled_after_its_last_retry(queue: Queue) -> None:
    @queue.task(retries=2)
    @queue.lock_task("a")
    async def body() -> None:
        raise AssertionError("it is locked")

    async with queue:
        await (await queue.session()).driver.acquire("a", "dead", 1_000.0, 1)
        async with queue.worker():
            with pytest.raises(TaskLockedException) as caught:
                await body.call()
            assert caught.value.retries == 0


async def test_a_thread_body_is_locked_too(queue: Queue) -> None:
    began, end = threading.Event(), threading.Event()

    @queue.task
    @queue.lock_task("a")
    def body() -> int:
        began.set()
        end.wait(10)
        return 1

    async with queue, queue.worker():
        first = await body()
        try:
            assert await asyncio.to_thread(began.wait, 5)
            with pytest.raises(TaskLockedException):
                await (await body()).get(timeout=5)
        finally:
            end.set()
        assert await first.get(timeout=5) == 1


async def test_a_process_body_is_locked_too(queue: Queue, tmp_path: Path) -> None:
    queue.registry.add(process_tasks.until)
    job = process_tasks.until.s(str(tmp_path / "began"), str(tmp_path / "end"))
    late = process_tasks.until.s(str(tmp_path / "began"), str(tmp_path / "end"))
    async with queue, queue.worker(processes=2):
        await queue.enqueue(job)
        await eventually((tmp_path / "began").exists, 20)
        assert await queue.is_locked("process")
        await queue.enqueue(late)
        with pytest.raises(TaskLockedException):
            await queue.result(late.id).get(timeout=20)
        (tmp_path / "end").touch()
        assert isinstance(await queue.result(job.id).get(timeout=20), int)
        await eventually(lambda: _free(queue, "process"))


@pytest.mark.parametrize("how", ["raises", "times out", "is cancelled"])
async def test_the_lock_is_freed_however_the_body_ends(queue: Queue, how: str) -> None:
    began = asyncio.Event()

    @queue.task(timeout=0.05 if how == "times out" else 30)
    @queue.lock_task("a")
    async def body() -> None:
        began.set()
        if how == "raises":
            raise ValueError
        await asyncio.Event().wait()

    async with queue, queue.worker():
        result = await body()
        await asyncio.wait_for(began.wait(), 5)
        if how == "is cancelled":
            await result.cancel()
        with pytest.raises(Exception):  # noqa: B017
            await result.get(timeout=5)
        await eventually(lambda: _free(queue, "a"))


async def test_several_guards_are_taken_from_the_outside_and_given_back(queue: Queue) -> None:
    @queue.task
    @queue.lock_task("a")
    @queue.lock_task("b")
    async def body() -> list[bool]:
        return [await queue.is_locked("a"), await queue.is_locked("b")]

    async with queue:
        driver = (await queue.session()).driver
        async with queue.worker():
            assert await body.call() == [True, True]
            await driver.acquire("b", "another", 1_000.0, 1)
            with pytest.raises(TaskLockedException, match="'b'"):
                await body.call()
            await eventually(lambda: _free(queue, "a"))


async def test_a_local_call_takes_no_lock(queue: Queue) -> None:
    """The worker takes the lock, not the function."""

    @queue.task
    @queue.lock_task("a")
    async def body() -> bool:
        return await queue.is_locked("a")

    async with queue:
        assert await body.call_local() is False


# ---------------------------------------------------------------- bad input
@pytest.mark.parametrize("name", ["", None, 5, "x" * 201, "new\nline", "nul\x00"], ids=repr)
async def test_a_lock_needs_a_name(memory_queue: Queue, name: Any) -> None:
    with pytest.raises(ValueError, match="name"):
        memory_queue.lock_task(name)
    with pytest.raises(ValueError, match="name"):
        memory_queue.semaphore(name, 2)
    with pytest.raises(ValueError, match="name"):
        memory_queue.rate_limit(name, 2, 1)
    with pytest.raises(ValueError, match="name"):
        await memory_queue.is_locked(name)
    with pytest.raises(ValueError, match="name"):
        await memory_queue.flush_locks(name)


@pytest.mark.parametrize(("ttl", "error"), [(0, ValueError), (-1, ValueError), ("1", TypeError), (None, TypeError)])
async def test_a_lock_needs_a_ttl(memory_queue: Queue, ttl: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="ttl"):
        memory_queue.lock_task("a", ttl=ttl)


async def test_a_bare_lock_is_refused(memory_queue: Queue) -> None:
    """`@queue.lock_task` without a name takes the function for one: it must not pass for a lock."""

    def body() -> None: ...

    misused: Any = memory_queue.lock_task
    lock: Lock = misused(body)
    with pytest.raises(TypeError):
        memory_queue.task(lock)  # type: ignore[call-overload]
