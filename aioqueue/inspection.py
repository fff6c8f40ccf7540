"""Jobs as they are looked at in the store."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from aioqueue.canvas.job import Job
from aioqueue.drivers.base import NewJob, StoredJob
from aioqueue.ids import new_id
from aioqueue.options import CallSettings
from aioqueue.record import FORMAT, NewerFormat, Record, Unreadable, Withheld, decode_record, encode_record
from aioqueue.result import ResultSource


def seen(stored: StoredJob, source: ResultSource) -> Job[Any]:
    """Return a stored job to be looked at; of one that cannot be read, what the store knows."""
    try:
        record = decode_record(stored.payload)
    except (NewerFormat, Unreadable):
        record = Record(FORMAT, stored.task, b"")
    return Job(stored.id, record, source, stored.priority, CallSettings(eta=stored.due_at))


def seen_new(stored: NewJob, source: ResultSource) -> Job[Any]:
    """Return a job that has just been stored, to be told of."""
    when = CallSettings(
        delay=stored.delay,
        eta=stored.eta,
        expires_in=stored.expires_in,
        expires_at=stored.expires_at,
        unique=stored.unique,
    )
    return Job(stored.id, decode_record(stored.payload), source, stored.priority, when)


def replayed(stored: StoredJob) -> NewJob:
    """Return a dead letter as a new job, with an id of its own; one that cannot be read is tried as it is.

    Raises `LookupError` for a chord's callback, since the values of its members have left the store with it, and for
    one that must not be read: it would be signed anew.
    """
    try:
        record = decode_record(stored.payload)
    except Withheld as why:
        raise LookupError(f"dead letter {stored.id} is not run again: {why}") from None
    except (NewerFormat, Unreadable):
        payload = stored.payload
    else:
        if record.handed is not None and record.handed.gathers:
            raise LookupError(
                f"dead letter {stored.id} needs the values of a chord that is over: enqueue the chord again"
            )
        payload = encode_record(_alone(structs.replace(record, tries=0, replayed_from=stored.id)))
    return NewJob(new_id(), stored.task, payload, stored.priority)


def _alone(record: Record) -> Record:
    """Take a record out of its canvas, which has ended; its error callbacks are called again."""
    errors = tuple(structs.replace(stage, id=new_id()) for stage in record.errors)
    return structs.replace(record, then=(), member=None, beyond=(), errors=errors)
