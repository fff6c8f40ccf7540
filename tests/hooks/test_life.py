"""Startup and shutdown hooks: of a worker, of its threads, of its processes."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import threading
from pathlib import Path

import anyio.to_thread
import pytest

from aioqueue import Queue, TaskException, Worker
from tests.core.stores import MakeQueue
from tests.hooks import process_tasks

pytestmark = pytest.mark.asyncio


# ---------------------------------------------------------------- worker
async def test_once_per_worker_in_order(queue: Queue) -> None:
    calls: list[str] = []
    queue.on_startup(lambda: calls.append("open"))

    @queue.on_startup()
    async def connect() -> None:
        calls.append("connect")

    @queue.on_shutdown
    async def disconnect() -> None:
        calls.append("disconnect")

    @queue.on_shutdown(scope="worker")
    def close() -> None:
        calls.append("close")

    @queue.task
    async def work() -> None:
        calls.append("work")

    async with queue:
        async with queue.worker():
            assert calls == ["open", "connect"]
            await work.call()
        assert calls == ["open", "connect", "work", "close", "disconnect"]
        await work()
        await Worker(queue).drain()
    assert calls[5:] == calls[:5]


async def test_each_queue_of_a_worker_has_its_own(make_queue: MakeQueue) -> None:
    calls: list[str] = []
    queues = [make_queue(), Queue("memory://")]
    for number, queue in enumerate(queues):
        queue.on_startup(lambda number=number: calls.append(f"up {number}"))
        queue.on_shutdown(lambda number=number: calls.append(f"down {number}"))
    async with Worker(*queues):
        assert calls == ["up 0", "up 1"]
    assert calls == ["up 0", "up 1", "down 1", "down 0"]


async def test_a_startup_hook_that_raises_keeps_the_worker_from_starting(memory_queue: Queue) -> None:
    calls: list[str] = []

    @memory_queue.on_startup
    def fails() -> None:
        raise ValueError("no database")

    memory_queue.on_shutdown(lambda: calls.append("shutdown"))
    with pytest.raises(ValueError, match="no database"):
        async with memory_queue.worker():
            pytest.fail("it must not start")
    assert await (await memory_queue.session()).driver.leases() == []
    assert calls == []
    await memory_queue.close()


@pytest.mark.parametrize("broken", [ValueError("no"), SystemExit(1), asyncio.CancelledError()], ids=repr)
async def test_a_shutdown_hook_that_raises_is_only_logged(
    make_queue: MakeQueue, broken: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[str] = []
    queue = make_queue()
    queue.on_shutdown(lambda: calls.append("the other"))

    @queue.on_shutdown
    async def fails() -> None:
        raise broken

    with caplog.at_level(logging.ERROR):
        async with queue.worker():
            pass
    assert calls == ["the other"]
    assert "fails" in caplog.text


async def test_shutdown_hooks_run_when_a_worker_is_cancelled(memory_queue: Queue) -> None:
    calls: list[str] = []
    started = asyncio.Event()

    @memory_queue.on_shutdown
    async def disconnect() -> None:
        await asyncio.sleep(0)
        calls.append("disconnect")

    running = asyncio.create_task(Worker(memory_queue).run(started.set))
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert calls == ["disconnect"]


# ---------------------------------------------------------------- threads
async def test_a_thread_local_connection(queue: Queue, tmp_path: Path) -> None:
    """The database connection of the shared-resources document: opened, used and closed in its own thread."""
    local, closed = threading.local(), []

    @queue.on_startup(scope="thread")
    def open_db_connection() -> None:
        local.connection = sqlite3.connect(tmp_path / "app.db")  # usable in its own thread only

    @queue.on_shutdown(scope="thread")
    def close_db_connection() -> None:
        local.connection.close()
        closed.append(threading.get_ident())

    together = threading.Barrier(2, timeout=10)

    @queue.task
    def run_query(n: int) -> tuple[int, int]:
        together.wait()
        ((answer,),) = local.connection.execute("select ?", (n,))
        return answer, threading.get_ident()

    async with queue:
        async with queue.worker():
            pairs = [await asyncio.gather(run_query.call(n), run_query.call(-n)) for n in range(1, 4)]
            assert [[answer for answer, _ in pair] for pair in pairs] == [[1, -1], [2, -2], [3, -3]]
            assert closed == []
        assert set(closed) == {thread for pair in pairs for _, thread in pair}
        assert len(closed) == 2


async def test_a_thread_that_cannot_start_fails_its_job_only(queue: Queue) -> None:
    attempts: list[int] = []

    @queue.on_startup(scope="thread")
    def flaky() -> None:
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError("no database")

    @queue.task
    def work() -> int:
        return len(attempts)

    async with queue, queue.worker():
        with pytest.raises(TaskException, match="no database"):
            await work.call()
        assert await work.call() == 2
        assert await work.call() == 2


async def test_a_thread_that_is_left_behind_ends_with_its_body(memory_queue: Queue) -> None:
    inside, goes_on, closed = threading.Event(), threading.Event(), threading.Event()
    memory_queue.on_shutdown(closed.set, scope="thread") if False else memory_queue.on_shutdown(scope="thread")(
        closed.set
    )

    @memory_queue.task(timeout=0.05)
    def stuck() -> None:
        inside.set()
        goes_on.wait(10)

    async with memory_queue:
        worker = Worker(memory_queue)
        async with worker:
            with pytest.raises(TaskException):
                await stuck.call()
            assert inside.is_set()
        assert worker.abandoned_threads == 1
        assert not closed.is_set()
        goes_on.set()
        assert await asyncio.to_thread(closed.wait, 10)


async def test_a_thread_that_was_left_behind_is_given_nothing_more(memory_queue: Queue) -> None:
    goes_on, closed = threading.Event(), threading.Event()
    memory_queue.on_shutdown(scope="thread")(closed.set)

    @memory_queue.task(timeout=0.2)
    def stuck() -> None:
        goes_on.wait(10)

    @memory_queue.task
    def work() -> int:
        return 1

    async with memory_queue, asyncio.timeout(20):
        worker = Worker(memory_queue)
        await stuck()
        await worker.drain()
        assert worker.abandoned_threads == 1
        goes_on.set()
        assert await asyncio.to_thread(closed.wait, 10)
        result = await work()
        await worker.drain()
        assert await result == 1


async def test_a_worker_ends_though_the_application_has_taken_all_threads(memory_queue: Queue) -> None:
    closed = threading.Event()

    @memory_queue.on_shutdown(scope="thread")
    def close() -> None:
        closed.set()

    @memory_queue.task()
    def work() -> int:
        return 1

    async with memory_queue:
        threads_of_all = anyio.to_thread.current_default_thread_limiter()
        threads_of_all.total_tokens = 1
        worker = Worker(memory_queue)
        async with asyncio.timeout(5):
            async with worker:
                assert await work.call() == 1
                await threads_of_all.acquire()
        threads_of_all.release()
        assert closed.is_set()


async def test_hooks_of_threads_and_processes_are_plain_functions(memory_queue: Queue) -> None:
    async def connect() -> None: ...

    for scope in ("thread", "process"):
        with pytest.raises(TypeError, match="no event loop"):
            memory_queue.on_startup(scope=scope)(connect)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="worker, thread, process"):
        memory_queue.on_shutdown(scope="greenlet")(lambda: None)  # type: ignore[arg-type]


# ---------------------------------------------------------------- processes
async def test_once_per_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv(process_tasks.LOG, str(log))
    queue = process_tasks.queue
    async with queue:
        async with queue.worker(processes=1):
            connection = await process_tasks.ask.call()
            assert await process_tasks.ask.call() == connection
            await process_tasks.unwanted()
        lines = log.read_text().splitlines()
    child = connection.rpartition(" ")[2]
    assert child != str(os.getpid())
    assert lines == [
        "startup",
        *[f"before in {child}", f"after in {child}: {connection!r}, None"] * 2,
        f"shutdown of the {connection}",
    ]
