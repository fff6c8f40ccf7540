"""Consuming tasks, section by section: the command in processes of its own, and the events it emits."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aioqueue import Event, Job, JobState, Queue, Result, TaskCancelled, TaskLockedException
from tests.cli.processes import ROOT, Command
from tests.core.stores import MakeQueue, eventually
from tests.huey.workday import Workday

pytestmark = pytest.mark.asyncio

APP = "tests.huey.consumed:queue"
TESTS = str(Path(__file__).parents[2])


class Consumers:
    """Starts `aioqueue worker` processes on one store; none outlives its test."""

    def __init__(self, directory: Path, url: str) -> None:
        self.queue = Queue(url, name=f"q{uuid.uuid4().hex}")
        self._directory = directory
        self._environment = {"AIOQUEUE_URL": url, "CONSUMED_QUEUE": self.queue.name}
        self._environment["PYTHONPATH"] = os.pathsep.join([ROOT, TESTS])
        self._started: list[Command] = []

    def start(self, *arguments: str, app: str = APP, **environment: str) -> Command:
        """Start one; it works before it says so."""
        command = ("-m", "aioqueue", "worker", app, *arguments)
        self._started.append(Command(self._directory, command, {**self._environment, **environment}))
        return self._started[-1]

    def end(self) -> None:
        for command in self._started:
            command.end()

    def calls(self, name: str, retries: int = 0) -> Job[Any]:
        """Return a job of one of the application's tasks that take nothing."""

        @self.queue.task(name=name)
        async def sent() -> None: ...

        return sent.options(retries=retries).s()


@pytest.fixture
def consumers(shared_store_url: str, tmp_path: Path) -> Iterator[Consumers]:
    consumers = Consumers(tmp_path, shared_store_url)
    yield consumers
    consumers.end()


@asynccontextmanager
async def listening(queue: Queue, workday: Workday) -> AsyncIterator[list[Event]]:
    """Collect the events of a queue; at the end of the block all that were published are there."""
    events: list[Event] = []
    last = uuid.uuid4().hex

    async def read() -> None:
        async for event in queue.events():
            if event.task == last:
                return
            events.append(event)

    @queue.task(name=last)
    async def end() -> None: ...

    async with asyncio.timeout(20):
        reading = asyncio.create_task(read())
        await workday.heard()
        yield events
        await end()
        await reading


# ---------------------------------------------------------------------- Consuming Tasks


@pytest.mark.parametrize("app", ["tests.huey.consumed:queue", "tests.huey.consumed.queue"])
async def test_consuming_tasks_by_an_import_path(consumers: Consumers, app: str) -> None:
    consumers.start(app=app)
    queue = consumers.queue

    @queue.task(name="add")
    async def add(a: int, b: int) -> int: ...  # type: ignore[empty-body]

    async with queue:
        assert await (await add(1, 2)).get(timeout=20) == 3


# ---------------------------------------------------------------------- Consumer internals


async def test_internals_a_stop_finishes_the_schedule_keeps(consumers: Consumers) -> None:
    queue = consumers.queue

    @queue.task(name="add")
    async def add(a: int, b: int) -> int: ...  # type: ignore[empty-body]

    async with queue:
        command = consumers.start()
        assert await (await add(1, 2)).get(timeout=20) == 3
        waiting = await add.schedule((3, 4), delay=3_600)
        command.signal(signal.SIGTERM)
        assert command.code() == 0
        assert await waiting.state() is JobState.SCHEDULED
        queued = await add(5, 6)
        assert await queued.state() is JobState.QUEUED
        consumers.start()
        assert await queued.get(timeout=20) == 11


async def test_internals_revoking_reaches_another_process(consumers: Consumers) -> None:
    queue = consumers.queue

    @queue.task(name="add")
    async def add(a: int, b: int) -> int: ...  # type: ignore[empty-body]

    async with queue:
        consumers.start()
        await add.revoke(revoke_once=True)
        with pytest.raises(TaskCancelled):
            await (await add(1, 2)).get(timeout=20)
        assert await (await add(1, 2)).get(timeout=20) == 3


async def test_internals_cancelling_reaches_another_process(consumers: Consumers) -> None:
    queue = consumers.queue
    async with queue:
        consumers.start()
        result: Result[Any] = await queue.enqueue(consumers.calls("forever"))
        async with asyncio.timeout(20):
            async for event in result.events():
                if event.status == "progress":
                    assert await result.cancel()
        with pytest.raises(TaskCancelled) as caught:
            await result.get(timeout=20)
    assert caught.value.reason == "cancelled"


async def test_internals_a_lock_holds_in_another_process(consumers: Consumers) -> None:
    queue = consumers.queue
    async with queue:
        consumers.start()
        async with queue.lock_task("consumed"):
            kept_out: Result[Any] = await queue.enqueue(consumers.calls("locked"))
            with pytest.raises(TaskLockedException):
                await kept_out.get(timeout=20)
        let_in = await queue.enqueue(consumers.calls("locked"))
        assert await queue.result(let_in.id).get(timeout=20) == "alone"


