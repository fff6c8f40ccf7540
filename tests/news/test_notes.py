"""Notes as they are read: fetched together, and those that cannot be read passed over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial

import pytest
import pytest_asyncio

from aioqueue import Event, Queue
from aioqueue.drivers.base import Driver
from aioqueue.inbox import encode_event
from aioqueue.notes import Notes
from tests.core.stores import eventually
from tests.news.test_readers import is_read, reading, waiting_task

pytestmark = pytest.mark.asyncio

READERS = 20
TOLD = 10


@pytest_asyncio.fixture
async def driver(memory_queue: Queue) -> AsyncIterator[Driver]:
    async with memory_queue:
        yield (await memory_queue.session()).driver


def a_note(job_id: str) -> bytes:
    return encode_event(Event("progress", job_id, "t", 0, 0.0, None, False, None, done=1.0))


async def tell(driver: Driver, job_id: str, times: int) -> None:
    for _ in range(times):
        await driver.note(job_id, a_note(job_id), 60)


async def numbers_above(notes: Notes, job_id: str, number: int) -> list[int]:
    return [number for number, _ in await notes.above(job_id, number)]


def have_heard(lists: list[list[Event]], number: int) -> bool:
    return all(heard and heard[-1].number == number for heard in lists)


async def test_a_note_is_fetched_once_for_all_who_read(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    async with queue, AsyncExitStack() as readers:
        result = await waiting_task(queue)()
        driver = (await queue.session()).driver
        plain = type(driver).notes
        fetched: list[int] = []

        async def counted(self: Driver, job_id: str, after: int) -> list[tuple[int, bytes]]:
            notes = await plain(self, job_id, after)
            fetched.append(len(notes))
            return notes

        lists: list[list[Event]] = [[] for _ in range(READERS)]
        for heard in lists:
            await readers.enter_async_context(reading(result.events(), heard))
        await eventually(lambda: is_read(queue, result))
        await tell(driver, result.id, 1)
        await eventually(partial(have_heard, lists, 1))
        monkeypatch.setattr(type(driver), "notes", counted)
        for number in range(2, 2 + TOLD):
            await tell(driver, result.id, 1)
            await eventually(partial(have_heard, lists, number))
    assert len(fetched) <= 2 * TOLD  # a push that comes during a fetch asks for another one
    assert sum(fetched) <= 2 * TOLD


async def test_who_asks_during_a_fetch_is_answered_by_the_next(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched, go_on = asyncio.Event(), asyncio.Event()
    plain = type(driver).notes

    async def slow(self: Driver, job_id: str, after: int) -> list[tuple[int, bytes]]:
        notes = await plain(self, job_id, after)
        fetched.set()
        await go_on.wait()
        return notes

    monkeypatch.setattr(type(driver), "notes", slow)
    notes = Notes(driver)
    first = asyncio.create_task(numbers_above(notes, "a", 0))
    await fetched.wait()
    await tell(driver, "a", 1)
    second = asyncio.create_task(numbers_above(notes, "a", 0))
    await asyncio.sleep(0)
    go_on.set()
    assert (await first, await second) == ([], [1])
    await notes.close()


async def test_each_is_answered_above_their_own_number(driver: Driver) -> None:
    """One that is higher than any is from before the store forgot them, and began to count anew."""
    await tell(driver, "a", 3)
    await tell(driver, "b", 1)
    notes = Notes(driver)
    asked = [("a", 2), ("b", 0), ("a", 0), ("a", 3), ("a", 9), ("c", 0), ("c", 5)]
    told = await asyncio.gather(*(numbers_above(notes, *each) for each in asked))
    assert told == [[3], [1], [1, 2, 3], [], [1, 2, 3], [], []]
    assert await numbers_above(notes, "a", 3) == []
    assert await numbers_above(notes, "a", 7) == [1, 2, 3]
    await notes.close()


async def test_an_error_is_raised_at_those_who_asked_for_that_job(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = type(driver).notes

    async def refuse(self: Driver, job_id: str, after: int) -> list[tuple[int, bytes]]:
        if job_id == "broken":
            raise ValueError("no list of notes")
        return await plain(self, job_id, after)

    monkeypatch.setattr(type(driver), "notes", refuse)
    await tell(driver, "a", 1)
    notes = Notes(driver)
    told, error = await asyncio.gather(notes.above("a", 0), notes.above("broken", 0), return_exceptions=True)
    assert not isinstance(told, BaseException)
    assert [number for number, _ in told] == [1]
    assert isinstance(error, ValueError)
    await notes.close()


async def test_one_that_cannot_be_read_is_logged_and_passed_over(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    async with queue:
        result = await waiting_task(queue)()
        driver = (await queue.session()).driver
        readable = a_note(result.id)
        for data in (readable, readable.replace(b"1.0", b'"1"'), b"{", readable, b'"\xff"'):
            await driver.note(result.id, data, 60)
        heard: list[Event] = []
        async with reading(result.events(), heard) as task, asyncio.timeout(20), queue.worker():
            await task
    assert [event.number for event in heard if event.number] == [1, 4, 6]
    logged = [message for message in caplog.messages if "cannot be read" in message]
    assert [message.partition(":")[0] for message in logged] == [
        f"note {number} of job {result.id} cannot be read, and is passed over" for number in (2, 3, 5)
    ]
