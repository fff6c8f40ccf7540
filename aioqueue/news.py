"""News of jobs as they travel between processes, and following them for one job."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, TypeAlias

import msgspec

from aioqueue.drivers.base import EVENTS_TOPIC, Driver, Settled
from aioqueue.errors import ResultUnknown
from aioqueue.outcome import decode_failure
from aioqueue.session import Session
from aioqueue.states import JobState

logger: Final = logging.getLogger("aioqueue")

BUFFERED: Final = 10_000
_ENDS: Final = {
    JobState.SUCCEEDED: "finished",
    JobState.FAILED: "error",
    JobState.CANCELLED: "revoked",
    JobState.EXPIRED: "expired",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One fact about one job, as JSON on the wire.

    `status` is enqueued, scheduled, revoked, started, finished, error, retrying or expired; `id` the job's, `task` the
    task's name; `retries` are those left, `retry_delay` seconds, `execute_time` the Unix time at which a scheduled job
    is due; `traceback` is the text of an error's. A `progress` has a `number`, `done` of `total`, and a `note`.
    """

    status: str
    id: str
    task: str
    retries: int
    retry_delay: float
    execute_time: float | None
    error: bool
    traceback: str | None
    number: int = 0
    done: float | None = None
    total: float | None = None
    note: str = ""


encode_event: Final = msgspec.json.Encoder().encode
decode_event: Final = msgspec.json.Decoder(Event).decode


class Inbox:
    """A bounded buffer for one reader: what a slow reader does not take is dropped, and logged; the end never is."""

    def __init__(self, job_id: str = "") -> None:
        self._job_id = job_id
        self._items: asyncio.Queue[Event | _Mark] = asyncio.Queue()

    def put(self, item: Event | _Mark) -> None:
        """Add an event or a mark."""
        if self._items.qsize() >= BUFFERED and item is not _Mark.ENDED:
            logger.warning("an event is dropped: its reader is more than %d behind", BUFFERED)
            return
        self._items.put_nowait(item)

    def hear(self, _topic: str, data: bytes) -> None:
        """Add an event as the store sends it, if it is about the job that is followed, or any job is."""
        try:
            event = decode_event(data)
        except msgspec.DecodeError as error:
            logger.debug("an event cannot be read: %s", error)
            return
        if self._job_id in ("", event.id):
            self.put(event)

    async def take(self) -> Event | _Mark:
        """Return the next item."""
        return await self._items.get()


class _Mark(Enum):
    NOTED = "there may be new notes"
    ENDED = "the job has finished"


OpenSession: TypeAlias = Callable[[], Awaitable[Session]]


async def listen(session: OpenSession) -> AsyncIterator[Event]:
    """Yield the events of all jobs, from now on. Lossy, as all news."""
    inbox = Inbox()
    driver = (await session()).driver.clone()
    try:
        await driver.open()
        await driver.subscribe(EVENTS_TOPIC, inbox.hear)
        while isinstance(event := await inbox.take(), Event):
            yield event
    finally:
        await driver.close()


async def follow(session: OpenSession, job_id: str, task: str, after: int) -> AsyncIterator[Event]:
    """Yield one job's progress above the number `after` and its state changes, until it has finished."""
    own, inbox = await session(), Inbox(job_id)
    driver = own.driver.clone()
    ending = asyncio.create_task(own.listener.wait(job_id))
    ending.add_done_callback(lambda _: inbox.put(_Mark.ENDED))
    try:
        await driver.open()
        await driver.subscribe(f"notes:{job_id}", lambda _topic, _data: inbox.put(_Mark.NOTED))
        await driver.subscribe(EVENTS_TOPIC, inbox.hear)
        item: Event | _Mark = _Mark.NOTED
        held: list[Event] = []  # what may have been the end, which is told from the result, or one try of several
        while True:
            if isinstance(item, Event):
                told, held = ([], [item]) if item.status in _ENDS.values() else ([*held, item], [])
            else:
                told = await _progress(driver, job_id, after)
                after = told[-1].number if told else after
            for event in told:
                yield event
            if item is _Mark.ENDED:
                yield _last_event(ending, job_id, task)
                return
            item = await inbox.take()
    finally:
        ending.cancel()
        await asyncio.gather(ending, return_exceptions=True)
        await driver.close()


async def _progress(driver: Driver, job_id: str, after: int) -> list[Event]:
    notes = await driver.notes(job_id, after)
    return [replace(decode_event(data), number=number) for number, data in notes]


def _last_event(ending: asyncio.Task[Settled], job_id: str, task: str) -> Event:
    settled = ending.result()
    if settled.state is JobState.UNKNOWN:
        raise ResultUnknown(f"the store has never heard of job {job_id}, or has forgotten it")
    status = _ENDS[settled.state]
    failed = settled.state is not JobState.SUCCEEDED
    if not failed:
        return Event(status, job_id, task, 0, 0.0, None, False, None)
    failure = decode_failure(settled.outcome)
    return Event(status, job_id, task, failure.retries, 0.0, None, status == "error", failure.traceback or None)
