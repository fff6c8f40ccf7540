"""Managing shared resources, section by section, on every store."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from aioqueue import CancelExecution, Job, JobState, Queue, TaskCancelled, TaskException
from tests.huey import consumed
from tests.huey.workday import Workday

pytestmark = pytest.mark.asyncio


class Database:
    """A shared object whose connection is each thread's own, as peewee's is."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self._local = threading.local()

    def is_closed(self) -> bool:
        return getattr(self._local, "connection", None) is None

    def connect(self) -> None:
        assert self.is_closed(), "the connection of this thread is open already"
        self._local.connection = threading.get_ident()
        self.log.append("connect")

    def close(self) -> None:
        self._local.connection = None
        self.log.append("close")

    def execute(self) -> int:
        assert not self.is_closed(), "this thread has no connection"
        thread: int = self._local.connection
        assert thread == threading.get_ident()
        self.log.append("execute")
        return thread


class Resource:
    """Opens and closes a database."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def open(self) -> None:
        if self.db.is_closed():
            self.db.connect()

    def close(self) -> None:
        self.db.close()


class AsyncResource:
    """Opens and closes a database from coroutines."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def open(self) -> None:
        await asyncio.sleep(0)
        self.db.log.append("connect")

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.db.log.append("close")


# ---------------------------------------------------------------------- closing_task


async def test_closing_task_opens_before_and_closes_after(queue: Queue, workday: Workday) -> None:
    db = Database()

    @queue.closing_task(Resource(db))
    def generate_report(n: int) -> int:
        db.execute()
        return n

    async with queue:
        result = await generate_report(5)
        await workday.work()
        assert await result == 5
    assert db.log == ["connect", "execute", "close"]


async def test_closing_task_closes_when_the_task_fails(queue: Queue, workday: Workday) -> None:
    db = Database()

    @queue.closing_task(Resource(db), retries=1)
    def generate_report() -> None:
        db.execute()
        raise ValueError("no report")

    async with queue:
        result = await generate_report()
        await workday.work()
        with pytest.raises(TaskException, match="no report"):
            await result
    assert db.log == ["connect", "execute", "close"] * 2


@pytest.mark.parametrize("make_resource", [Resource, AsyncResource])
async def test_closing_task_of_a_coroutine(queue: Queue, workday: Workday, make_resource: Any) -> None:
    db = Database()

    @queue.closing_task(make_resource(db))
    async def generate_report(n: int) -> int:
        db.log.append("execute")
        return n

    async with queue:
        result = await generate_report(5)
        await workday.work()
        assert await result == 5
    assert db.log == ["connect", "execute", "close"]


async def test_closing_task_with_an_async_resource_and_a_plain_function(queue: Queue, workday: Workday) -> None:
    db = Database()

    @queue.closing_task(AsyncResource(db))
    def generate_report(n: int) -> bool:
        db.log.append("execute")
        return threading.current_thread() is not threading.main_thread()

    async with queue:
        result = await generate_report(5)
        await workday.work()
        assert await result
    assert db.log == ["connect", "execute", "close"]


async def test_closing_task_that_cannot_open_fails(queue: Queue, workday: Workday) -> None:
    ran: list[str] = []

    class Refusing(Resource):
        def open(self) -> None:
            raise ConnectionError("no database")

    @queue.closing_task(Refusing(Database()))
    def generate_report() -> None:
        ran.append("report")

    async with queue:
        result = await generate_report()
        await workday.work()
        with pytest.raises(TaskException, match="no database"):
            await result
    assert ran == []


async def test_context_task_gives_its_value(queue: Queue, workday: Workday) -> None:
    log: list[str] = []

    @contextmanager
    def connection() -> Iterator[str]:
        log.append("open")
        try:
            yield "connection"
        finally:
            log.append("close")

    @asynccontextmanager
    async def async_connection() -> AsyncIterator[str]:
        with connection() as value:
            yield f"async {value}"

    @queue.context_task(connection, as_argument=True)
    def plain(value: str, n: int) -> str:
        return f"{value} {n}"

    @queue.context_task(async_connection, as_argument=True)
    async def on_loop(value: str, n: int) -> str:
        return f"{value} {n}"

    @queue.context_task(connection)
    def without(n: int) -> int:
        return n

    async with queue:
        results = [await plain(1), await on_loop(2), await without(3)]
        await queue.worker(concurrency=1).drain()
        assert [await result for result in results] == ["connection 1", "async connection 2", 3]  # type: ignore[attr-defined]
    assert log == ["open", "close"] * 3


# ---------------------------------------------------------------------- Startup hooks


async def test_startup_hooks_open_a_connection_in_each_thread(queue: Queue) -> None:
    db = Database()
    together = threading.Barrier(3)

    @queue.on_startup(scope="thread")
    def open_db_connection() -> None:
        if not db.is_closed():
            db.close()
        db.connect()

    @queue.task
    def run_query() -> int:
        together.wait(timeout=10)
        return db.execute()

    async with queue, queue.worker():
        threads = await (await run_query.map([()] * 3))
        again = await (await run_query.map([()] * 3))
    assert len(set(threads)) == 3
    assert db.log.count("connect") == len({*threads, *again})


async def test_startup_hooks_run_once_a_worker_before_its_first_job(queue: Queue) -> None:
    log: list[str] = []

    @queue.on_startup
    async def on_loop() -> None:
        await asyncio.sleep(0)
        log.append("startup")

    @queue.on_startup()
    def plain() -> None:
        log.append("startup, plain")

    @queue.on_shutdown
    def ended() -> None:
        log.append("shutdown")

    @queue.task
    async def run_query() -> None:
        log.append("job")

    async with queue:
        results = await run_query.map([(), ()])
        async with queue.worker():
            await results
    assert log == ["startup", "startup, plain", "job", "job", "shutdown"]


