"""What a handler says about a job: its value, that it is not ready, or in one line why there will be none."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from aioqueue.errors import (
    AioqueueError,
    RateLimitExceeded,
    ResultsDisabled,
    ResultTimeout,
    ResultUnknown,
    StoreUnavailable,
    TaskCancelled,
    TaskException,
    TaskExpired,
    TaskLockedException,
    TaskTimeout,
)
from aioqueue.logtext import one_line
from aioqueue.options import Seconds, seconds
from aioqueue.result import Result
from aioqueue.serializers import JsonSerializer
from aioqueue.states import JobState

logger: Final = logging.getLogger("aioqueue")

JSON: Final = "application/json"
NO_STORE: Final = {"Cache-Control": "no-store"}  # what is true of a job now may not be true a moment later
RETRY_AFTER: Final = {**NO_STORE, "Retry-After": "1"}
_LONGEST_LINE: Final = 500
_NOT_KEPT: Final = "the job has succeeded, but its value was not kept, or is kept no longer"
_to_json: Final = msgspec.json.Encoder().encode
_value_to_json: Final = JsonSerializer().encode


class Answer(NamedTuple):
    """A response in no framework's terms; the body is JSON, or empty."""

    status: int
    body: bytes
    headers: dict[str, str]


class Refusal(NamedTuple):
    """Why there is no value: an HTTP status, the state of the job, and one line for people."""

    status: int
    state: str
    line: str


# What an application lets its clients know of why a job ended without a value.
Say: TypeAlias = Callable[[TaskException], str]

# The first that fits: a subclass stands before its base.
_ENDINGS: Final[tuple[tuple[type[TaskException], Refusal], ...]] = (
    (RateLimitExceeded, Refusal(429, "cancelled", "the job was over its rate limit")),
    (TaskLockedException, Refusal(409, "cancelled", "the job was locked out")),
    (TaskCancelled, Refusal(410, "cancelled", "the job was cancelled")),
    (TaskExpired, Refusal(410, "expired", "the job was not started before it expired")),
    (TaskTimeout, Refusal(504, "failed", "the job took too long")),
    (TaskException, Refusal(500, "failed", "the job failed")),
)


async def answer(result: Result[Any], timeout: Seconds, link: str, say: Say | None = None) -> Answer:
    """Wait up to `timeout` seconds for the value of a job, and say it as JSON; else what there is to say.

    Raises `ResultsDisabled` where no value is kept, and `TypeError` for one that cannot be written as JSON.
    """
    try:
        value = await _value_within(result, seconds("timeout", timeout))
    except ResultTimeout:
        return _not_yet(result, link)
    except ResultsDisabled:
        raise
    except ResultUnknown as error:
        return await _without_value(result, error)
    except AioqueueError as error:
        return refused(result.id, error, say)
    return Answer(200, value_as_json(result.id, value), NO_STORE)


async def _value_within(result: Result[Any], timeout: float) -> object:
    """Return the value, waiting up to `timeout` seconds; then the store has the last word.

    A wait outlives a store that goes away: only who asks it hears of that, or of a value whose push was lost.
    """
    if timeout > 0:
        with suppress(ResultTimeout):
            return await result.get(timeout)
    return await result.get(timeout=0)


async def _without_value(result: Result[Any], error: ResultUnknown) -> Answer:
    """Return the answer about a job that the store has no value of: it may still know that there was one."""
    try:
        state = await result.state()
    except StoreUnavailable as away:
        return refused(result.id, away)
    if state is not JobState.SUCCEEDED:
        return refused(result.id, error)
    return Answer(410, _to_json({"id": result.id, "state": state, "error": _NOT_KEPT}), NO_STORE)


def refused(job_id: str, error: AioqueueError, say: Say | None = None) -> Answer:
    """Return the answer to whoever asked for a value that is not there."""
    refusal = refusal_of(job_id, error, say)
    body = {"id": job_id, "state": refusal.state, "error": refusal.line}
    return Answer(refusal.status, _to_json(body), RETRY_AFTER if refusal.status == 503 else NO_STORE)


def refusal_of(job_id: str, error: AioqueueError, say: Say | None = None) -> Refusal:
    """Say in one line why a job has no value: what `say` makes of the error, or else nothing of what the task raised.

    It never holds a traceback, nor where the store is.
    """
    if isinstance(error, TaskException):
        refusal = next(refusal for kind, refusal in _ENDINGS if isinstance(error, kind))
        return refusal if say is None else refusal._replace(line=_line(say(error)))
    if isinstance(error, ResultUnknown):
        return Refusal(404, "unknown", _line(str(error)))
    if isinstance(error, StoreUnavailable):
        logger.warning("a request for job %s is refused: %s", one_line(job_id), one_line(str(error)))
        return Refusal(503, "unknown", "the store of the queue cannot be reached now")
    logger.error("the result of job %s cannot be read: %s", one_line(job_id), one_line(str(error)))
    return Refusal(500, "unknown", "the result of this job cannot be read; the log of the server says why")


def complaint(status: int, line: str) -> Answer:
    """Return the answer to a request that is itself wrong."""
    return Answer(status, _to_json({"error": _line(line)}), NO_STORE)


def value_as_json(job_id: str, value: object) -> bytes:
    """Return a value as JSON; `TypeError` for one that JSON does not have."""
    try:
        return _value_to_json(value)
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        raise TypeError(f"the value of job {job_id} cannot be written as JSON: {error}") from None


def _not_yet(result: Result[Any], link: str) -> Answer:
    return Answer(202, _to_json({"id": result.id, "link": link}), {"Location": link, **RETRY_AFTER})


def _line(text: str) -> str:
    line = one_line(text.strip().partition("\n")[0].rstrip("\r"))
    return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}..."
