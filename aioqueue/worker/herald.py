"""Telling what became of jobs: signals in this process, events to others."""

from __future__ import annotations

from typing import Any, TypeAlias

from msgspec import Struct

from aioqueue.canvas.job import Job
from aioqueue.drivers.base import Again, Driver, Outcome
from aioqueue.events import event_of, publish
from aioqueue.outcome import Cause
from aioqueue.signals import Signal, Signals
from aioqueue.states import JobState
from aioqueue.worker.ending import Ending, KeptOut, Raised, Returned, Stopped, TimedOut, Unstorable


class Fact(Struct, frozen=True):
    """One thing that happened to a job."""

    signal: Signal
    error: BaseException | None = None
    traceback: str = ""


Facts: TypeAlias = tuple[Fact, ...]


class Herald:
    """Tells facts, in order. `is_needed` says whether anybody would hear them; telling then costs what hearers cost."""

    def __init__(self, signals: Signals, driver: Driver) -> None:
        self._signals = signals
        self._driver = driver

    @property
    def is_needed(self) -> bool:
        """Whether a handler is connected here or someone listens elsewhere."""
        return self._signals.any or self._driver.audience

    async def tell(self, job: Job[Any], facts: Facts) -> None:
        """Send each fact's signal, and publish its event if anyone listens."""
        for fact in facts:
            await self._signals.send(fact.signal, job, fact.error)
            event = event_of(fact.signal, job, fact.traceback) if self._driver.audience else None
            if event is not None:
                await publish(self._driver, event)


def facts_of_ending(ending: Ending, error: BaseException | None, outcome: Outcome) -> Facts:
    """Return what an ending and its outcome are called."""
    match ending:
        case Returned():
            facts: Facts = (Fact("complete"),)
        case Raised(_, trace):
            facts = (Fact("error", error, trace),)
        case TimedOut():
            facts = (Fact("timeout"), Fact("error", error))
        case Unstorable():
            facts = (Fact("error", error),)
        case Stopped():
            facts = (Fact("canceled"),)
        case KeptOut(cause):
            facts = (Fact("locked" if cause is Cause.LOCKED else "rate-limited"),)
        case _:
            facts = ()
    return facts + _again(outcome)


def facts_of_refusal(outcome: Outcome, error: BaseException | None) -> Facts:
    """Return what is said of a job whose body was not run."""
    if isinstance(outcome, Again):
        return ()
    if outcome.state is JobState.EXPIRED:
        return (Fact("expired"),)
    return (Fact("revoked"),) if outcome.state is JobState.CANCELLED else (Fact("error", error),)


def _again(outcome: Outcome) -> Facts:
    if not isinstance(outcome, Again):
        return ()
    scheduled = outcome.delay > 0 or outcome.eta > 0
    return (Fact("retrying"), Fact("scheduled" if scheduled else "enqueued"))
