"""`closing_task` and `context_task`: something opened for the length of one body."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from aioqueue import Job, Queue, TaskException, TaskLockedException, TaskTimeout, current_job
from tests.core.stores import eventually
from tests.hooks import process_tasks

pytestmark = pytest.mark.asyncio


class DBResource:
    def __init__(self) -> None:
        self.calls: list[str] = []
        self.thread = 0

    def open(self) -> None:
        self.thread = threading.get_ident()
        self.calls.append("open")

    def close(self) -> None:
        self.calls.append("close")


class AsyncDBResource(DBResource):
    async def open(self) -> None:  # type: ignore[override]
        super().open()

    async def close(self) -> None:  # type: ignore[override]
        super().close()


@pytest.mark.parametrize("resource", [DBResource(), AsyncDBResource()], ids=["sync", "async"])
async def test_closing_task(queue: Queue, resource: DBResource) -> None:
    resource.calls.clear()

    @queue.closing_task(resource, retries=0, name="report")
    async def generate_report(report_date: str, company_id: int) -> int:
        resource.calls.append(report_date)
        return 10 // company_id

    @queue.closing_task(resource)
    def in_thread(company_id: int) -> tuple[float, bool]:
        resource.calls.append("body")
        return 10 / company_id, threading.get_ident() == resource.thread

    async with queue, queue.worker():
        assert await generate_report.call("today", 2) == 5
        assert resource.calls == ["open", "today", "close"]
        with pytest.raises(TaskException, match="ZeroDivisionError"):
            await generate_report.call("today", 0)
        assert resource.calls[3:] == ["open", "today", "close"]
        resource.calls.clear()
        value, is_in_its_thread = await in_thread.call(4)
        assert value == 2.5
        assert is_in_its_thread == (type(resource) is DBResource)
        assert resource.calls == ["open", "body", "close"]


async def test_context_task(queue: Queue) -> None:
    calls: list[str] = []

    @contextmanager
    def transaction() -> Iterator[str]:
        calls.append("begin")
        try:
            yield "cursor"
        finally:
            calls.append("end")

    @asynccontextmanager
    async def session() -> AsyncIterator[str]:
        with transaction() as cursor:
            yield cursor

    def plain(given: str, a: int) -> str:
        return f"{given} {a}"

    async def coroutine(given: str, a: int) -> str:
        return f"{given} {a}"

    tasks: list[Any] = [
        queue.context_task(factory, as_argument=True, name=f"{factory.__name__}.{fn.__name__}")(fn)
        for factory in (transaction, session)
        for fn in (plain, coroutine)
    ]

    async with queue, queue.worker():
        for task in tasks:
            assert await task.call(1) == "cursor 1"
            assert await task.call(a=2) == "cursor 2"
    assert calls == ["begin", "end"] * 8


async def test_without_an_argument(memory_queue: Queue) -> None:
    inside: list[bool] = [False]

    @contextmanager
    def within() -> Iterator[None]:
        inside[0] = True
        yield
        inside[0] = False

    @memory_queue.context_task(within)
    def body(a: int) -> bool:
        return inside[0]

    async with memory_queue, memory_queue.worker():
        assert await body.call(1)
        assert not inside[0]


async def test_a_lock_under_it_is_taken_by_the_worker(memory_queue: Queue) -> None:
    resource = DBResource()

    @memory_queue.closing_task(resource)
    @memory_queue.lock_task("report")
    async def body() -> None: ...

    async with memory_queue, memory_queue.worker():
        async with memory_queue.lock_task("report"):
            with pytest.raises(TaskLockedException):
                await body.call()
        assert resource.calls == []
        await body.call()
    assert resource.calls == ["open", "close"]


async def test_what_cannot_be_opened_is_refused(memory_queue: Queue) -> None:
    with pytest.raises(TypeError, match="context manager"):
        memory_queue.context_task(object())  # type: ignore[call-overload]


# ---------------------------------------------------------------- an async one around a plain function
@asynccontextmanager
async def async_session() -> AsyncIterator[str]:
    yield "session"


async def test_a_plain_function_with_an_async_one_is_a_thread_body_like_any_other(queue: Queue) -> None:
    own = threading.local()
    hooked: list[bool] = []

    @queue.on_startup(scope="thread")
    def connect() -> None:
        own.connection = "connection"

    @queue.pre_execute
    def before(job: Job[Any]) -> None:
        hooked.append(threading.current_thread() is threading.main_thread())

    @queue.context_task(async_session, as_argument=True, executor="thread")
    def body(session: str, n: int) -> str:
        return f"{own.connection} {session} {n}"

    async with queue, queue.worker():
        assert await body.call(1) == "connection session 1"
    assert hooked == [False]


async def test_the_thread_of_one_is_counted_and_keeps_it_until_the_body_ends(queue: Queue) -> None:
    calls: list[str] = []
    began, end = threading.Event(), threading.Event()

    @asynccontextmanager
    async def session() -> AsyncIterator[None]:
        calls.append(f"open {current_job().task_name}")
        try:
            yield
        finally:
            calls.append("close")

    @queue.context_task(session, timeout=0.3, name="slow")
    def slow() -> None:
        began.set()
        end.wait(20)
        calls.append("end")

    async with queue, queue.worker() as worker:
        try:
            with pytest.raises(TaskTimeout):
                await slow.call()
            assert began.is_set()
            assert worker.abandoned_threads == 1
            assert calls == ["open slow"]
        finally:
            end.set()
        await eventually(lambda: calls == ["open slow", "end", "close"])
        await eventually(lambda: worker.abandoned_threads == 0)


async def test_a_process_body_has_one_too(queue: Queue) -> None:
    queue.registry.add(process_tasks.inside)
    job = process_tasks.inside.s(2)
    async with queue, queue.worker(processes=1):
        await queue.enqueue(job)
        value, pid = await queue.result(job.id).get(timeout=30)
    assert value == "resource of 2"
    assert pid != os.getpid()


@pytest.mark.parametrize("error", [ValueError("broken"), SystemExit(3), StopIteration()], ids=repr)
async def test_what_the_body_raises_reaches_it(queue: Queue, error: BaseException) -> None:
    seen: list[BaseException] = []

    @asynccontextmanager
    async def session() -> AsyncIterator[None]:
        try:
            yield
        except BaseException as raised:
            seen.append(raised)
            raise

    @queue.context_task(session)
    def body() -> None:
        raise error

    async with queue, queue.worker():
        with pytest.raises(TaskException, match=type(error).__name__):
            await (await body()).get(timeout=10)
    assert seen == [error]


async def test_whatever_a_lambda_makes_is_entered(memory_queue: Queue) -> None:
    @contextmanager
    def plain() -> Iterator[str]:
        yield "plain"

    def in_thread(given: str) -> str:
        return given

    async def on_loop(given: str) -> str:
        return given

    tasks: list[Any] = [
        memory_queue.context_task(factory, as_argument=True, name=f"{fn.__name__}{number}")(fn)
        for number, factory in enumerate((lambda: async_session(), lambda: plain()))  # noqa: PLW0108 -- nothing shows
        for fn in (in_thread, on_loop)
    ]
    async with memory_queue, memory_queue.worker():
        assert [await task.call() for task in tasks] == ["session", "session", "plain", "plain"]
        assert [await task.call_local() for task in tasks] == ["session", "session", "plain", "plain"]


async def test_a_class_that_can_only_be_made_on_a_loop_is_made_there(memory_queue: Queue) -> None:
    class Client:
        def __init__(self) -> None:
            self.loop = asyncio.get_running_loop()

        async def __aenter__(self) -> bool:
            return self.loop is asyncio.get_running_loop()

        async def __aexit__(self, *exc: object) -> None: ...

    @memory_queue.context_task(Client, as_argument=True)
    def body(is_made_there: bool) -> bool:
        return is_made_there

    async with memory_queue, memory_queue.worker():
        assert await body.call()


async def test_what_is_no_context_manager_fails_its_job_and_says_so(memory_queue: Queue) -> None:
    nothing: Any = lambda: 5  # noqa: E731

    def in_thread() -> None: ...

    async def on_loop() -> None: ...

    async with memory_queue, memory_queue.worker():
        for fn in (in_thread, on_loop):
            with pytest.raises(TaskException, match="context manager"):
                await (await memory_queue.context_task(nothing)(fn)()).get(timeout=10)
