"""How a body ended, as data: the same from the loop, from a thread and from another process."""

from __future__ import annotations

import traceback
from types import TracebackType
from typing import Final, TypeAlias

from msgspec import Struct

from aioqueue.canvas.handover import Shape
from aioqueue.errors import CancelExecution, RateLimitExceeded, RetryTask, SerializationError, TaskLockedException
from aioqueue.options import Declaration, instant, seconds
from aioqueue.outcome import Cause
from aioqueue.serializer import Value

LONGEST_ERROR: Final = 2_000
LONGEST_TRACEBACK: Final = 16_000
# What stands between a worker's loop and the function of a task, or of what it depends on.
_OURS: Final = (
    "aioqueue.worker.",
    "aioqueue.offload",
    "aioqueue.injection",
    "aioqueue.onevalue",
    "aioqueue.lasting",
    "aioqueue.resources",
    "aioqueue.sync",
    "anyio.",
    "asyncio.",
    "concurrent.",
    "contextlib",
)


class Returned(Struct, frozen=True):
    """The body returned; `value` is encoded, `shape` says how a next stage is given it."""

    value: bytes
    shape: Shape = "value"


class Raised(Struct, frozen=True):
    """The body raised. `may_retry` says whether the declaration retries this kind of error."""

    error: str
    traceback: str
    may_retry: bool


class TimedOut(Struct, frozen=True):
    """The body was stopped after `after` seconds."""

    after: float


class Unstorable(Struct, frozen=True):
    """The body returned, but its value cannot be stored: it is not run again for that."""

    error: str


class AskedAgain(Struct, frozen=True):
    """The body raised `RetryTask`; without `eta` and `delay` the task's own delay holds."""

    eta: float = 0.0
    delay: float | None = None


class Stopped(Struct, frozen=True):
    """The body raised `CancelExecution`."""

    error: str
    retry: bool | None
    by_hook: bool = False


class KeptOut(Struct, frozen=True):
    """A guard of this job let it not run on: `cause` is locked or rate-limited.

    One that kept out another job, which this one awaited, is an error like any other here.
    """

    cause: Cause
    error: str


class Died(Struct, frozen=True):
    """The process that ran the body died."""


Ending: TypeAlias = Returned | Raised | TimedOut | Unstorable | AskedAgain | Stopped | KeptOut | Died


def ending_of(error: BaseException, declared: Declaration) -> Ending:
    """Describe what a body raised, where it was raised."""
    if isinstance(error, RetryTask):
        return _asked_again(error, declared)
    if isinstance(error, CancelExecution):
        return Stopped(describe(error), error.retry, error.by_hook)
    if isinstance(error, TaskLockedException | RateLimitExceeded) and not error.job_id:
        cause = Cause.LOCKED if isinstance(error, TaskLockedException) else Cause.RATE_LIMITED
        return KeptOut(cause, str(error))
    return Raised(describe(error), _traceback_of(error), is_retried(type(error), declared))


def is_retried(kind: type[BaseException], declared: Declaration) -> bool:
    """Whether the declaration retries errors of this kind."""
    return issubclass(kind, declared.retry_on) and not issubclass(kind, declared.retry_not_on)


def returned(returns: Value, value: object) -> Ending:
    """Describe what a body returned, where it returned."""
    try:
        return Returned(returns.encode_checked(value), _shape_of(returns, value))
    except SerializationError as error:
        return Unstorable(str(error))


def _shape_of(returns: Value, value: object) -> Shape:
    if value is None and returns.is_nothing:
        return "nothing"
    if isinstance(value, tuple):
        return "tuple"
    return "dict" if isinstance(value, dict) else "value"


def describe(error: BaseException) -> str:
    """Return an error's type and message in one text, whatever its `__str__` does."""
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 -- an error that cannot be printed is still to be reported
        message = "<its message cannot be printed>"
    name = type(error).__qualname__
    return _storable(f"{name}: {message}" if message else name)[:LONGEST_ERROR]


def _asked_again(error: RetryTask, declared: Declaration) -> Ending:
    try:
        eta = 0.0 if error.eta is None else instant("eta", error.eta)
        delay = None if error.delay is None else seconds("delay", error.delay)
    except (TypeError, ValueError) as bad:
        return ending_of(bad, declared)
    return AskedAgain(eta, delay)


def _traceback_of(error: BaseException) -> str:
    try:
        text = "".join(traceback.format_exception(type(error), error, _own_frames(error.__traceback__)))
    except Exception:  # noqa: BLE001 -- whatever its `__str__` or its notes do
        return ""
    text = _storable(text)
    return text if len(text) <= LONGEST_TRACEBACK else "[...]\n" + text[-LONGEST_TRACEBACK:]


def _storable(text: str) -> str:
    """Replace lone surrogates, which no text encoding can carry."""
    return text.encode(errors="replace").decode()


def _own_frames(frames: TracebackType | None) -> TracebackType | None:
    """Leave out the frames above the task's function: they tell its author nothing."""
    while frames is not None and _is_ours(frames) and frames.tb_next is not None:
        frames = frames.tb_next
    return frames


def _is_ours(frames: TracebackType) -> bool:
    return str(frames.tb_frame.f_globals.get("__name__", "")).startswith(_OURS)
