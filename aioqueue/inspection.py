"""Jobs as they are looked at in the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgspec import structs

from aioqueue.canvas.job import Job
from aioqueue.drivers.base import NewJob, StoredJob
from aioqueue.ids import new_id
from aioqueue.options import CallSettings
from aioqueue.record import FORMAT, NewerFormat, Record, Unreadable, decode_record, encode_record
from aioqueue.result import ResultSource


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A job that was given up: its id, its task's name, why, and when (Unix seconds)."""

    id: str
    task: str
    reason: str
    died_at: float


def seen(stored: StoredJob, source: ResultSource) -> Job[Any]:
    """Return a stored job to be looked at; of one that cannot be read, what the store knows."""
    try:
        record = decode_record(stored.payload)
    except (NewerFormat, Unreadable):
        record = Record(FORMAT, stored.task, b"")
    return Job(stored.id, record, source, stored.priority, CallSettings(eta=stored.due_at))


def seen_new(stored: NewJob, source: ResultSource) -> Job[Any]:
    """Return a job that has just been stored, to be told of."""
    when = CallSettings(delay=stored.delay, eta=stored.eta)
    return Job(stored.id, decode_record(stored.payload), source, stored.priority, when)


def replayed(stored: StoredJob) -> NewJob:
    """Return a dead letter as a new job, with an id of its own; one that cannot be read is tried as it is."""
    try:
        record = decode_record(stored.payload)
    except (NewerFormat, Unreadable):
        payload = stored.payload
    else:
        payload = encode_record(
            structs.replace(record, tries=0, replayed_from=stored.id, then=(), member=None, beyond=())
        )
    return NewJob(new_id(), stored.task, payload, stored.priority)
