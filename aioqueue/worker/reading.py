"""From a claim to a call that can be run, or to the outcome of one that cannot."""

from __future__ import annotations

from msgspec import MsgspecError, Struct

from aioqueue.canvas.handover import arguments_of
from aioqueue.drivers.base import Claim, Outcome
from aioqueue.errors import AioqueueError
from aioqueue.record import NewerFormat, Unreadable, decode_record
from aioqueue.registry import Registry
from aioqueue.serializers import PLAIN, Serializer
from aioqueue.task import Task
from aioqueue.worker.conclusion import Call, cancel_revoked, defer, expire, fail, fail_unread, lose


class Readable(Struct, frozen=True):
    """A call, the task it calls, and its arguments as bytes."""

    call: Call
    task: Task[..., object]
    arguments: bytes


class Refused(Struct, frozen=True):
    """The outcome of a claim that is not run, its call if it could be read, and why if it is put back."""

    outcome: Outcome
    call: Call | None = None
    reason: str = ""


def read_claim(claim: Claim, registry: Registry, now: float, serializer: Serializer = PLAIN) -> Readable | Refused:
    """Read a claimed job; `now` is the store's time in seconds, `serializer` the queue's.

    One that cannot be read, is lost for good, revoked or expired is answered with its outcome. A job exactly at its
    expiry still runs.
    """
    try:
        record = decode_record(claim.payload)
    except Unreadable as error:
        return Refused(fail_unread(claim, f"cannot be read: {error}"))
    except NewerFormat as error:
        reason = f"was written by a newer release: {error}"
        return Refused(defer(claim, reason), None, reason)
    task = registry.get(record.task)
    if task is None:
        reason = f"calls the task {record.task!r}, which no worker here knows"
        return Refused(defer(claim, reason, record, serializer), None, reason)
    call = Call(claim, record, task.declaration, serializer)
    refusal = _refusal_of(call, now)
    return _bind(call, task) if refusal is None else Refused(refusal, call)


def _refusal_of(call: Call, now: float) -> Outcome | None:
    claim = call.claim
    if _is_lost(call):
        return lose(call)
    if claim.expires_at and now > claim.expires_at:  # before the mark: a job that does not run anyway uses none up
        return expire(call)
    if claim.revoked is not None:
        return cancel_revoked(call, claim.revoked)
    return None


def _bind(call: Call, task: Task[..., object]) -> Readable | Refused:
    record = call.record
    handed = record.handed
    if handed is None:
        return Readable(call, task, record.arguments)
    inputs = call.claim.inputs if handed.gathers else None
    try:
        args, kwargs = arguments_of(call.serializer, handed, inputs)
        return Readable(call, task, task.parameters.encode(tuple(args), kwargs))
    except (TypeError, MsgspecError, AioqueueError) as error:
        return Refused(fail(call, f"what was handed to this stage does not fit: {error}"), call)


def _is_lost(call: Call) -> bool:
    deliveries = call.claim.deliveries
    return deliveries > 0 and (call.declared.at_most_once or deliveries >= call.declared.max_deliveries)
