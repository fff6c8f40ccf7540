"""Telling what became of jobs: signals in this process, events to others."""

from __future__ import annotations

import logging
import time
from typing import Any, Final, TypeAlias

from msgspec import Struct

from aioqueue.canvas.job import Job
from aioqueue.drivers.base import Again, Driver, NewJob, Outcome
from aioqueue.errors import TaskTimeout
from aioqueue.events import event_of, publish
from aioqueue.inspection import seen_new
from aioqueue.logtext import one_line
from aioqueue.options import CallSettings
from aioqueue.outcome import Cause, decode_failure, exception_of
from aioqueue.record import decode_record
from aioqueue.signals import Signal, Signals
from aioqueue.states import JobState
from aioqueue.worker.ending import AskedAgain, Died, Ending, KeptOut, Raised, Returned, Stopped, TimedOut, Unstorable

logger: Final = logging.getLogger("aioqueue")


class Fact(Struct, frozen=True):
    """One thing that happened to a job, or to what was enqueued with its outcome."""

    signal: Signal
    error: BaseException | None = None
    traceback: str = ""
    about: Again | NewJob | None = None


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
        """Send each fact's signal, and publish its event if anyone listens; no job fails for what fails here."""
        try:
            for fact in facts:
                await self._tell(job, fact)
        except Exception:
            logger.exception("what became of job %s cannot be told", one_line(job.id))

    async def _tell(self, job: Job[Any], fact: Fact) -> None:
        told = job if fact.about is None else _told_of(job, fact.about)
        await self._signals.send(fact.signal, told, fact.error)
        event = event_of(fact.signal, told, fact.traceback) if self._driver.audience else None
        if event is not None:
            await publish(self._driver, event)


def facts_of_ending(  # noqa: C901 -- one line an ending
    ending: Ending, error: BaseException | None, outcome: Outcome
) -> Facts:
    """Return what an ending and its outcome are called."""
    match ending:
        case Returned():
            facts: Facts = (Fact("complete"),)
        case Raised(_, trace):
            facts = (Fact("error", error, trace),)
        case TimedOut():
            facts = (Fact("timeout"), Fact("error", error or TaskTimeout(f"timed out after {ending.after:g} s")))
        case Unstorable():
            facts = (Fact("error", error),)
        case Stopped():
            facts = (Fact("canceled"),)
        case KeptOut(cause):
            facts = (Fact("locked" if cause is Cause.LOCKED else "rate-limited"),)
        case Died():
            return (Fact("interrupted"),)
        case AskedAgain():
            facts = ()
    return facts + _what_follows(outcome)


def facts_of_refusal(outcome: Outcome, error: BaseException | None) -> Facts:
    """Return what is said of a job whose body was not run."""
    if isinstance(outcome, Again):
        return ()
    if outcome.state is JobState.EXPIRED:
        facts: Facts = (Fact("expired"),)
    elif outcome.state is JobState.CANCELLED:
        facts = (Fact("revoked"),)
    else:
        facts = (Fact("error", error or exception_of(outcome.id, decode_failure(outcome.outcome))),)
    return facts + _what_follows(outcome)


def _what_follows(outcome: Outcome) -> Facts:
    """Return what is said of the jobs that are enqueued with an outcome: the same one again, and its successors."""
    again: Facts = ()
    if isinstance(outcome, Again):
        scheduled = outcome.delay > 0 or outcome.eta > 0
        again = (Fact("retrying", about=outcome), Fact("scheduled" if scheduled else "enqueued", about=outcome))
    return again + tuple(
        Fact("scheduled" if job.delay > 0 or job.eta > 0 else "enqueued", about=job) for job in outcome.successors
    )


def _told_of(job: Job[Any], about: Again | NewJob) -> Job[Any]:
    """Return the job that was enqueued: of one that runs again, with the retries left then and when it is due."""
    if isinstance(about, NewJob):
        return seen_new(about, job.source)
    record = job.snapshot().record if about.payload is None else decode_record(about.payload)
    eta = about.eta or (time.time() + about.delay if about.delay else 0.0)
    return Job(job.id, record, job.source, job.priority, CallSettings(eta=eta))
