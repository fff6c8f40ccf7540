"""A job as the memory store holds it: the one mutable thing, changed only under the store's lock."""

from __future__ import annotations

from dataclasses import dataclass

from aioqueue.drivers.base import Claim, NewJob, StoredJob
from aioqueue.states import JobState


@dataclass(slots=True, eq=False)
class Record:
    """One job that is scheduled, queued or running.

    `place` orders it among those that stand with it; `batch` and `token` are those of its claim while it runs.
    """

    id: str
    task: str
    payload: bytes
    priority: int
    expires_at: float
    state: JobState = JobState.UNKNOWN
    deliveries: int = 0
    deferrals: int = 0
    place: int = 0
    due_at: float = 0.0
    incarnation: str = ""
    token: int = 0
    batch: int = 0


def admitted(job: NewJob, now: float) -> Record:
    """Return the record of a job that enters the store at `now`."""
    expires_at = now + job.expires_in if job.expires_in else job.expires_at
    return Record(job.id, job.task, job.payload, job.priority, expires_at)


def due_time(eta: float, delay: float, now: float) -> float:
    """Return when something is due: at `eta` if given, else after `delay`."""
    return eta or now + delay


def claim_of(record: Record) -> Claim:
    """Return the right to settle a running job."""
    return Claim(
        record.id,
        record.token,
        record.task,
        record.payload,
        record.priority,
        record.deliveries,
        record.deferrals,
        record.expires_at,
    )


def stored(record: Record) -> StoredJob:
    """Return a copy of the record to be looked at."""
    return StoredJob(
        record.id,
        record.state,
        record.task,
        record.payload,
        record.priority,
        record.due_at,
        record.expires_at,
        record.deliveries,
        record.incarnation,
    )


def dead_letter(record: Record, reason: str, died_at: float) -> StoredJob:
    """Return the copy that is kept of a job that failed for good."""
    return StoredJob(
        record.id,
        JobState.FAILED,
        record.task,
        record.payload,
        record.priority,
        0.0,
        record.expires_at,
        record.deliveries,
        "",
        reason,
        died_at,
    )
