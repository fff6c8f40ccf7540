"""What a signal in this process is called to others."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import Any, Final

from aioqueue.canvas.job import Job
from aioqueue.drivers.base import EVENTS_TOPIC, LARGEST_NEWS, Driver
from aioqueue.errors import StoreUnavailable
from aioqueue.news import Event, encode_event
from aioqueue.signals import Signal, Signals

logger = logging.getLogger("aioqueue")

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
    status = _STATUS.get(signal)
    if status is None:
        return None
    failed = status == "error"
    execute_time = job.eta or (time.time() + job.delay if job.delay else None)
    return Event(
        status, job.id, job.task_name, job.retries, job.retry_delay, execute_time, failed, traceback if failed else None
    )


async def publish(driver: Driver, event: Event) -> None:
    """Publish an event to whoever listens now; a traceback that is too long is cut, a store that is away forgiven."""
    data = encode_event(event)
    if len(data) > LARGEST_NEWS:
        data = encode_event(_shortened(event))
    try:
        await driver.publish(EVENTS_TOPIC, data)
    except StoreUnavailable as error:
        logger.debug("an event is lost: %s", error)


async def tell_enqueued(signals: Signals, driver: Driver, job: Job[Any]) -> None:
    """Tell that a job has been stored: signals here, an event to others."""
    signal: Signal = "scheduled" if job.is_delayed else "enqueued"
    await signals.send(signal, job)
    event = event_of(signal, job, "") if driver.audience else None
    if event is not None:
        await publish(driver, event)


def _shortened(event: Event) -> Event:
    return replace(event, traceback=(event.traceback or "")[-LARGEST_NEWS // 4 :])
