"""What travels to and from the scripts: flat msgpack arrays there, nested replies back."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

from msgspec import Raw
from msgspec.msgpack import Encoder
from msgspec.structs import replace

from aioqueue.drivers.base import (
    Admission,
    Admitted,
    Again,
    Claim,
    Claimed,
    Ended,
    Finished,
    Lease,
    NewChord,
    NewJob,
    Outcome,
    Revocation,
    Settled,
    StoredJob,
    known_member,
)
from aioqueue.states import JobState

Reply: TypeAlias = list[Any]
Field: TypeAlias = str | int | float | Raw
Few: TypeAlias = dict[int, dict[str, Any]]

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
_HEADS: Final = tuple(struct.Struct(parts) for parts in (">BB", ">BdB", ">BH", ">BdH"))
_EXPIRES: Final = 16
_LONG: Final = 32
_SHORT_NAME: Final = 255  # bytes
_USUAL_RANK: Final = 8
_BODY: Final = struct.Struct(">Bd")
_DEAD: Final = struct.Struct(">dII")
_LENGTH: Final = struct.Struct(">I")
_MARK: Final = struct.Struct(">ddBd")
_NOTE: Final = struct.Struct(">dI")
_ADMISSIONS: Final[tuple[Admission, ...]] = ("accepted", "present", "finished")
_NO_TOKEN: Final = 0  # tokens count from 1

pack: Final = Encoder().encode


def _text(data: bytes) -> Raw:
    """Return bytes as msgpack text, since the scripts' unpacker knows no binary; to Lua both are bytes."""
    return Raw(b"\xdb" + len(data).to_bytes(4) + data)


# ---------------------------------------------------------------------- jobs
def job_rows(jobs: Iterable[NewJob]) -> tuple[list[Field], Few]:
    """Return id, record, eta, delay, expires_in of each job, in one row, and what few have, by position from 1."""
    rows: list[Field] = []
    few: Few = {}
    for position, job in enumerate(jobs, 1):
        if job.expires_at:
            head, expires_in = _head(job.task, job.priority, job.expires_at), 0.0
        else:
            head, expires_in = _lasting_head(job.task, job.priority), job.expires_in
        rows += (job.id, _text(head + job.payload), job.eta, job.delay, expires_in)
        if job.unique or job.waits:
            few[position] = _few(job)
    return rows, few


def chord_rows(chords: Sequence[NewChord]) -> tuple[list[Field], Few, list[int], list[tuple[str, ...]]]:
    """Return the rows of the callbacks, what few of them have, and each chord's number of values and members."""
    rows, few = job_rows(chord.callback for chord in chords)
    return rows, few, [chord.size for chord in chords], [chord.members for chord in chords]


def _few(job: NewJob) -> dict[str, Any]:
    keys: dict[str, Any] = {"unique": job.unique} if job.unique else {}
    return {**keys, "waits": job.waits} if job.waits else keys


def unrefused(reply: Reply) -> Reply:
    """Return the answer to an enqueue; `ValueError` if that names a member because of which a chord was refused."""
    if len(reply) == 1:
        raise known_member(reply[0].decode())
    return reply


def read_admitted(jobs: Sequence[NewJob], codes: Sequence[int], others: Sequence[Any]) -> list[Admitted]:
    answers = [Admitted(_ADMISSIONS[code], job.id) for job, code in zip(jobs, codes, strict=True)]
    for position, holder in zip(others[::2], others[1::2], strict=True):
        answers[position - 1] = Admitted("present", holder.decode())
    return answers


@lru_cache(maxsize=512)
def _lasting_head(name: str, priority: int) -> bytes:
    return _head(name, priority)


