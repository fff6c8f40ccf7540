"""Cancelling, from anywhere: what is queued or scheduled ends at once, what is running is stopped."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from aioqueue import JobState, Queue, Result, TaskCancelled
from aioqueue.drivers.base import Ended
from aioqueue.outcome import Cause, Failure, encode_failure
from tests.cli.processes import Commands
from tests.core.stores import MakeQueue, eventually
from tests.stopping import process_tasks

pytestmark = pytest.mark.asyncio


async def is_cancelled(result: Result[Any]) -> None:
    with pytest.raises(TaskCancelled) as caught:
        await result.get(timeout=10)
    assert caught.value.reason == "cancelled"
    assert await result.state() is JobState.CANCELLED


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("options", [{}, {"delay": 60}], ids=["queued", "scheduled"])
async def test_a_job_that_has_not_begun_ends_at_once(
    queue: Queue, make_queue: MakeQueue, options: dict[str, Any]
) -> None:
    @queue.task
    async def body() -> None:
        raise AssertionError("it is cancelled")

    async with queue, make_queue() as other:
        result = await body.options(**options)()
        wait = asyncio.create_task(result.get())
        assert await other.result(result.id).cancel()
        with pytest.raises(TaskCancelled, match="cancelled"):
            await asyncio.wait_for(wait, 5)
        await is_cancelled(result)
        await is_cancelled(other.result(result.id))
        assert sum((await queue.counts()).values()) == 0
        async with queue.worker():
            pass


async def test_what_has_finished_or_is_unknown_cannot_be_cancelled(queue: Queue) -> None:
    @queue.task
    async def body() -> int:
        return 1

    async with queue, queue.worker():
        result = await body()
        assert await result.get(timeout=5) == 1
        assert not await result.cancel()
        assert not await queue.result(uuid4().hex).cancel()
        assert await result.state() is JobState.SUCCEEDED


async def test_cancelling_twice_cancels_once(queue: Queue) -> None:
    @queue.task
    async def body() -> None: ...

    async with queue:
        result = await body()
        assert [await result.cancel() for _ in range(2)] == [True, False]


async def test_a_running_coroutine_is_stopped_from_another_queue_object(queue: Queue, make_queue: MakeQueue) -> None:
    began, cleaned = asyncio.Event(), asyncio.Event()

    @queue.task(retries=5)
    async def body() -> None:
        try:
            began.set()
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    async with queue, make_queue() as other, queue.worker():
        result = await body()
        await asyncio.wait_for(began.wait(), 5)
        assert await other.result(result.id).cancel()
        await is_cancelled(result)
        await asyncio.wait_for(cleaned.wait(), 5)
        assert sum((await queue.counts()).values()) == 0  # its retries are not used


async def test_a_running_thread_is_left_behind_and_its_outcome_dropped(queue: Queue, make_queue: MakeQueue) -> None:
    began, end = threading.Event(), threading.Event()

    @queue.task
    def body() -> int:
        began.set()
        end.wait(10)
        return 1

    async with queue, make_queue() as other, queue.worker() as worker:
        result = await body()
        try:
            assert await asyncio.to_thread(began.wait, 5)
            assert await other.result(result.id).cancel()
            await is_cancelled(result)
            assert worker.abandoned_threads == 1
        finally:
            end.set()
        await eventually(lambda: worker.abandoned_threads == 0)
        result.reset()
        await is_cancelled(result)


async def test_a_running_process_is_killed(queue: Queue, make_queue: MakeQueue, tmp_path: Path) -> None:
    began = tmp_path / "began"
    queue.registry.add(process_tasks.never_ends)
    job = process_tasks.never_ends.s(str(began))
    async with queue, make_queue() as other, queue.worker():
        await queue.enqueue(job)
        await eventually(began.exists, 20)
        assert await other.result(job.id).cancel()
        await is_cancelled(queue.result(job.id))
        await eventually(lambda: not is_alive(int(began.read_text())), 10)


async def test_a_body_that_swallows_the_cancellation_has_no_say(queue: Queue) -> None:
    began = asyncio.Event()

    @queue.task
    async def body() -> int:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return 5
        return 6

    async with queue, queue.worker():
        result = await body()
        await asyncio.wait_for(began.wait(), 5)
        await result.cancel()
        await is_cancelled(result)


async def test_neighbours_go_on(queue: Queue) -> None:
    began, end = asyncio.Queue[int](), asyncio.Event()

    @queue.task
    async def body(n: int) -> int:
        began.put_nowait(n)
        await end.wait()
        return n

    async with queue, queue.worker():
        results = await body.map([1, 2, 3])
        for _ in range(3):
            await asyncio.wait_for(began.get(), 5)
        await results[1].cancel()
        await is_cancelled(results[1])
        end.set()
        assert [await results[n].get(timeout=5) for n in (0, 2)] == [1, 3]


async def test_cancelled_is_signalled(queue: Queue) -> None:
    began, heard = asyncio.Event(), asyncio.Queue[str]()

    @queue.task
    async def body() -> None:
        began.set()
        await asyncio.Event().wait()

    @queue.signal("revoked", "canceled", "error", "complete")
    def hear(signal: str, job: Any) -> None:
        heard.put_nowait(signal)

    async with queue, queue.worker():
        result = await body()
        await asyncio.wait_for(began.wait(), 5)
        await result.cancel()
        await is_cancelled(result)
        assert await asyncio.wait_for(heard.get(), 5) in ("revoked", "canceled")
        assert heard.empty()


async def test_a_job_that_a_worker_keeps_for_later_ends_at_once(queue: Queue) -> None:
    began, end, ran, heard = asyncio.Event(), asyncio.Event(), list[int](), list[str]()

    @queue.task
    async def body(n: int) -> None:
        if n == 100:
            began.set()
            await end.wait()
        ran.append(n)

    @queue.signal("canceled")
    def hear(signal: str, job: Any) -> None:
        heard.append(job.id)

    async with queue, queue.worker(concurrency=1):
        await (await body.map(range(20)))  # short ones: it claims ahead from now on
        ran.clear()
        long, kept = await body.map([100, 101])
        await asyncio.wait_for(began.wait(), 5)

        async def is_kept() -> bool:
            return await kept.state() is JobState.RUNNING

        await eventually(is_kept)
        assert await kept.cancel()
        await is_cancelled(kept)
        assert await long.state() is JobState.RUNNING
        await eventually(lambda: heard == [kept.id])
        end.set()
        await long.get(timeout=5)
        assert await body.call(102) is None
    assert ran == [100, 102]


@pytest.mark.parametrize("how", ["releases", "retires", "is reaped"])
async def test_a_job_whose_worker_goes_away_after_the_request_does_not_run_again(queue: Queue, how: str) -> None:
    @queue.task
    async def body() -> None:
        raise AssertionError("it is cancelled")

    async with queue:
        driver = (await queue.session()).driver
        result = await body()
        await driver.register("other", 30.0, b"")
        (claim,) = (await driver.claim("other", 1, 1, 1)).jobs
        wait = asyncio.create_task(result.get())
        assert await result.cancel()
        if how == "releases":
            await driver.release("other", {claim.id: claim.token})
        elif how == "retires":
            await driver.retire("other")
        else:
            await driver.reap("other", 0)
        with pytest.raises(TaskCancelled, match="cancelled"):
            await asyncio.wait_for(wait, 5)
        await is_cancelled(result)
        assert sum((await queue.counts()).values()) == 0


async def test_a_pipeline_whose_worker_goes_away_after_the_request_ends_as_a_whole(queue: Queue) -> None:
    @queue.task
    async def body(n: int) -> int:
        return n

    async with queue:
        driver = (await queue.session()).driver
        stages = await queue.enqueue(body.s(1).then(body).then(body))
        await driver.register("other", 30.0, b"")
        await driver.claim("other", 1, 1, 1)
        assert await stages[0].cancel()
        await driver.retire("other")
        for stage in stages:
            await is_cancelled(stage)
        assert sum((await queue.counts()).values()) == 0


@pytest.mark.parametrize("told", [True, False], ids=["the worker is told", "the worker is not told"])
async def test_a_job_that_is_cancelled_after_a_failed_try_is_not_tried_again(queue: Queue, told: bool) -> None:
    tries: list[int] = []

    @queue.task(retries=3)
    async def body() -> None:
        tries.append(1)
        raise ValueError

    @queue.signal("error")
    async def hear(signal: str, job: Any, exc: Any = None) -> None:
        if told:
            assert await queue.result(job.id).cancel()
        else:
            driver = (await queue.session()).driver
            failure = encode_failure(Failure(Cause.CANCELLED, "cancelled"))
            assert await driver.cancel(Ended(job.id, JobState.CANCELLED, failure, 60)) == "asked"

    async with queue, queue.worker():
        await is_cancelled(await body())
        assert sum((await queue.counts()).values()) == 0
    assert tries == [1]


# ---------------------------------------------------------------- two processes
APP = """
import asyncio, sys, time
from aioqueue import Queue

