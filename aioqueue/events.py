"""What a signal in this process is called to others."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from aioqueue.canvas.job import Job
from aioqueue.drivers.base import EVENTS_TOPIC, LARGEST_NEWS, Driver
from aioqueue.errors import AioqueueError, StoreUnavailable
from aioqueue.signals import Signal, Signals

if TYPE_CHECKING:
    from aioqueue.inbox import Event

logger: Final = logging.getLogger("aioqueue")

_LONGEST_LETTER: Final = 6  # as JSON, in bytes

_STATUS: Final[dict[Signal, str]] = {
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


def event_of(signal: Signal, job: Job[Any], traceback: str) -> Event | None:
    """Return the event of a signal; None for one that is no event."""
    from aioqueue.inbox import Event  # noqa: PLC0415 -- nobody may ever listen

    status = _STATUS.get(signal)
    if status is None:
        return None
    failed = status == "error"
    execute_time = job.eta or (time.time() + job.delay if job.delay else None)
    return Event(
        status, job.id, job.task_name, job.retries, job.retry_delay, execute_time, failed, traceback if failed else None
    )


async def publish(driver: Driver, event: Event) -> None:
    """Publish an event to whoever listens now; a traceback that is too long is cut; what cannot be told is lost."""
    try:
        await driver.publish(EVENTS_TOPIC, _encoded(event))
    except StoreUnavailable as error:
        logger.debug("an event is lost: %s", error)
    except (AioqueueError, ValueError) as error:
        logger.warning("an event is lost: %s", error)


async def tell_enqueued(signals: Signals, driver: Driver, job: Job[Any]) -> None:
    """Tell that a job has been stored: signals here, an event to others."""
    signal: Signal = "scheduled" if job.is_delayed else "enqueued"
    await signals.send(signal, job)
    event = event_of(signal, job, "") if driver.audience else None
    if event is not None:
        await publish(driver, event)


def _encoded(event: Event) -> bytes:
    """Encode an event; of a traceback that is too long its end is kept."""
    from aioqueue.inbox import encode_event  # noqa: PLC0415

    data = encode_event(event)
    if len(data) <= LARGEST_NEWS:
        return data
    tail = (event.traceback or "")[-LARGEST_NEWS:]
    data = encode_event(replace(event, traceback=tail))
    while tail and (excess := len(data) - LARGEST_NEWS) > 0:
        tail = tail[max(excess // _LONGEST_LETTER, 1) :]
        data = encode_event(replace(event, traceback=tail))
    return data