def _head(name: str, priority: int, *expires_at: float) -> bytes:
    """Return what stands before the payload; see `lua/records.lua`."""
    task = name.encode()
    rank = priority + _USUAL_RANK + (_EXPIRES if expires_at else 0) + (_LONG if len(task) > _SHORT_NAME else 0)
    return _HEADS[rank // _EXPIRES].pack(rank, *expires_at, len(task)) + task


def _read_record(record: bytes) -> tuple[int, float, str, bytes]:
    """Return priority, expiry, task and payload; what is no record is a payload without a task."""
    try:
        head = _HEADS[record[0] // _EXPIRES]
        rank, *middle, length = head.unpack_from(record)
        start = head.size + length
        expires_at = middle[0] if middle else 0.0
        return rank % _EXPIRES - _USUAL_RANK, expires_at, record[head.size : start].decode(), record[start:]
    except (struct.error, IndexError, UnicodeDecodeError):
        return 0, 0.0, "", record


def hearers_of(reply: Reply) -> int:
    """Return how many hear of events, as the answer to a claim says."""
    hearers: int = reply[3]
    return hearers


def read_claimed(reply: Reply) -> Claimed:
    now, due_in, more, _, ids, tokens, records, deliveries, deferrals, revoked, inputs = reply
    nothing = [None] * len(ids)
    rows = zip(ids, tokens, records, deliveries or nothing, deferrals or nothing, strict=True)
    claims = [_claim(*row) for row in rows]
    for position, target, mark in zip(revoked[::3], revoked[1::3], revoked[2::3], strict=True):
        claims[position - 1] = replace(claims[position - 1], revoked=_revocation(target.decode(), mark))
    for position, values in zip(inputs[::2], inputs[1::2], strict=True):
        claims[position - 1] = replace(claims[position - 1], inputs=tuple(values))
    return Claimed(claims, float(now), read_due_in(due_in), bool(more))


def _claim(job_id: bytes, token: int, record: bytes | None, deliveries: bytes | None, deferrals: bytes | None) -> Claim:
    priority, expires_at, task, payload = _read_record(record or b"")
    return Claim(job_id.decode(), token, task, payload, priority, int(deliveries or 0), int(deferrals or 0), expires_at)


def read_revocations(targets: Iterable[str], marks: Iterable[bytes | None]) -> list[Revocation | None]:
    return [_revocation(target, mark) if mark else None for target, mark in zip(targets, marks, strict=True)]


def _revocation(target: str, mark: bytes) -> Revocation:
    until, _, once, serial = _MARK.unpack(mark)
    return Revocation(target, until, bool(once), int(serial))


def read_due_in(reply: bytes) -> float | None:
    return float(reply) if reply else None


# ---------------------------------------------------------------------- outcomes
def outcome_rows(outcomes: Iterable[Outcome]) -> tuple[list[Field], Few]:
    """Return id, token, body, result_ttl of each outcome in one row, and what few have, by position from 1."""
    rows: list[Field] = []
    few: Few = {}
    for position, outcome in enumerate(outcomes, 1):
        if isinstance(outcome, Finished):
            body = _body(outcome.state, outcome.token, outcome.outcome, outcome.result_ttl)
            rows += (outcome.id, outcome.token, _text(body), max(outcome.result_ttl, 0.0))
            extra = _finished(outcome)
        else:
            rows += (outcome.id, outcome.token, "", RUNS_AGAIN)
            extra = _again(outcome)
        if outcome.successors:
            extra["successors"] = job_rows(outcome.successors)
        if extra:
            few[position] = extra
    return rows, few


def ended_rows(ends: Iterable[Ended]) -> list[Field]:
    """Return id, body, result_ttl of each job that never ran, in one row."""
    return [field for ended in ends for field in (ended.id, _text(ended_body(ended)), ended.result_ttl)]


def ended_body(ended: Ended) -> bytes:
    """Return what is kept as the result of a job that never ran."""
    return _body(ended.state, _NO_TOKEN, ended.outcome, ended.result_ttl)


def _body(state: JobState, token: int, outcome: bytes, result_ttl: float) -> bytes:
    return _BODY.pack(_CODES[state], token) + (outcome if result_ttl > 0 else b"")


def _finished(outcome: Finished) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    if outcome.dead_reason:
        extra["reason"] = outcome.dead_reason
    if outcome.ends:
        extra["ends"] = ended_rows(outcome.ends)
    if outcome.member:
        value = () if outcome.result_ttl > 0 else (_text(outcome.outcome),)
        extra["member"] = (outcome.member.chord, outcome.member.index, *value)
    if outcome.consumes:
        extra["consumes"] = (outcome.consumes.target, outcome.consumes.serial)
    return extra


def _again(outcome: Again) -> dict[str, Any]:
    extra: dict[str, Any] = {"again": (outcome.counts, outcome.eta, outcome.delay)}
    if outcome.payload is not None:
        extra["payload"] = _text(outcome.payload)
    return extra


def read_settled(ids: Sequence[str], bodies: Sequence[bytes | None]) -> list[Settled | None]:
    """Return what the bodies say of the first of these ids: a store may have answered for no more of them."""
    return [_settled(job_id, body) if body else None for job_id, body in zip(ids, bodies, strict=False)]


def _settled(job_id: str, body: bytes) -> Settled:
    return Settled(job_id, STATES[body[0]], body[_BODY.size :])


def read_push(message: bytes) -> Iterator[tuple[str, Settled | None]]:
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


# ---------------------------------------------------------------------- news
def read_notes(kept: Iterable[bytes]) -> list[tuple[int, bytes]]:
    return [(_NOTE.unpack_from(note)[1], note[_NOTE.size :]) for note in kept]
