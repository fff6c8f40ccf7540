"""News of jobs: following one until it has finished, or all of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final, TypeAlias

from aioqueue.drivers.base import Settled
from aioqueue.errors import ResultTimeout, ResultUnknown, StoreUnavailable
from aioqueue.inbox import Event, Inbox, Item, Mark
from aioqueue.notes import Note
from aioqueue.outcome import decode_failure
from aioqueue.session import Session
from aioqueue.states import JobState

logger: Final = logging.getLogger("aioqueue")

_PAUSE: Final = 1.0
_CLOSED: Final = "the queue was closed while its events were read"
_ENDS: Final = {
    JobState.SUCCEEDED: "finished",
    JobState.FAILED: "error",
    JobState.CANCELLED: "revoked",
    JobState.EXPIRED: "expired",
}

OpenSession: TypeAlias = Callable[[], Awaitable[Session]]
Endless: TypeAlias = Callable[[], Awaitable[ResultTimeout | None]]


async def listen(session: OpenSession) -> AsyncIterator[Event]:
    """Yield the events of all jobs, from now on. Lossy, as all news; `StoreUnavailable` when the queue is closed."""
    async with (await session()).newsroom.reading() as inbox:
        while True:
            item = await _taken(inbox)
            if isinstance(item, Event):
                yield item


async def follow(session: OpenSession, job_id: str, task: str, after: int, endless: Endless) -> AsyncIterator[Event]:
    """Yield one job's progress above the number `after` and its state changes, until it has finished.

    A store that goes away meanwhile is waited for. Raises `StoreUnavailable` if it is away when this begins, or the
    queue is closed, `ResultUnknown` for a job that nobody knows, and what `endless` answers once its notes are told.
    """
    own = await session()
    ending = own.listener.expect(job_id)
    try:
        own.listener.ask(job_id)
        refusal = await endless()
        async with own.newsroom.reading(job_id) as inbox:
            ending.add_done_callback(lambda _: inbox.put(Mark.ENDED))
            item: Item = Mark.NOTED
            held: list[Event] = []  # what may have been the end, which is told from the result, or one try of several
            while True:
                if isinstance(item, Event):
                    told, held = ([], [item]) if item.status in _ENDS.values() else ([*held, item], [])
                else:
                    notes = await _progress(own, job_id, after)
                    told = [event for _, event in notes if event is not None]
                    after = notes[-1][0] if notes else after
                for event in told:
                    yield event
                if item is Mark.ENDED:
                    yield _last_event(ending.result(), job_id, task)
                    return
                if refusal is not None:
                    raise refusal
                item = await _taken(inbox)
    finally:
        own.listener.leave(job_id, ending)


async def _taken(inbox: Inbox) -> Item:
    item = await inbox.take()
    if item is Mark.CLOSED:
        raise StoreUnavailable(_CLOSED)
    return item


async def _progress(session: Session, job_id: str, after: int) -> list[Note]:
    """Return the notes above a number, as soon as the store can be asked."""
    while True:
        try:
            return await session.newsroom.notes.above(job_id, after)
        except StoreUnavailable as error:
            if session.is_closed:
                raise StoreUnavailable(_CLOSED) from None
            logger.debug("the progress of job %s is asked for again: %s", job_id, error)
            await asyncio.sleep(_PAUSE)


def _last_event(settled: Settled, job_id: str, task: str) -> Event:
    if settled.state is JobState.UNKNOWN:
        raise ResultUnknown(f"the store has never heard of job {job_id}, or has forgotten it")
    status = _ENDS[settled.state]
    failed = settled.state is not JobState.SUCCEEDED
    if not failed:
        return Event(status, job_id, task, 0, 0.0, None, False, None)
    failure = decode_failure(settled.outcome)
    return Event(status, job_id, task, failure.retries, 0.0, None, status == "error", failure.traceback or None)
