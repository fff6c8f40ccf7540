"""What an error in a task with dependencies says: where it happened, in whose factory, and nothing of ours."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from aioqueue import Depends, Queue, TaskException

pytestmark = pytest.mark.asyncio


def open_db() -> Iterator[str]:
    yield "db"


async def open_db_async() -> AsyncIterator[str]:
    yield "db"


def fail() -> str:
    raise LookupError("no such db")


async def fail_async() -> AsyncIterator[str]:
    raise LookupError("no such db")
    yield "db"


async def fail_to_close(db: str = Depends(open_db_async)) -> AsyncIterator[str]:
    yield db
    raise LookupError("not committed")


@asynccontextmanager
async def connection() -> AsyncIterator[str]:
    yield "connection"


async def body(db: str = Depends(open_db), other: str = Depends(open_db_async)) -> None:
    raise ValueError("no such day")


def plain_body(db: str = Depends(open_db), other: str = Depends(open_db_async)) -> None:
    raise ValueError("no such day")


async def opening(db: str = Depends(open_db), other: str = Depends(fail)) -> None: ...
def plain_opening(db: str = Depends(open_db), other: str = Depends(fail)) -> None: ...
async def opening_on_loop(other: str = Depends(fail_async)) -> None: ...
def plain_opening_on_loop(other: str = Depends(fail_async)) -> None: ...
async def opening_for_all(other: str = Depends(fail_async, scope="worker")) -> None: ...
def plain_opening_for_all(other: str = Depends(fail_async, scope="worker")) -> None: ...
async def closing(db: str = Depends(fail_to_close)) -> None: ...
def plain_closing(db: str = Depends(fail_to_close)) -> None: ...


def files_in(traceback: str) -> set[str]:
    return set(re.findall(r'File "(.*?)", line', traceback))


@pytest.mark.parametrize(
    "fn",
    [
        body,
        plain_body,
        opening,
        plain_opening,
        opening_on_loop,
        plain_opening_on_loop,
        opening_for_all,
        plain_opening_for_all,
        closing,
        plain_closing,
    ],
    ids=lambda fn: fn.__name__,
)
async def test_a_traceback_shows_the_lines_of_its_author(memory_queue: Queue, fn: Any) -> None:
    task: Any = memory_queue.task(fn)
    async with memory_queue, memory_queue.worker():
        with pytest.raises(TaskException) as caught:
            await task.call()
    assert files_in(caught.value.traceback) == {__file__}, caught.value.traceback


async def test_so_does_that_of_a_task_within_a_resource(memory_queue: Queue) -> None:
    task: Any = memory_queue.context_task(connection)(body)
    async with memory_queue, memory_queue.worker():
        with pytest.raises(TaskException) as caught:
            await task.call()
    assert files_in(caught.value.traceback) == {__file__}, caught.value.traceback


def yield_twice() -> Iterator[str]:
    yield "first"
    yield "second"


async def yield_twice_async() -> AsyncIterator[str]:
    yield "first"
    yield "second"


def yield_after_error() -> Iterator[str]:
    try:
        yield "first"
    except ValueError:
        yield "second"


async def yield_after_error_async() -> AsyncIterator[str]:
    try:
        yield "first"
    except ValueError:
        yield "second"


def yield_never() -> Iterator[str]:
    yield from ()


async def yield_never_async() -> AsyncIterator[str]:
    for value in ():
        yield value


@pytest.mark.parametrize("where", ["loop", "thread"])
@pytest.mark.parametrize(
    ("factory", "said"),
    [
        (yield_twice, "yield_twice yields more than once"),
        (yield_twice_async, "yield_twice_async yields more than once"),
        (yield_after_error, "yield_after_error yields more than once"),
        (yield_after_error_async, "yield_after_error_async yields more than once"),
        (yield_never, "yield_never ends without a yield"),
        (yield_never_async, "yield_never_async ends without a yield"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_a_generator_that_does_not_yield_once_is_named(
    memory_queue: Queue, where: str, factory: Any, said: str
) -> None:
    def act() -> None:
        if "error" in said:
            raise ValueError("no such day")

    async def on_loop(db: str = Depends(factory)) -> None:
        act()

    def in_thread(db: str = Depends(factory)) -> None:
        act()

    task: Any = memory_queue.task(on_loop if where == "loop" else in_thread)
    async with memory_queue, memory_queue.worker():
        with pytest.raises(TaskException, match=f"RuntimeError: {said}"):
            await task.call()
