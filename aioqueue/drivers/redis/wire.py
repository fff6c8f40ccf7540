"""What travels to and from the scripts: flat msgpack arrays there, nested replies back."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeAlias

from msgspec import Raw
from msgspec.msgpack import Encoder

from aioqueue.drivers.base import Again, Claim, Claimed, Finished, Lease, NewJob, Outcome, Settled, StoredJob
from aioqueue.states import JobState

Reply: TypeAlias = list[Any]
Field: TypeAlias = str | int | float | Raw

STATES: Final = (
    JobState.UNKNOWN,
    JobState.SUCCEEDED,
    JobState.FAILED,
    JobState.CANCELLED,
    JobState.EXPIRED,
    JobState.RUNNING,
    JobState.SCHEDULED,
    JobState.QUEUED,
)
RUNS_AGAIN: Final = -1.0

_CODES: Final = {state: code for code, state in enumerate(STATES)}
_RECORD: Final = struct.Struct(">bdH")
_BODY: Final = struct.Struct(">Bd")
_DEAD: Final = struct.Struct(">dII")
_LENGTH: Final = struct.Struct(">I")

pack: Final = Encoder().encode


def _text(data: bytes) -> Raw:
    """Return bytes as msgpack text, since the scripts' unpacker knows no binary; to Lua both are bytes."""
    return Raw(b"\xdb" + len(data).to_bytes(4) + data)


# ---------------------------------------------------------------------- jobs
def job_rows(jobs: Iterable[NewJob]) -> list[Field]:
    """Return id, record, eta, delay, expires_in of each job, in one row."""
    rows: list[Field] = []
    for job in jobs:
        expires_in = 0.0 if job.expires_at else job.expires_in
        rows += (job.id, _record(job), job.eta, job.delay, expires_in)
    return rows


def _record(job: NewJob) -> Raw:
    task = job.task.encode()
    return _text(_RECORD.pack(job.priority, job.expires_at, len(task)) + task + job.payload)


def _read_record(record: bytes) -> tuple[int, float, str, bytes]:
    """Return priority, expiry, task and payload; what is no record is a payload without a task."""
    try:
        priority, expires_at, length = _RECORD.unpack_from(record)
        start = _RECORD.size + length
        return priority, expires_at, record[_RECORD.size : start].decode(), record[start:]
    except (struct.error, UnicodeDecodeError):
        return 0, 0.0, "", record


def read_claimed(reply: Reply) -> Claimed:
    now, due_in, more, ids, tokens, records, deliveries, deferrals = reply
    nothing = [None] * len(ids)
    rows = zip(ids, tokens, records, deliveries or nothing, deferrals or nothing, strict=True)
    return Claimed([_claim(*row) for row in rows], float(now), read_due_in(due_in), bool(more))


def _claim(job_id: bytes, token: int, record: bytes | None, deliveries: bytes | None, deferrals: bytes | None) -> Claim:
    priority, expires_at, task, payload = _read_record(record or b"")
    return Claim(job_id.decode(), token, task, payload, priority, int(deliveries or 0), int(deferrals or 0), expires_at)


def read_due_in(reply: bytes) -> float | None:
    return float(reply) if reply else None


# ---------------------------------------------------------------------- outcomes
def outcome_rows(outcomes: Iterable[Outcome]) -> tuple[list[Field], dict[int, dict[str, Any]]]:
    """Return id, token, body, result_ttl of each outcome in one row, and what few have, by position from 1."""
    rows: list[Field] = []
    extras: dict[int, dict[str, Any]] = {}
    for position, outcome in enumerate(outcomes, 1):
        if isinstance(outcome, Finished):
            rows += (outcome.id, outcome.token, _body(outcome), outcome.result_ttl)
            if outcome.dead_reason:
                extras.setdefault(position, {})["reason"] = outcome.dead_reason
        else:
            rows += (outcome.id, outcome.token, "", RUNS_AGAIN)
            extras[position] = _again(outcome)
        if outcome.successors:
            extras.setdefault(position, {})["successors"] = job_rows(outcome.successors)
    return rows, extras


def _body(outcome: Finished) -> Raw:
    kept = outcome.outcome if outcome.result_ttl > 0 else b""
    return _text(_BODY.pack(_CODES[outcome.state], outcome.token) + kept)


def _again(outcome: Again) -> dict[str, Any]:
    extra: dict[str, Any] = {"again": (outcome.counts, outcome.eta, outcome.delay)}
    if outcome.payload is not None:
        extra["payload"] = _text(outcome.payload)
    return extra


def read_settled(ids: Sequence[str], bodies: Sequence[bytes | None]) -> list[Settled | None]:
    return [_settled(job_id, body) if body else None for job_id, body in zip(ids, bodies, strict=True)]


def _settled(job_id: str, body: bytes) -> Settled:
    return Settled(job_id, STATES[body[0]], body[_BODY.size :])


def read_news(message: bytes) -> Iterator[tuple[str, Settled | None]]:
    """Yield what one pushed message says: each job's id, and its outcome unless that was too large to travel."""
    position = 0
    while position < len(message):
        job_id, position = _read_text(message, position)
        body, position = _read_text(message, position)
        name = job_id.decode()
        yield name, _settled(name, body) if body else None


def _read_text(message: bytes, position: int) -> tuple[bytes, int]:
    start = position + _LENGTH.size
    end = start + _LENGTH.unpack_from(message, position)[0]
    return message[start:end], end


# ---------------------------------------------------------------------- looking
def read_stored(row: Reply) -> StoredJob:
    job_id, record, due_at, owner, deliveries = row
    priority, expires_at, task, payload = _read_record(record)
    return StoredJob(
        id=job_id.decode(),
        state=JobState.RUNNING if owner else JobState.SCHEDULED if due_at else JobState.QUEUED,
        task=task,
        payload=payload,
        priority=priority,
        due_at=0.0 if owner else float(due_at or 0),
        expires_at=expires_at,
        deliveries=int(deliveries or 0),
        incarnation=owner.rpartition(b" ")[0].decode(),
    )


def read_dead(job_id: bytes, letter: bytes) -> StoredJob:
    died_at, deliveries, length = _DEAD.unpack_from(letter)
    start = _DEAD.size + length
    priority, expires_at, task, payload = _read_record(letter[start:])
    return StoredJob(
        id=job_id.decode(),
        state=JobState.FAILED,
        task=task,
        payload=payload,
        priority=priority,
        due_at=0.0,
        expires_at=expires_at,
        deliveries=deliveries,
        incarnation="",
        dead_reason=letter[_DEAD.size : start].decode(),
        died_at=died_at,
    )


def read_lease(row: Reply) -> Lease:
    incarnation, counter, seconds, info, renewed_at = row
    return Lease(incarnation.decode(), int(counter), float(seconds), info, float(renewed_at))