async def test_startup_hooks_that_fail_keep_the_worker_from_starting(queue: Queue) -> None:
    @queue.on_startup()
    def fails() -> None:
        raise ConnectionError("no database")

    @queue.task
    async def run_query() -> None: ...

    async with queue:
        result = await run_query()
        with pytest.raises(ConnectionError, match="no database"):
            async with asyncio.timeout(10), queue.worker():
                await result
        assert await result.state() is JobState.QUEUED


async def test_startup_hooks_know_their_scopes(queue: Queue) -> None:
    with pytest.raises(ValueError, match="scope"):
        queue.on_startup(scope="galaxy")(lambda: None)  # type: ignore[arg-type]

    async def no_loop_there() -> None: ...

    with pytest.raises(TypeError, match="plain"):
        queue.on_startup(scope="thread")(no_loop_there)


# ---------------------------------------------------------------------- Multi-processing


async def test_multi_processing_opens_a_connection_in_each_process(queue: Queue) -> None:
    query = queue.task(name="query", executor="process")(consumed.query.fn)
    async with queue, queue.worker(processes=1):
        first, second = await query.call(), await query.call()
    for process, opened_in in (first, second):
        assert opened_in == [process]
        assert process != os.getpid()
    assert consumed.opened == []


# ---------------------------------------------------------------------- Pre and post execute hooks


async def test_pre_execute_cancels(queue: Queue, workday: Workday) -> None:
    signals: list[str] = []
    ran: list[str] = []

    @queue.signal()
    def note(signal: str, job: Job[Any]) -> None:
        signals.append(signal)

    @queue.pre_execute()
    def pre_execute_hook(job: Job[Any]) -> None:
        raise CancelExecution("No tasks on sunday!")

    @queue.task
    def work() -> None:
        ran.append("work")

    async with queue:
        result = await work()
        await workday.work()
        with pytest.raises(TaskCancelled, match="No tasks on sunday!") as caught:
            await result
        assert (await result.state(), caught.value.reason) == (JobState.CANCELLED, "hook")
    assert ran == []
    assert signals[-1] == "canceled"
    assert "error" not in signals


@pytest.mark.parametrize(("retry", "retries", "tries"), [(None, 0, 1), (None, 1, 2), (True, 0, 2), (False, 1, 1)])
async def test_pre_execute_says_whether_to_try_again(
    queue: Queue, workday: Workday, retry: bool | None, retries: int, tries: int
) -> None:
    asked: list[str] = []

    @queue.pre_execute()
    async def pre_execute_hook(job: Job[Any]) -> None:
        asked.append(job.id)
        if len(asked) < 2:
            raise CancelExecution(retry=retry)

    @queue.task(retries=retries)
    async def work() -> int:
        return 1

    async with queue:
        result = await work()
        await workday.work()
        assert await result.state() is (JobState.SUCCEEDED if tries == 2 else JobState.CANCELLED)
    assert asked == [result.id] * tries


@pytest.mark.parametrize("executor", ["loop", "thread"])
async def test_post_execute_is_given_the_value_or_the_error(queue: Queue, workday: Workday, executor: str) -> None:
    seen: list[tuple[str, object, str]] = []

    @queue.post_execute()
    def post_execute_hook(job: Job[Any], value: object, exc: BaseException | None) -> None:
        seen.append((job.id, value, str(exc)))

    @queue.post_execute
    async def on_loop(job: Job[Any], value: object, exc: BaseException | None) -> None:
        seen.append((f"async {job.id}", value, str(exc)))

    def divide(a: int, b: int) -> float:
        return a / b

    async def divide_on_loop(a: int, b: int) -> float:
        return a / b

    task = queue.task(divide) if executor == "thread" else queue.task(divide_on_loop)
    async with queue:
        for b in (2, 0):
            seen.clear()
            result = await task(1, b)
            await workday.work()
            told = (0.5, "None") if b else (None, "division by zero")
            assert seen == [(result.id, *told), (f"async {result.id}", *told)]


async def test_post_execute_that_raises_harms_nothing(queue: Queue, workday: Workday) -> None:
    @queue.post_execute()
    def broken(job: Job[Any], value: object, exc: BaseException | None) -> None:
        raise ValueError("broken hook")

    @queue.task
    async def work() -> int:
        return 1

    async with queue:
        result = await work()
        await workday.work()
        assert await result == 1


async def test_hooks_run_where_the_body_runs(queue: Queue, workday: Workday) -> None:
    threads: list[int] = []

    @queue.pre_execute
    def before(job: Job[Any]) -> None:
        threads.append(threading.get_ident())

    @queue.post_execute
    def after(job: Job[Any], value: object, exc: BaseException | None) -> None:
        threads.append(threading.get_ident())

    @queue.task
    def work() -> None:
        threads.append(threading.get_ident())

    async with queue:
        await work()
        await workday.work()
    assert len(threads) == 3
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()


async def test_unhandled_errors_are_logged_with_their_traceback(
    queue: Queue, workday: Workday, caplog: pytest.LogCaptureFixture
) -> None:
    @queue.task
    def work() -> None:
        raise ValueError("look at the log")

    async with queue:
        await work()
        await workday.work()
    (text,) = [record.getMessage() for record in caplog.records if "look at the log" in record.getMessage()]
    assert "Traceback" in text
    assert {record.name for record in caplog.records} == {"aioqueue"}
