"""One job's progress as server-sent events, from where the browser left off until the outcome."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from typing import Any, Final

import msgspec

from aioqueue.canvas.job import NOTES_TTL
from aioqueue.drivers.base import Driver
from aioqueue.errors import AioqueueError, ResultTimeout, ResultUnknown, StoreUnavailable
from aioqueue.frameworks.answers import NO_STORE, Answer, Say, complaint, refusal_of, refused, value_as_json
from aioqueue.frameworks.endings import ended
from aioqueue.frameworks.sending import Chunks
from aioqueue.ids import made_at
from aioqueue.inbox import Event
from aioqueue.logtext import one_line
from aioqueue.options import Seconds, seconds
from aioqueue.result import Result
from aioqueue.states import JobState

logger: Final = logging.getLogger("aioqueue")

KEEP_ALIVE: Final = 15.0
EVENT_STREAM: Final = "text/event-stream"
# A proxy that buffers would keep progress until the job has ended.
HEADERS: Final = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}

_THE_END: Final = "end"
_MOST_DIGITS: Final = 15
_SHORTEST_PAUSE: Final = 0.01
_STATES: Final = {"finished": "succeeded", "error": "failed", "revoked": "cancelled", "expired": "expired"}
_COME_BACK_LATER: Final = b"retry: 3000\n: the store of the queue cannot be reached now\n\n"
_to_json: Final = msgspec.json.Encoder().encode


async def event_stream(
    result: Result[Any], last_event_id: str, keep_alive: Seconds, say: Say | None = None
) -> Chunks | Answer:
    """Return the events of a job after the one that the browser saw last, or the answer to a request for none.

    A browser that has seen the end is told to ask no more (204); a number that no event has, or that is no number, is
    refused (400), a job that nobody knows too (404). While the store is away the stream is one that ends at once.
    """
    pause = max(seconds("keep_alive", keep_alive), _SHORTEST_PAUSE)
    if last_event_id == _THE_END:
        return Answer(204, b"", NO_STORE)
    after = _number(last_event_id)
    if after is None:
        return complaint(400, f"Last-Event-ID: {last_event_id!r} is no number of an event")
    try:
        return await _refusal_of(result, after) or _stream(result, after, pause, say)
    except StoreUnavailable as error:
        logger.warning("the progress of job %s is refused: %s", one_line(result.id), one_line(str(error)))
        return _nothing_now()
    except AioqueueError as error:
        return refused(result.id, error)


def _number(last_event_id: str) -> int | None:
    """Return the number of the event seen last, 0 for none, None for what is no number."""
    text = last_event_id.strip()
    if not text:
        return 0
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


async def _refusal_of(result: Result[Any], after: int) -> Answer | None:
    if await result.state() is JobState.UNKNOWN:
        raise ResultUnknown(f"the store has never heard of job {result.id}, or has forgotten it")
    if not after:
        return None
    driver = (await result.source.session()).driver
    if await driver.notes(result.id, after - 1) or await _may_have_forgotten(driver, result.id):
        return None
    told = await driver.notes(result.id, 0)
    newest = told[-1][0] if told else 0
    return complaint(400, f"Last-Event-ID: {after} is from the future: the newest event of this job is {newest}")


async def _may_have_forgotten(driver: Driver, job_id: str) -> bool:
    """Whether the job is old enough for notes to be forgotten, after which the numbers begin anew."""
    made = made_at(job_id)
    return made is None or made + NOTES_TTL < await driver.now()


async def _nothing_now() -> Chunks:
    # Any status but 200 ends an EventSource for good; this one comes back by itself.
    yield _COME_BACK_LATER


async def _stream(result: Result[Any], after: int, pause: float, say: Say | None) -> Chunks:
    """Yield the lines of each event; the connection is kept alive by a comment after every `pause` seconds of silence.

    A store that goes away meanwhile is waited for. A queue that is closed, a job that immediate mode does not run by
    itself, or a store that is away when the outcome is read, ends it without an outcome: the browser comes back by
    itself, and goes on from there.
    """
    yield b": follows\n\n"
    last: Event | None = None
    try:
        async with aclosing(_with_pauses(result.events(after), pause)) as events:
            async for event in events:
                if event is not None and event.status in _STATES:
                    last = event
                else:
                    yield b": still here\n\n" if event is None else _told(event)
        yield await _outcome(result, last, say)
    except (StoreUnavailable, ResultTimeout) as error:
        logger.warning("the progress of job %s ends early: %s", one_line(result.id), one_line(str(error)))
    except AioqueueError as error:
        refusal = refusal_of(result.id, error, say)
        yield _lines("outcome", {"id": result.id, "state": refusal.state, "error": refusal.line}, _THE_END)


async def _with_pauses(source: AsyncIterator[Event], pause: float) -> AsyncGenerator[Event | None, None]:
    """Yield the events of `source`, and None whenever there was none for `pause` seconds; closes it at the end."""
    coming: asyncio.Task[Event] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(_next(source))
            if (await asyncio.wait({coming}, timeout=pause))[0]:
                event, coming = coming.result(), None
                yield event
            else:
                yield None
    except StopAsyncIteration:
        return
    finally:
        try:
            if coming is not None:
                coming.cancel()
                with suppress(Exception):  # it is not waited for any more
                    await ended(coming)
        finally:
            await source.aclose()  # type: ignore[attr-defined]


async def _next(source: AsyncIterator[Event]) -> Event:
    return await anext(source)


async def _outcome(result: Result[Any], last: Event | None, say: Say | None) -> bytes:
    """Return the last event: what became of the job, and its value or its error where one is kept."""
    state = _STATES[last.status] if last is not None else "unknown"
    outcome: dict[str, Any] = {"id": result.id, "state": state}
    if result.source.kept:
        with suppress(ResultUnknown):  # neither was kept for this job, or for so long
            outcome |= await (_value_of(result) if state == "succeeded" else _error_of(result, say))
    return _lines("outcome", outcome, _THE_END)


async def _value_of(result: Result[Any]) -> dict[str, Any]:
    value: Any = await result.get(timeout=0)
    try:
        return {"value": msgspec.Raw(value_as_json(result.id, value))}
    except TypeError:
        logger.exception("job %s has ended, and its reader is not given its value", one_line(result.id))
        return {"error": "the value of this job cannot be written as JSON"}


async def _error_of(result: Result[Any], say: Say | None) -> dict[str, Any]:
    try:
        await result.get(timeout=0)
    except (ResultUnknown, StoreUnavailable):
        raise
    except AioqueueError as error:
        return {"error": refusal_of(result.id, error, say).line}
    return {}


def _told(event: Event) -> bytes:
    if event.number:
        told = {"number": event.number, "done": event.done, "total": event.total, "note": event.note}
        return _lines("progress", told, str(event.number))
    said = {"status": event.status, "retries": event.retries, "retry_delay": event.retry_delay}
    return _lines("status", said)


def _lines(name: str, data: dict[str, Any], number: str = "") -> bytes:
    """Return an event as it stands on the wire: JSON has no line end of its own."""
    head = f"id: {number}\n" if number else ""
    return f"{head}event: {name}\ndata: ".encode() + _to_json(data) + b"\n\n"
