"""From the ending of a body to the outcome of its claim: succeeded, failed, or again."""

from __future__ import annotations

from typing import Final

from msgspec import UNSET, Struct, structs

from aioqueue.drivers.base import Again, Claim, Finished, Outcome
from aioqueue.options import Declaration
from aioqueue.outcome import Cause, Failure, encode_failure
from aioqueue.record import Record, encode_record
from aioqueue.retry import delay_before_retry
from aioqueue.states import JobState
from aioqueue.worker.ending import AskedAgain, Died, Ending, Raised, Returned, Stopped, TimedOut, Unstorable

LONGEST_DEFERRAL: Final = 60.0
DEFERRALS: Final = 15  # 1, 2, 4 … 60, 60 s: together ten minutes


class Call(Struct, frozen=True):
    """A claimed job that can be run: the claim, its record, and what the task declares."""

    claim: Claim
    record: Record
    declared: Declaration

    @property
    def timeout(self) -> float | None:
        """Seconds the body may take."""
        return self.declared.timeout if self.record.timeout is UNSET else self.record.timeout

    @property
    def result_ttl(self) -> float:
        """Seconds to keep the outcome; 0 where results are off."""
        if not self.declared.results:
            return 0.0
        return self.declared.result_ttl if self.record.result_ttl is UNSET else self.record.result_ttl

    @property
    def retry_delay(self) -> float:
        """Seconds to wait before the next try."""
        said = self.record.retry_delay
        base = self.declared.retry_delay if said is UNSET else said
        return delay_before_retry(self.record.tries + 1, base, self.declared.retry_backoff)


def conclude(call: Call, ending: Ending) -> Outcome:  # noqa: PLR0911 -- one line an ending
    """Decide what becomes of the job."""
    match ending:
        case Returned(value):
            return _succeed(call, value)
        case Raised(error, trace, may_retry):
            return _fail_or_retry(call, Failure(Cause.ERROR, error, trace), may_retry=may_retry)
        case TimedOut(after):
            return _fail_or_retry(call, Failure(Cause.TIMEOUT, f"timed out after {after:g} s"), may_retry=True)
        case Unstorable(error):
            return _fail(call, Failure(Cause.ERROR, error))
        case AskedAgain(eta, delay):
            return _again(call, call.record.retries, eta, call.retry_delay if delay is None else delay)
        case Stopped(error, retry):
            return _stop(call, Failure(Cause.CANCELLED, error), retry=retry)
        case Died():
            return Again(call.claim.id, call.claim.token, counts="delivery")


def fail_unread(claim: Claim, reason: str) -> Outcome:
    """Fail a job that cannot be read, and keep it as a dead letter."""
    failure = encode_failure(Failure(Cause.ERROR, reason))
    return Finished(claim.id, claim.token, JobState.FAILED, failure, Declaration().result_ttl, dead_reason=reason)


def defer(claim: Claim, reason: str) -> Outcome:
    """Put back a job that another worker may be able to read; after ten minutes it is a dead letter."""
    if claim.deferrals >= DEFERRALS:
        return fail_unread(claim, reason)
    delay = min(2.0 ** min(claim.deferrals, 10), LONGEST_DEFERRAL)
    return Again(claim.id, claim.token, delay=delay, counts="deferral")


def expire(call: Call) -> Outcome:
    """End a job that was not started in time."""
    failure = Failure(Cause.EXPIRED, "expired before it was started", retries=call.record.retries)
    return _finish(call, JobState.EXPIRED, failure)


def lose(call: Call) -> Outcome:
    """Fail a job whose workers disappeared too often, and keep it as a dead letter."""
    times = call.claim.deliveries
    reason = f"lost: its worker disappeared while running it, {times} time{'s' if times != 1 else ''}"
    return _finish(call, JobState.FAILED, Failure(Cause.LOST, reason), dead_reason=reason)


def _succeed(call: Call, value: bytes) -> Outcome:
    ttl = call.result_ttl
    return Finished(call.claim.id, call.claim.token, JobState.SUCCEEDED, value if ttl else b"", ttl)


def _fail_or_retry(call: Call, failure: Failure, *, may_retry: bool) -> Outcome:
    if may_retry and call.record.retries > 0:
        return _again(call, call.record.retries - 1, 0.0, call.retry_delay)
    return _fail(call, failure)


def _fail(call: Call, failure: Failure) -> Outcome:
    return _finish(call, JobState.FAILED, structs.replace(failure, retries=call.record.retries))


def _stop(call: Call, failure: Failure, *, retry: bool | None) -> Outcome:
    if retry:
        return _again(call, call.record.retries, 0.0, call.retry_delay)
    if retry is None and call.record.retries > 0:
        return _again(call, call.record.retries - 1, 0.0, call.retry_delay)
    return _finish(call, JobState.CANCELLED, failure)


def _again(call: Call, retries: int, eta: float, delay: float) -> Outcome:
    record = structs.replace(call.record, retries=retries, tries=call.record.tries + 1)
    return Again(call.claim.id, call.claim.token, encode_record(record), 0.0 if eta else delay, eta)


def _finish(call: Call, state: JobState, failure: Failure, dead_reason: str = "") -> Outcome:
    ttl = call.result_ttl
    outcome = encode_failure(failure) if ttl else b""
    return Finished(call.claim.id, call.claim.token, state, outcome, ttl, dead_reason=dead_reason)
