"""Events: what the consumer document lists, heard in any process."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

import pytest

from aioqueue import Queue, Worker, signals
from aioqueue.drivers.base import EVENTS_TOPIC, LARGEST_NEWS, Outcome, Verdict
from aioqueue.drivers.memory.driver import MemoryDriver
from aioqueue.inbox import BUFFERED, Event, Inbox, encode_event
from tests.conftest import ROOT
from tests.core.stores import eventually
from tests.news import process_tasks

pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def listening(queue: Queue) -> AsyncIterator[list[Event]]:
    """Give a list that fills with the events of a queue, from now on."""
    heard: list[Event] = []

    async def listen() -> None:
        async for event in queue.events():
            heard.append(event)

    listener = asyncio.create_task(listen())
    driver = (await queue.session()).driver

    async def is_heard() -> bool:
        return await driver.publish(EVENTS_TOPIC, b"not an event") > 0

    try:
        await eventually(is_heard)
        yield heard
    finally:
        listener.cancel()
        await asyncio.gather(listener, return_exceptions=True)


async def test_events_of_a_job(queue: Queue) -> None:
    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue, listening(queue) as heard, queue.worker():
        result = await add(1, 2)
        await eventually(lambda: len(heard) == 3)
    told = [event.status for event in heard]
    told.remove("enqueued")  # which the caller tells, and an idle worker may be quicker
    assert told == ["started", "finished"]
    assert {(event.id, event.task) for event in heard} == {(result.id, add.name)}


async def test_events_of_a_failing_job(queue: Queue) -> None:
    @queue.task(retries=1, retry_delay=60)
    async def flaky() -> None:
        raise ValueError("uh-oh")

    async with queue, listening(queue) as heard:
        await flaky()
        await Worker(queue).drain()
        await eventually(lambda: len(heard) == 5)
    assert [event.status for event in heard] == ["enqueued", "started", "error", "retrying", "scheduled"]
    assert [event.retries for event in heard] == [1, 1, 1, 0, 0]
    assert [event.error for event in heard] == [False, False, True, False, False]
    error, scheduled = heard[2], heard[4]
    assert error.traceback is not None
    assert "uh-oh" in error.traceback
    assert error.execute_time is None
    assert scheduled.execute_time == pytest.approx(time.time() + 60, abs=30)
    assert set(json.loads(encode_event(error))) >= {
        *("status", "id", "task", "retries", "retry_delay", "execute_time", "error", "traceback")
    }


async def test_a_traceback_that_is_too_long_is_cut(queue: Queue) -> None:
    @queue.task
    async def verbose() -> None:
        raise ValueError("é" * 100_000)

    async with queue, listening(queue) as heard:
        await verbose()
        await Worker(queue).drain()
        await eventually(lambda: len(heard) == 3)
    assert heard[2].status == "error"
    assert heard[2].traceback


@pytest.mark.parametrize("letter", ["\N{PILE OF POO}", "é", "\x00", '"', "e"], ids=repr)
async def test_a_traceback_is_cut_to_what_travels_in_whatever_letters(memory_queue: Queue, letter: str) -> None:
    @memory_queue.task(retries=1, retry_delay=0)
    async def verbose() -> None:
        raise ValueError(letter * 1_500 + "the end")

    async with memory_queue as queue, listening(queue) as heard:
        await verbose()
        await Worker(queue).drain()
        await eventually(lambda: len(heard) == 7)
    assert [event.status for event in heard] == [
        *("enqueued", "started", "error", "retrying", "enqueued", "started", "error")
    ]
    for event in (heard[2], heard[6]):
        assert (event.traceback or "").rstrip().endswith("the end")
        assert LARGEST_NEWS - 8 < len(encode_event(event)) <= LARGEST_NEWS or len(letter * 1_500) < LARGEST_NEWS // 2


async def test_an_event_that_cannot_be_told_fails_no_job(memory_queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = 0

    async def refuse(*_: object) -> int:
        raise ValueError("this event is too large")

    async def settle(self: MemoryDriver, incarnation: str, batch: Sequence[Outcome]) -> list[Verdict]:
        nonlocal outcomes
        outcomes += len(batch)
        return await plain(self, incarnation, batch)

    @memory_queue.task(retries=1, retry_delay=0)
    async def flaky() -> int:
        if outcomes == 0:
            raise ValueError("once")
        return 1

    plain = MemoryDriver.settle
    async with memory_queue as queue, listening(queue), queue.worker():
        monkeypatch.setattr(MemoryDriver, "settle", settle)
        monkeypatch.setattr(MemoryDriver, "publish", refuse)
        assert await (await flaky()).get(timeout=5) == 1
        assert outcomes == 2
        monkeypatch.undo()


async def test_nobody_listening_costs_no_publishing(queue: Queue) -> None:
    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue:
        driver = (await queue.session()).driver
        await add(1, 2)
        assert not driver.audience
        async with listening(queue):
            await add(1, 2)
            assert driver.audience


async def test_events_of_another_process(shared_store_url: str) -> None:
    """One process listens; another enqueues and works."""
    queue = Queue(shared_store_url, name=f"q{uuid.uuid4().hex}")
    environment = {process_tasks.STORE: shared_store_url, process_tasks.NAME: queue.name, "PYTHONPATH": str(ROOT)}
    async with queue, listening(queue) as heard:
        other = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.news.process_tasks", env={**os.environ, **environment}
        )
        assert await other.wait() == 0
        await eventually(lambda: len(heard) == 12)
    by_job: dict[str, list[str]] = {}
    for event in heard:
        by_job.setdefault(event.id, []).append(event.status)
    assert sorted(by_job.values()) == [
        ["enqueued", "revoked"],
        ["enqueued", "revoked"],
        ["enqueued", "started", "error", "retrying", "enqueued", "started", "error"],
        ["scheduled"],
    ]


async def test_every_signal_of_the_table_has_its_event(memory_queue: Queue) -> None:
    from aioqueue.events import event_of

    @memory_queue.task
    async def nothing() -> None: ...

    job: Any = nothing.s()
    said = {name: event_of(name, job, "") for name in signals.NAMES}
    assert {name: event.status for name, event in said.items() if event} == {
        "enqueued": "enqueued",
        "scheduled": "scheduled",
        "executing": "started",
        "complete": "finished",
        "error": "error",
        "retrying": "retrying",
        "revoked": "revoked",
        "canceled": "revoked",
        "locked": "revoked",
        "rate-limited": "revoked",
        "expired": "expired",
    }


async def test_a_slow_reader_loses_events_and_nothing_else() -> None:
    inbox = Inbox()
    event = Event("started", "1", "t", 0, 0.0, None, False, None)
    for _ in range(BUFFERED + 5):
        inbox.put(event)
    taken = [await inbox.take() for _ in range(BUFFERED)]
    assert asdict(taken[-1]) == asdict(event)  # type: ignore[arg-type, call-overload]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await inbox.take()


async def test_that_events_are_dropped_is_logged_as_it_begins_and_as_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    inbox = Inbox()
    event = Event("started", "1", "t", 0, 0.0, None, False, None)
    for _ in range(BUFFERED + 5):
        inbox.put(event)
    assert caplog.messages == [f"events are dropped: their reader is {BUFFERED} behind"]
    for _ in range(BUFFERED):
        await inbox.take()
    assert caplog.messages[1:] == ["a reader of events has caught up; it was not given 5 events"]
    inbox.put(event)
    await inbox.take()
    assert len(caplog.messages) == 2
