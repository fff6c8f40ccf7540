"""`closing_task` and `context_task`: something opened for the length of one body."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from aioqueue import Queue, TaskException, TaskLockedException

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
