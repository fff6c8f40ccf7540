"""How a job that ended without a value is remembered, and the error its waiters see."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct

from aioqueue.errors import (
    RateLimitExceeded,
    TaskCancelled,
    TaskException,
    TaskExpired,
    TaskLockedException,
    TaskLost,
    TaskTimeout,
)


class Cause(StrEnum):
    """Why a job has no value. The last five are the reasons of `TaskCancelled`."""

    ERROR = "error"
    TIMEOUT = "timeout"
    LOST = "lost"
    EXPIRED = "expired"
    REVOKED = "revoked"
    CANCELLED = "cancelled"
    LOCKED = "locked"
    RATE_LIMITED = "rate-limited"
    HOOK = "hook"


class Failure(Struct, frozen=True, omit_defaults=True):
    """Data about an ending without a value: texts only, nothing that could be executed or rebuilt."""

    cause: Cause
    error: str
    traceback: str = ""
    retries: int = 0


class RemoteError(Struct, frozen=True, omit_defaults=True):
    """A failure and the job it befell: what an error callback is given."""

    job_id: str
    failure: Failure


_PLAIN: dict[Cause, type[TaskException]] = {
    Cause.ERROR: TaskException,
    Cause.TIMEOUT: TaskTimeout,
    Cause.LOST: TaskLost,
    Cause.EXPIRED: TaskExpired,
}
_CANCELLED: dict[Cause, type[TaskCancelled]] = {
    Cause.LOCKED: TaskLockedException,
    Cause.RATE_LIMITED: RateLimitExceeded,
}
_decoder = msgspec.msgpack.Decoder(Failure)

encode_failure: Final = msgspec.msgpack.Encoder().encode


def decode_failure(outcome: bytes) -> Failure:
    """Read a stored failure; one that cannot be read, or was not kept, is still a failure."""
    try:
        return _decoder.decode(outcome)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Failure(Cause.ERROR, "the job failed; its error was not kept or cannot be read")


def exception_of(job_id: str, failure: Failure) -> TaskException:
    """Return the exception that whoever awaits the job gets."""
    message = f"{failure.error} (job {job_id})"
    about = {"job_id": job_id, "error": failure.error, "traceback": failure.traceback}
    if failure.cause in _PLAIN:
        return _PLAIN[failure.cause](message, retries=failure.retries, **about)
    kind = _CANCELLED.get(failure.cause, TaskCancelled)
    return kind(message, retries=failure.retries, reason=failure.cause.value, **about)
