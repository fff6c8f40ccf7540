"""From a claim to a call that can be run, or to the outcome of one that cannot."""

from __future__ import annotations

from msgspec import Struct

from aioqueue.drivers.base import Claim, Outcome
from aioqueue.record import NewerFormat, Unreadable, decode_record
from aioqueue.registry import Registry
from aioqueue.task import Task
from aioqueue.worker.conclusion import Call, defer, expire, fail_unread, lose


class Readable(Struct, frozen=True):
    """A call and the task it calls."""

    call: Call
    task: Task[..., object]


def read_claim(claim: Claim, registry: Registry, now: float) -> Readable | Outcome:
    """Read a claimed job; `now` is the store's time in seconds.

    One that cannot be read, is lost for good or has expired is answered with its outcome. A job exactly at its expiry
    still runs.
    """
    try:
        record = decode_record(claim.payload)
    except Unreadable as error:
        return fail_unread(claim, f"cannot be read: {error}")
    except NewerFormat as error:
        return defer(claim, f"was written by a newer release: {error}")
    task = registry.get(record.task)
    if task is None:
        return defer(claim, f"no worker knows the task {record.task!r}")
    call = Call(claim, record, task.declaration)
    if _is_lost(call):
        return lose(call)
    if claim.expires_at and now > claim.expires_at:
        return expire(call)
    return Readable(call, task)


def _is_lost(call: Call) -> bool:
    deliveries = call.claim.deliveries
    return deliveries > 0 and (call.declared.at_most_once or deliveries >= call.declared.max_deliveries)
