"""Readers of news: they share what the store tells, come and go, and leave nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from aioqueue import Event, Queue, Result, StoreUnavailable, current_job
from aioqueue.drivers.base import EVENTS_TOPIC
from aioqueue.inbox import encode_event
from tests.core.stores import eventually
from tests.servers import redis_server

pytestmark = pytest.mark.asyncio


def waiting_task(queue: Queue) -> Any:
    @queue.task
    async def waiting() -> int:
        await current_job().progress(1)
        return 7

    return waiting


@asynccontextmanager
async def reading(events: AsyncIterator[Event], into: list[Event] | None = None) -> AsyncIterator[asyncio.Task[None]]:
    """Read in a task of its own for the length of a block."""
    heard = [] if into is None else into

    async def read() -> None:
        async with aclosing(events):  # type: ignore[type-var]
            async for event in events:
                heard.append(event)

    task = asyncio.create_task(read())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def hearers(queue: Queue, topic: str) -> int:
    """Return how many hear what is published here; what is published is no event."""
    return await (await queue.session()).driver.publish(topic, b"nothing")


async def is_read(queue: Queue, result: Result[Any]) -> bool:
    return await hearers(queue, f"notes:{result.id}") > 0 and await hearers(queue, EVENTS_TOPIC) > 0


async def nobody_reads(queue: Queue, result: Result[Any]) -> bool:
    return await hearers(queue, f"notes:{result.id}") == await hearers(queue, EVENTS_TOPIC) == 0


async def test_one_who_leaves_leaves_the_others(queue: Queue) -> None:
    async with queue:
        result = await waiting_task(queue)()
        heard: list[Event] = []
        async with reading(result.events(), heard):
            async with reading(result.events()), reading(result.events()):
                await eventually(lambda: is_read(queue, result))
            async with queue.worker():
                await eventually(lambda: bool(heard) and heard[-1].status == "finished")
        assert [event.number for event in heard if event.number] == [1]
        await eventually(lambda: nobody_reads(queue, result))


async def test_one_who_is_cancelled_again_and_again_leaves_nothing(queue: Queue) -> None:
    async with queue:
        result = await waiting_task(queue)()
        for turns in range(1, 6):
            async with reading(result.events()) as task:
                await eventually(lambda: is_read(queue, result))
                while not task.done():
                    task.cancel()
                    for _ in range(turns):
                        await asyncio.sleep(0)
            await eventually(lambda: nobody_reads(queue, result))
        assert not (await queue.session()).listener._waits


async def test_who_comes_while_the_last_one_leaves(queue: Queue) -> None:
    async with queue:
        result = await waiting_task(queue)()
        for turns in range(10):
            async with reading(result.events()) as task:
                await eventually(lambda: is_read(queue, result))
                task.cancel()
                for _ in range(turns):
                    await asyncio.sleep(0)
                await comes_and_hears(queue, result, task)
        await eventually(lambda: nobody_reads(queue, result))


async def comes_and_hears(queue: Queue, result: Result[Any], leaving: asyncio.Task[None]) -> None:
    heard: list[Event] = []
    event = started(result)

    async def is_heard() -> bool:
        await (await queue.session()).driver.publish(EVENTS_TOPIC, encode_event(event))
        return event in heard

    async with reading(result.events(), heard):
        await asyncio.gather(leaving, return_exceptions=True)
        await eventually(is_heard)


async def test_readers_are_told_when_the_queue_is_closed(queue: Queue) -> None:
    await queue.session()
    result = await waiting_task(queue)()
    async with reading(queue.events()) as of_all, reading(result.events()) as of_one:
        await eventually(lambda: is_read(queue, result))
        await queue.close()
        for task in (of_all, of_one):
            with pytest.raises(StoreUnavailable, match="the queue was closed while"):
                async with asyncio.timeout(5):
                    await task


async def test_a_reader_that_has_just_begun_is_told_too(queue: Queue) -> None:
    result = await waiting_task(queue)()
    for turns in range(12):
        await queue.session()
        async with reading(queue.events()) as of_all, reading(result.events()) as of_one:
            for _ in range(turns):
                await asyncio.sleep(0)
            await queue.close()
            await asyncio.wait([of_all, of_one], timeout=0.05)
            for task in (of_all, of_one):
                if task.done():  # else it has opened the queue again
                    with pytest.raises(StoreUnavailable):
                        task.result()
        await queue.close()


async def test_a_store_that_is_away_is_said_to_all_who_begin_to_read() -> None:
    with redis_server() as server:
        queue = Queue(server.url)
        async with queue:
            result = await waiting_task(queue)()
            server.kill()
            async with (
                reading(result.events()) as one,
                reading(result.events()) as other,
                reading(queue.events()) as every,
            ):
                for task in (one, other, every):
                    with pytest.raises(StoreUnavailable):
                        async with asyncio.timeout(20):
                            await task


async def test_progress_told_while_nobody_could_hear_it_is_told_when_the_connection_is_back() -> None:
    with redis_server() as server:
        here, there = Queue(server.url), Queue(server.url)
        async with here, there:
            result = await waiting_task(here)()
            driver, other = (await here.session()).driver, (await there.session()).driver
            heard: list[Event] = []
            async with reading(result.events(), heard):
                await eventually(lambda: is_read(here, result))
                await driver.publish(EVENTS_TOPIC, encode_event(started(result)))
                await eventually(lambda: bool(heard))  # and with it all that was told before
                driver._subscriptions._link.close()  # type: ignore[attr-defined]
                await other.note(result.id, _note(result.id), 60)
                await eventually(lambda: heard[-1].number == 1)


async def test_who_reads_of_all_jobs_hears_on_after_a_gap(queue: Queue) -> None:
    async with queue:
        result = await waiting_task(queue)()
        session = await queue.session()
        heard: list[Event] = []
        async with reading(queue.events(), heard):
            await eventually(lambda: is_heard_of(queue, EVENTS_TOPIC))
            session.listener.ask_again()  # as after a connection that was lost
            await session.driver.publish(EVENTS_TOPIC, encode_event(started(result)))
            await eventually(lambda: bool(heard))


async def test_who_reads_of_all_jobs_hears_on_when_the_connection_is_back() -> None:
    with redis_server() as server:
        queue = Queue(server.url)
        async with queue:
            result = await waiting_task(queue)()
            driver = (await queue.session()).driver
            heard: list[Event] = []
            of_one: list[Event] = []
            async with reading(queue.events(), heard), reading(result.events(), of_one):
                await eventually(lambda: is_read(queue, result))
                driver._subscriptions._link.close()  # type: ignore[attr-defined]
                await driver.note(result.id, _note(result.id), 60)
                await eventually(lambda: bool(of_one))  # who has looked again by now
                await eventually(lambda: is_told(queue, result, heard))


async def is_heard_of(queue: Queue, topic: str) -> bool:
    return await hearers(queue, topic) > 0


async def is_told(queue: Queue, result: Result[Any], heard: list[Event]) -> bool:
    await (await queue.session()).driver.publish(EVENTS_TOPIC, encode_event(started(result)))
    return bool(heard)


def started(result: Result[Any]) -> Event:
    return Event("started", result.id, "t", 0, 0.0, None, False, None)


def _note(job_id: str) -> bytes:
    return encode_event(Event("progress", job_id, "t", 0, 0.0, None, False, None, done=1.0))