queue = Queue({url!r}, name={name!r})

@queue.task(name="app.waits")
async def waits() -> None:
    print("began", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        print("stopped", flush=True)

@queue.task(name="app.thread")
def thread() -> None:
    print("began", flush=True)
    time.sleep(60)

@queue.task(name="app.quick")
async def quick() -> int:
    return 1

async def main():
    verb, job_id = sys.argv[1:]
    async with queue:
        result = queue.result(job_id)
        print(verb, await getattr(result if job_id != "app.quick" else quick, verb)(), flush=True)

if __name__ == "__main__":
    asyncio.run(main())
"""


class App:
    """A queue whose worker, and whoever stops its jobs, are other processes."""

    def __init__(self, directory: Path, url: str) -> None:
        self.queue = Queue(url, name=f"q{uuid4().hex}")
        (directory / "app.py").write_text(APP.format(url=url, name=self.queue.name))

        @self.queue.task(name="app.waits")
        async def waits() -> None: ...

        @self.queue.task(name="app.thread")
        async def thread() -> None: ...

        @self.queue.task(name="app.quick")
        async def quick() -> int: ...

        self.waits, self.thread, self.quick = waits, thread, quick


@pytest.fixture
def app(tmp_path: Path, shared_store_url: str) -> App:
    return App(tmp_path, shared_store_url)


@pytest.mark.parametrize("kind", ["waits", "thread"])
async def test_one_process_cancels_what_another_runs_for_a_third(app: App, commands: Commands, kind: str) -> None:
    worker = commands("-m", "aioqueue", "worker", "app:queue")
    await asyncio.to_thread(worker.wait_for, "ready")
    async with app.queue:
        result: Result[None] = await getattr(app, kind)()
        await asyncio.to_thread(worker.wait_for, "began")
        canceller = commands("app.py", "cancel", result.id)
        await is_cancelled(result)
        await asyncio.to_thread(canceller.wait_for, "cancel True")
        if kind == "waits":
            await asyncio.to_thread(worker.wait_for, "stopped")


async def test_one_process_cancels_what_another_has_enqueued(app: App, commands: Commands) -> None:
    async with app.queue:
        for options in ({}, {"delay": 60}):
            result = await app.quick.options(**options)()  # type: ignore[arg-type]
            canceller = commands("app.py", "cancel", result.id)
            await is_cancelled(result)
            assert await asyncio.to_thread(canceller.code) == 0


async def test_one_process_revokes_and_restores_for_the_worker_of_another(app: App, commands: Commands) -> None:
    async with app.queue:
        first, second = await app.quick(), await app.quick()
        for verb in ("revoke", "restore"):
            command = commands("app.py", verb, second.id)
            assert await asyncio.to_thread(command.code) == 0
        revoking = commands("app.py", "revoke", first.id)
        assert await asyncio.to_thread(revoking.code) == 0
        worker = commands("-m", "aioqueue", "worker", "app:queue")
        await asyncio.to_thread(worker.wait_for, "ready")
        with pytest.raises(TaskCancelled) as caught:
            await first.get(timeout=10)
        assert caught.value.reason == "revoked"
        assert await second.get(timeout=10) == 1
        task = commands("app.py", "revoke", "app.quick")
        assert await asyncio.to_thread(task.code) == 0
        assert await app.quick.is_revoked()
        with pytest.raises(TaskCancelled):
            await (await app.quick()).get(timeout=10)


async def test_a_cancel_of_what_is_unknown_is_not_sent(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    async def cancel(*_: object) -> str:
        raise AssertionError("done late, it could end a job of that id without its later stages")

    async with queue:
        monkeypatch.setattr((await queue.session()).driver, "cancel", cancel)
        assert not await queue.result("nobody").cancel()