async def test_internals_periodic_tasks_fire_once_over_two_processes(consumers: Consumers) -> None:
    queue = consumers.queue
    for _ in range(2):
        consumers.start(CONSUMED_BEATS="yes")
    slots: set[str] = set()
    async with queue, asyncio.timeout(30):
        async for event in queue.events():
            if event.status == "finished" and event.task == "beat":
                slots.add(event.id)
            if len(slots) >= 6:
                break
        runs = [await queue.kv.get(f"runs of {slot}") for slot in slots]
    assert runs == [1] * 6


# ---------------------------------------------------------------------- Consumer event emitter


async def test_events_of_a_task_that_succeeds(queue: Queue, workday: Workday) -> None:
    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue:
        async with listening(queue, workday) as events:
            result = await add(1, 2)
            await workday.work()
        assert [event.status for event in events] == ["enqueued", "started", "finished"]
        assert {(event.id, event.task) for event in events} == {(result.id, add.name)}
        assert not any(event.error or event.traceback for event in events)


async def test_events_of_a_task_that_is_scheduled(queue: Queue, workday: Workday) -> None:
    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue:
        async with listening(queue, workday) as events:
            await add.schedule((1, 2), delay=60)
            await workday.later(61)
        assert [event.status for event in events] == ["scheduled", "started", "finished"]
        now = await (await queue.session()).driver.now()
        assert events[0].execute_time == pytest.approx(now - 1, abs=10)
        assert events[1].execute_time is None


async def test_events_of_a_task_that_is_tried_again(queue: Queue, workday: Workday) -> None:
    @queue.task(retries=1, retry_delay=10, context=True)
    def flaky(job: Job[str]) -> str:
        if job.tries == 0:
            raise ValueError("uh-oh")
        return "OK"

    async with queue:
        async with listening(queue, workday) as events:
            await flaky()
            await workday.work()
            await workday.later(20)
        statuses = [event.status for event in events]
        assert statuses == ["enqueued", "started", "error", "retrying", "scheduled", "started", "finished"]
        (error,) = [event for event in events if event.error]
        assert (error.status, error.retries) == ("error", 1)
        assert "ValueError: uh-oh" in (error.traceback or "")
        assert events[-1].retries == 0


async def test_events_say_the_retry_delay_that_the_task_declares(queue: Queue, workday: Workday) -> None:
    @queue.task(retries=1, retry_delay=10)
    async def failing() -> None:
        raise ValueError("uh-oh")

    async with queue:
        async with listening(queue, workday) as events:
            await failing()
            await workday.work()
        assert {event.retry_delay for event in events} == {10}


async def test_events_say_when_a_retry_is_due(queue: Queue, workday: Workday) -> None:
    @queue.task(retries=1, retry_delay=3_600)
    async def failing() -> None:
        raise ValueError("uh-oh")

    async with queue:
        async with listening(queue, workday) as events:
            await failing()
            await workday.work()
        assert events[-1].status == "scheduled"
        assert events[-1].execute_time is not None


async def test_events_of_a_task_that_is_revoked(queue: Queue, workday: Workday) -> None:
    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue:
        async with listening(queue, workday) as events:
            await add.revoke()
            await add(1, 2)
            await workday.work()
        assert [event.status for event in events] == ["enqueued", "revoked"]


async def test_events_are_json_with_the_fields_of_the_document(queue: Queue, workday: Workday) -> None:
    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue:
        async with listening(queue, workday) as events:
            await add(1, 2)
        fields = json.loads(msgspec.json.encode(events[0]))
    named = {"status", "id", "task", "retries", "retry_delay", "execute_time", "error", "traceback"}
    assert named <= fields.keys()


async def test_events_reach_other_processes(consumers: Consumers) -> None:
    queue = consumers.queue
    workday = Workday(queue)
    async with queue:
        consumers.start()
        async with listening(queue, workday) as events:
            result: Result[Any] = await queue.enqueue(consumers.calls("flaky", retries=1))
            assert await queue.result(result.id).get(timeout=20) == "OK"
            await eventually(lambda: "finished" in [event.status for event in events if event.id == result.id])
    statuses = [event.status for event in events if event.id == result.id]
    assert statuses == ["enqueued", "started", "error", "retrying", "scheduled", "started", "finished"]


async def test_events_of_one_job_can_be_resumed(make_queue: MakeQueue) -> None:
    queue, elsewhere = make_queue(), make_queue()

    @queue.task(context=True)
    async def crunch(job: Job[int], rows: int) -> int:
        for row in range(rows):
            await job.progress(row + 1, rows, f"row {row}")
        return rows

    async with queue, elsewhere:
        result = await crunch(4)
        await queue.worker().drain()
        seen = [event async for event in elsewhere.result(result.id).events(after=2)]
    assert [(event.number, event.done, event.total, event.note) for event in seen[:-1]] == [
        (3, 3.0, 4.0, "row 2"),
        (4, 4.0, 4.0, "row 3"),
    ]
    assert seen[-1].status == "finished"


async def test_events_nobody_listening_costs_nothing(queue: Queue) -> None:
    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue:
        driver = (await queue.session()).driver
        published: list[str] = []
        publish = driver.publish

        async def counted(topic: str, data: bytes) -> None:
            published.append(topic)
            await publish(topic, data)

        driver.publish = counted  # type: ignore[method-assign]
        await add(1, 2)
    assert published == []
