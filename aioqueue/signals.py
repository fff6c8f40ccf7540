"""News of jobs for handlers in this process."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import Any, Final, Literal, Protocol, TypeAlias, TypeVar, get_args

from aioqueue.canvas.job import Job

Signal: TypeAlias = Literal[
    "enqueued",
    "scheduled",
    "executing",
    "complete",
    "error",
    "retrying",
    "revoked",
    "canceled",
    "locked",
    "expired",
    "interrupted",
    "timeout",
    "rate-limited",
]

SIGNAL_ENQUEUED: Final = "enqueued"
SIGNAL_SCHEDULED: Final = "scheduled"
SIGNAL_EXECUTING: Final = "executing"
SIGNAL_COMPLETE: Final = "complete"
SIGNAL_ERROR: Final = "error"
SIGNAL_RETRYING: Final = "retrying"
SIGNAL_REVOKED: Final = "revoked"
SIGNAL_CANCELED: Final = "canceled"
SIGNAL_LOCKED: Final = "locked"
SIGNAL_EXPIRED: Final = "expired"
SIGNAL_INTERRUPTED: Final = "interrupted"
SIGNAL_TIMEOUT: Final = "timeout"
SIGNAL_RATE_LIMITED: Final = "rate-limited"

NAMES: Final[tuple[Signal, ...]] = get_args(Signal)

logger: Final = logging.getLogger("aioqueue")


class Handler2(Protocol):
    """A handler without the error."""

    def __call__(self, signal: Signal, job: Job[Any], /) -> object: ...


class Handler3(Protocol):
    """A handler that is given the error of the signal `error`, and None at all others."""

    def __call__(self, signal: Signal, job: Job[Any], exc: BaseException | None, /) -> object: ...


H = TypeVar("H", bound=Handler2 | Handler3)
_Call: TypeAlias = Callable[[Signal, Job[Any], BaseException | None], object]


class Signals:
    """The handlers of one queue; `any` says whether there are some, and all that having none costs is to look at it."""

    def __init__(self) -> None:
        self.any: bool = False
        self._handlers: dict[Signal, dict[Any, _Call]] = {name: {} for name in NAMES}

    def check(self, names: tuple[Signal, ...]) -> None:
        """Raise `ValueError` for a name that is none of a signal."""
        _known(names)

    def connect(self, handler: H, names: tuple[Signal, ...]) -> H:
        """Have `handler` called at these signals, at all of them if none is named; `ValueError` for an unknown one."""
        call = _adapt(handler)
        for name in _known(names):
            self._handlers[name][handler] = call
        self.any = True
        return handler

    def disconnect(self, handler: Handler2 | Handler3, names: tuple[Signal, ...]) -> None:
        """Have `handler` called no more at these signals, at none at all if none is named."""
        for name in _known(names):
            self._handlers[name].pop(handler, None)
        self.any = any(self._handlers.values())

    async def send(self, signal: Signal, job: Job[Any], exc: BaseException | None = None) -> None:
        """Call the handlers one after another, in the order of their connection; what one raises is only logged."""
        for handler, call in tuple(self._handlers[signal].items()):
            try:
                answer = call(signal, job, exc)
                if inspect.isawaitable(answer):
                    await answer
            except (Exception, SystemExit, asyncio.CancelledError) as error:
                raise_if_cancelled(error)
                logger.exception("the handler %r of signal %r raised", handler, signal)


def raise_if_cancelled(error: BaseException) -> None:
    """Let the cancellation of this very asyncio.Task through; one that a handler came by elsewhere is its own."""
    running = asyncio.current_task()
    if isinstance(error, asyncio.CancelledError) and running is not None and running.cancelling():
        raise error


def _known(names: tuple[Signal, ...]) -> tuple[Signal, ...]:
    for name in names:
        if name not in NAMES:
            raise ValueError(f"there is no signal {name!r}; there are {', '.join(NAMES)}")
    return names or NAMES


def _adapt(handler: Handler2 | Handler3) -> _Call:
    """Give handlers of two and of three parameters one shape; `TypeError` for any other."""
    if not callable(handler):
        raise TypeError(f"a signal handler is a function of (signal, job), not {handler!r}; write @queue.signal()")
    call: Callable[..., object] = handler
    signature = inspect.signature(handler)
    for count in (3, 2):
        try:
            signature.bind(*range(count))
        except TypeError:
            continue
        if count == 2:
            return lambda signal, job, _exc: call(signal, job)
        return call
    raise TypeError(f"a signal handler takes (signal, job) or (signal, job, exc), not {signature}")
