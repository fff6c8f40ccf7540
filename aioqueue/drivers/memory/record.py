"""A job as the memory store holds it: the one mutable thing, changed only under the store's lock."""

from __future__ import annotations

from dataclasses import dataclass

from aioqueue.drivers.base import Claim, NewJob, Revocation, StoredJob, Unwanted
from aioqueue.states import JobState


@dataclass(slots=True, eq=False)
class Record:
    """One job that waits, is scheduled, queued or running.

    `place` orders it among those that stand with it; `batch` and `token` are those of its claim while it runs, and
    `unwanted` is what someone asked for who cancelled it then. `waits` are the places kept for its later stages; such a
    place `awaits` it.
    """

    id: str
    task: str
    payload: bytes
    priority: int
    expires_at: float
    unique: str = ""
    state: JobState = JobState.UNKNOWN
    deliveries: int = 0
    deferrals: int = 0
    place: int = 0
    due_at: float = 0.0
    incarnation: str = ""
    token: int = 0
    batch: int = 0
    unwanted: Unwanted | None = None
    waits: tuple[str, ...] = ()
    awaits: str = ""


def admitted(job: NewJob, now: float) -> Record:
    """Return the record of a job that enters the store at `now`."""
    return Record(job.id, job.task, job.payload, job.priority, expiry(job, now), job.unique, waits=job.waits)


def expiry(job: NewJob, now: float) -> float:
    """Return when a job expires whose turn comes at `now`, 0 for never."""
    return job.expires_at or (now + job.expires_in if job.expires_in else 0.0)


def placeholder(job_id: str, awaits: str) -> Record:
    """Return the record of a later stage of which only the id is known."""
    return Record(job_id, "", b"", 0, 0.0, awaits=awaits)


def due_time(eta: float, delay: float, now: float) -> float:
    """Return when something is due: at `eta` if given, else after `delay`."""
    return eta or now + delay


def claim_of(record: Record, revoked: Revocation | None, inputs: tuple[bytes, ...]) -> Claim:
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
        revoked,
        inputs,
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
