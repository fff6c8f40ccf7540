"""Bodies on the loop, in threads and in processes."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aioqueue import (
    CancelExecution,
    Job,
    JobState,
    Queue,
    TaskCancelled,
    TaskException,
    TaskLost,
    TaskTimeout,
    current_job,
)
from tests.core.stores import eventually
from tests.worker import process_tasks
from tests.worker.process_tasks import send

pytestmark = pytest.mark.asyncio

OUTSIDERS = [
    ValueError("broken"),
    SystemExit(3),
    KeyboardInterrupt(),
    asyncio.CancelledError("mine"),
    GeneratorExit(),
    StopIteration(1),
    StopAsyncIteration(),
    TimeoutError("mine"),
    ExceptionGroup("several", [ValueError(1), KeyError(2)]),
    BaseExceptionGroup("several", [KeyboardInterrupt()]),
    type("Odd", (BaseException,), {})("odd"),
]


# ---------------------------------------------------------------- where they run
async def test_a_coroutine_runs_on_the_workers_loop_and_a_function_in_a_thread(queue: Queue) -> None:
    @queue.task
    async def on_loop() -> int:
        return threading.get_ident()

    @queue.task
    def in_thread() -> int:
        return threading.get_ident()

    async with queue, queue.worker():
        assert await on_loop.call() == threading.get_ident()
        assert await in_thread.call() != threading.get_ident()


async def test_a_process_task_runs_in_another_process(queue: Queue) -> None:
    async with queue, queue.worker():
        result = await send(queue, process_tasks.whereabouts, 7)
        pid, job_id, a = await result.get(timeout=20)
    assert (pid != os.getpid(), job_id, a) == (True, result.id, 7)


async def test_the_running_job_is_known_in_its_body(queue: Queue) -> None:
    @queue.task(context=True, retries=3)
    async def on_loop(job: Job[Any], a: int, *, b: int = 2) -> list[Any]:
        await asyncio.sleep(0)
        return [job.id, job.task_name, job.retries, job.tries, job is current_job(), a, b]

    @queue.task(context=True, retries=3)
    def in_thread(job: Job[Any], a: int, *, b: int = 2) -> list[Any]:
        return [job.id, job.task_name, job.retries, job.tries, job is current_job(), a, b]

    async with queue, queue.worker():
        for task in (on_loop, in_thread):
            results = [await task(n) for n in range(20)]
            for n, result in enumerate(results):
                assert await result == [result.id, task.name, 3, 0, True, n, 2]
        result = await send(queue, process_tasks.with_context, 1)
        assert await result.get(timeout=20) == [result.id, process_tasks.with_context.name, 0, 0, True, 1]
    with pytest.raises(LookupError, match="inside a task"):
        current_job()


async def test_the_running_job_is_known_in_what_a_body_starts(queue: Queue) -> None:
    @queue.task
    async def starts() -> list[str]:
        async def child() -> str:
            return current_job().id

        return [await asyncio.create_task(child()), await asyncio.to_thread(lambda: current_job().id)]

    async with queue, queue.worker():
        result = await starts()
        assert await result == [result.id, result.id]


async def test_bodies_see_no_context_variables_of_each_other(queue: Queue) -> None:
    leak: contextvars.ContextVar[int] = contextvars.ContextVar("leak", default=0)

    @queue.task
    async def on_loop(n: int) -> int:
        before = leak.get()
        leak.set(n)
        return before

    @queue.task
    def in_thread(n: int) -> int:
        before = leak.get()
        leak.set(n)
        return before

    async with queue, queue.worker(concurrency=2, threads=1):
        assert set(await (await on_loop.map(range(1, 9)))) == {0}
        assert set(await (await in_thread.map(range(1, 9)))) == {0}


async def test_no_more_bodies_than_concurrency_run_at_once(queue: Queue) -> None:
    running, most = 0, 0

    @queue.task
    async def body() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.002)
        running -= 1

    async with queue:
        results = await body.map([()] * 60)
        async with queue.worker(concurrency=7):
            await results.get(timeout=10)
    assert most == 7


async def test_no_more_threads_than_threads_are_used(queue: Queue) -> None:
    lock = threading.Lock()
    running, most = 0, 0

    @queue.task
    def body() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.005)
        with lock:
            running -= 1

    async with queue:
        results = await body.map([()] * 20)
        async with queue.worker(concurrency=20, threads=3):
            await results.get(timeout=10)
    assert most == 3


async def test_a_worker_claims_little_more_than_it_can_run(queue: Queue) -> None:
    go = asyncio.Event()

    @queue.task
    async def body() -> None:
        await go.wait()

    async with queue:
        results = await body.map([()] * 50)
        async with queue.worker(concurrency=3):
            await eventually(lambda: _is_running(queue, 3))
            counts = await queue.counts()
            assert counts[JobState.RUNNING] <= 6
            go.set()
            await results.get(timeout=10)


async def _is_running(queue: Queue, least: int) -> bool:
    return (await queue.counts())[JobState.RUNNING] >= least


# ---------------------------------------------------------------- how they end
@pytest.mark.parametrize("error", OUTSIDERS, ids=lambda error: type(error).__name__)
async def test_whatever_a_body_raises_ends_its_own_job_alone(memory_queue: Queue, error: BaseException) -> None:
    queue = memory_queue

    @queue.task
    async def on_loop() -> None:
        raise error

    @queue.task
    def in_thread() -> None:
        raise error

    @queue.task
    async def neighbour() -> int:
        await asyncio.sleep(0.02)
        return 1

    async with queue, queue.worker() as worker:
        beside = await neighbour()
        for task in (on_loop, in_thread):
            with pytest.raises(TaskException) as caught:
                await (await task()).get(timeout=2)
            assert type(error).__name__ in caught.value.error or isinstance(error, StopIteration | StopAsyncIteration)
            assert not isinstance(caught.value, TaskTimeout | TaskCancelled)
        assert await beside == 1
        assert await neighbour.call() == 1
        assert worker.abandoned_threads == 0


@pytest.mark.parametrize("what", ["ValueError", "SystemExit", "KeyboardInterrupt", "CancelledError", "GeneratorExit"])
async def test_whatever_a_process_body_raises_ends_its_own_job_alone(memory_queue: Queue, what: str) -> None:
    async with memory_queue as queue, queue.worker(processes=1):
        result = await send(queue, process_tasks.raises, what)
        with pytest.raises(TaskException, match=what) as caught:
            await result.get(timeout=20)
        assert "process_tasks.py" in caught.value.traceback
        assert await (await send(queue, process_tasks.slow, 0)).get(timeout=20) == "done"


async def test_an_error_tells_type_message_traceback_and_retries(queue: Queue) -> None:
    @queue.task(retries=1)
    async def fails() -> None:
        def inner() -> None:
            raise LookupError("what was sought")

        inner()

    async with queue, queue.worker():
        result = await fails.options(retries=0)()
        with pytest.raises(TaskException) as caught:
            await result
        error = caught.value
        assert error.error == "LookupError: what was sought"
        assert (error.job_id, error.retries) == (result.id, 0)
        assert "in inner" in error.traceback
        assert error.traceback.startswith("Traceback")
        assert "aioqueue/worker" not in error.traceback
        assert await result.state() is JobState.FAILED


@pytest.mark.parametrize(
    "error",
    [
        ValueError("caf\udce9"),
        FileNotFoundError(2, "No such file", "caf\udce9"),
        ValueError("x" * 100_000),
        ValueError(b"\xff", object()),
        type("Unprintable", (Exception,), {"__str__": lambda self: 1 / 0})(),
        type("Unprintable", (Exception,), {"__str__": lambda self: None})(),
    ],
    ids=["surrogate", "file name", "long", "odd", "raising", "no text"],
)
async def test_an_error_that_is_hard_to_tell_still_ends_its_job(memory_queue: Queue, error: Exception) -> None:
    @memory_queue.task
    async def fails() -> None:
        raise error

    async with memory_queue as queue, queue.worker(shutdown_timeout=0.1):
        result = await fails()
        with pytest.raises(TaskException) as caught:
            await result.get(timeout=2)
        assert caught.value.error.startswith(type(error).__name__)
        assert len(caught.value.error) < 3_000


async def test_a_recursion_error_is_an_error(memory_queue: Queue) -> None:
    @memory_queue.task
    async def fails(n: int) -> None:
        await fails.fn(n + 1)

    async with memory_queue as queue, queue.worker():
        with pytest.raises(TaskException, match="RecursionError"):
            await (await fails(0)).get(timeout=5)


async def test_a_value_that_cannot_be_stored_fails_the_job_and_does_not_run_it_again(queue: Queue) -> None:
    runs: list[str] = []

    @queue.task(retries=5)
    async def on_loop() -> Any:
        runs.append("loop")
        return object()

    @queue.task(retries=5)
    def in_thread() -> Any:
        runs.append("thread")
        return {"deep": [lambda: 1]}

    async with queue, queue.worker():
        for task in (on_loop, in_thread):
            with pytest.raises(TaskException, match=r"return value.*cannot be stored"):
                await (await task()).get(timeout=5)
        with pytest.raises(TaskException, match=r"return value.*cannot be stored"):
            await (await send(queue, process_tasks.unserialisable)).get(timeout=20)
    assert runs == ["loop", "thread"]


async def test_a_value_that_is_too_large_fails_the_job(store_url: str) -> None:
    queue = Queue(store_url, name="small", max_payload=1_000)

    @queue.task(retries=5)
    async def large(n: int) -> bytes:
        return b"x" * n

    async with queue:
        await queue.flush()
        async with queue.worker():
            assert len(await large.call(900)) == 900
            with pytest.raises(TaskException, match=r"return value.*too large"):
                await large.call(1_000)


async def test_arguments_that_no_longer_fit_fail_the_job(memory_queue: Queue) -> None:
    @memory_queue.task(name="changed")
    async def old(a: str) -> None: ...

    result = await old("text")
    memory_queue.registry._tasks.clear()

    @memory_queue.task(name="changed")
    async def new(a: int) -> None: ...

    async with memory_queue as queue, queue.worker():
        with pytest.raises(TaskException, match="'a'"):
            await result.get(timeout=5)


# ---------------------------------------------------------------- timeouts
async def test_a_coroutine_that_runs_too_long_is_stopped(queue: Queue) -> None:
    ended = asyncio.Event()

    @queue.task(timeout=0.05)
    async def body() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    async with queue, queue.worker():
        with pytest.raises(TaskTimeout, match=r"0\.05 s"):
            await (await body()).get(timeout=5)
        assert ended.is_set()


async def test_a_thread_that_runs_too_long_is_left_behind_and_counted(queue: Queue) -> None:
    go = threading.Event()

    @queue.task(timeout=0.05)
    def body() -> None:
        go.wait(10)

    async with queue, queue.worker() as worker:
        with pytest.raises(TaskTimeout):
            await (await body()).get(timeout=5)
        assert worker.abandoned_threads == 1
        go.set()
        await eventually(lambda: worker.abandoned_threads == 0, 2)


async def test_a_process_that_runs_too_long_is_killed(queue: Queue, tmp_path: Path) -> None:
    note = tmp_path / "note"
    async with queue, queue.worker(processes=1):
        assert await (await send(queue, process_tasks.slow, 0)).get(timeout=20) == "done"
        with pytest.raises(TaskTimeout):
            await (await send(queue, process_tasks.slow, 30, str(note), timeout=0.2)).get(timeout=10)
        assert await (await send(queue, process_tasks.slow, 0)).get(timeout=20) == "done"
    assert not note.exists()


async def test_a_timeout_is_retried(queue: Queue) -> None:
    @queue.task(timeout=0.05, retries=2, context=True)
    async def body(job: Job[Any]) -> int:
        if job.tries < 2:
            await asyncio.sleep(60)
        return job.tries

    async with queue, queue.worker():
        assert await (await body()).get(timeout=5) == 2


async def test_a_timeout_error_of_the_body_is_no_timeout_of_the_job(memory_queue: Queue) -> None:
    @memory_queue.task(timeout=60)
    async def body() -> None:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(60)

    async with memory_queue as queue, queue.worker():
        with pytest.raises(TaskException) as caught:
            await (await body()).get(timeout=5)
        assert not isinstance(caught.value, TaskTimeout)


async def test_a_body_that_goes_on_after_its_timeout_ends_as_it_ends(memory_queue: Queue) -> None:
    @memory_queue.task(timeout=0.02)
    async def stubborn() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "saved"
        return "slept"

    async with memory_queue as queue, queue.worker():
        with contextlib.suppress(TaskTimeout):
            assert await (await stubborn()).get(timeout=5) == "saved"


async def test_waiting_for_a_thread_is_no_part_of_the_timeout(memory_queue: Queue) -> None:
    @memory_queue.task(timeout=0.25)
    def body() -> int:
        time.sleep(0.1)
        return 1

    async with memory_queue as queue:
        results = await body.map([()] * 4)
        async with queue.worker(threads=1):
            assert await results.get(timeout=5) == [1] * 4


async def test_waiting_for_a_process_is_no_part_of_the_timeout(memory_queue: Queue) -> None:
    async with memory_queue as queue, queue.worker(processes=1):
        await (await send(queue, process_tasks.slow, 0)).get(timeout=20)
        results = [await send(queue, process_tasks.slow, 0.15, timeout=0.4) for _ in range(4)]
        assert [await result.get(timeout=10) for result in results] == ["done"] * 4


async def test_a_call_may_lift_the_declared_timeout(memory_queue: Queue) -> None:
    @memory_queue.task(timeout=0.01)
    async def body() -> int:
        await asyncio.sleep(0.05)
        return 1

    async with memory_queue as queue, queue.worker():
        assert await body.options(timeout=None).call() == 1


# ---------------------------------------------------------------- cancelling oneself
async def test_a_body_may_cancel_its_own_task(memory_queue: Queue) -> None:
    @memory_queue.task(timeout=10)
    async def body(how: str) -> int:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        if how == "await":
            await asyncio.sleep(0)
        return 1

    async with memory_queue as queue, queue.worker(concurrency=1):
        for how in ("await", "return"):
            try:
                await (await body(how)).get(timeout=2)
            except TaskException as error:
                assert "CancelledError" in error.error
        assert await (await send(queue, process_tasks.slow, 0)).get(timeout=20) == "done"


# ---------------------------------------------------------------- processes
async def test_a_dead_child_is_a_lost_delivery_of_its_own_job_alone(queue: Queue, tmp_path: Path) -> None:
    async with queue, queue.worker(processes=3):
        neighbours = [await send(queue, process_tasks.slow, 0.5) for _ in range(2)]
        dying = await send(queue, process_tasks.die_until, str(tmp_path / "deaths"), 2)
        assert await dying.get(timeout=30) == 2
        assert [await result.get(timeout=30) for result in neighbours] == ["done", "done"]


async def test_a_job_whose_children_die_is_lost_and_becomes_a_dead_letter(queue: Queue) -> None:
    async with queue, queue.worker(processes=2):
        dying = await send(queue, process_tasks.die_twice)
        with pytest.raises(TaskLost, match="2 times"):
            await dying.get(timeout=30)
        driver = (await queue.session()).driver
        page = await driver.jobs("dead")
        assert [(job.id, "lost" in job.dead_reason) for job in page.jobs] == [(dying.id, True)]


async def test_at_most_once_is_lost_with_the_first_death(memory_queue: Queue) -> None:
    async with memory_queue as queue, queue.worker(processes=1):
        with pytest.raises(TaskLost):
            await (await send(queue, process_tasks.die_once)).get(timeout=20)


async def test_a_child_that_died_while_idle_costs_no_job(memory_queue: Queue) -> None:
    async with memory_queue as queue, queue.worker(processes=1):
        pid, *_ = await (await send(queue, process_tasks.whereabouts, 1)).get(timeout=20)
        os.kill(pid, 9)
        await asyncio.sleep(0.05)
        assert (await (await send(queue, process_tasks.whereabouts, 2)).get(timeout=20))[2] == 2


async def test_a_process_body_may_write_to_its_standard_output(memory_queue: Queue) -> None:
    async with memory_queue as queue, queue.worker(processes=1):
        assert await (await send(queue, process_tasks.noisy)).get(timeout=20) == "heard"


async def test_a_process_task_under_another_name_than_its_functions(memory_queue: Queue) -> None:
    async with memory_queue as queue, queue.worker(processes=1):
        assert await (await send(queue, process_tasks.renamed, 1)).get(timeout=20) == 2


async def test_cancel_and_retry_come_back_from_a_process(memory_queue: Queue) -> None:
    async with memory_queue as queue, queue.worker(processes=1):
        with pytest.raises(TaskCancelled, match="enough"):
            await (await send(queue, process_tasks.raises, "CancelExecution")).get(timeout=20)
        again = await send(queue, process_tasks.raises, "RetryTask")
        await eventually(lambda: _is(again.state, JobState.SCHEDULED), 20)


async def _is(state: Callable[[], Any], wanted: JobState) -> bool:
    return bool(await state() is wanted)


async def test_call_local_runs_here(queue: Queue) -> None:
    @queue.task(context=True)
    async def on_loop(job: Job[Any], a: int) -> list[Any]:
        return [job.task_name, threading.get_ident(), a]

    @queue.task
    def in_thread(a: int) -> list[int]:
        return [threading.get_ident(), a]

    assert await on_loop.call_local(1) == [on_loop.name, threading.get_ident(), 1]
    assert (await in_thread.call_local(a=1))[0] != threading.get_ident()

    @queue.task
    async def stops() -> None:
        raise CancelExecution("as it is")

    with pytest.raises(CancelExecution):
        await stops.call_local()


async def test_call_local_knows_the_running_job(memory_queue: Queue) -> None:
    @memory_queue.task
    async def body() -> str:
        return current_job().task_name

    assert await body.call_local() == body.name
