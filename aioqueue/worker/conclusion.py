"""From the ending of a body to the outcome of its claim: succeeded, failed, or again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import UNSET, Struct, structs

from aioqueue.canvas.handover import hand_over
from aioqueue.canvas.layout import ALONE, Place, job_of
from aioqueue.drivers.base import Again, Claim, Ended, Finished, Membership, NewJob, Outcome, Revocation
from aioqueue.errors import TaskTimeout
from aioqueue.options import Declaration
from aioqueue.outcome import Cause, Failure, RemoteError, encode_failure
from aioqueue.record import Record, decode_record, encode_record, legible_later_ids
from aioqueue.retry import delay_before_retry
from aioqueue.serializers import PLAIN, Serializer
from aioqueue.states import JobState
from aioqueue.worker.ending import (
    AskedAgain,
    Died,
    Ending,
    KeptOut,
    Raised,
    Returned,
    Stopped,
    TimedOut,
    Unstorable,
    is_retried,
)

LONGEST_DEFERRAL: Final = 60.0
DEFERRALS: Final = 15  # 1, 2, 4 … 60, 60 s: together ten minutes


class Call(Struct, frozen=True):
    """A claimed job that can be run: the claim, its record, what the task declares, and how values are written."""

    claim: Claim
    record: Record
    declared: Declaration
    serializer: Serializer = PLAIN

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


def conclude(call: Call, ending: Ending) -> Outcome:  # noqa: C901, PLR0911 -- one line an ending
    """Decide what becomes of the job."""
    match ending:
        case Returned():
            return _succeed(call, ending)
        case Raised(error, trace, may_retry):
            return _fail_or_retry(call, Failure(Cause.ERROR, error, trace), may_retry=may_retry)
        case TimedOut(after):
            failure = Failure(Cause.TIMEOUT, f"timed out after {after:g} s")
            return _fail_or_retry(call, failure, may_retry=is_retried(TaskTimeout, call.declared))
        case Unstorable(error):
            return _finish(call, JobState.FAILED, Failure(Cause.ERROR, error))
        case AskedAgain(eta, delay):
            return _again(call, call.record.retries, eta, call.retry_delay if delay is None else delay)
        case Stopped(error, retry, by_hook):
            cause = Cause.HOOK if by_hook else Cause.CANCELLED
            return _cancel_or_retry(call, Failure(cause, error), retry=retry)
        case KeptOut(cause, error):
            return _cancel_or_retry(call, Failure(cause, error), retry=None)
        case Died():
            return Again(call.claim.id, call.claim.token, counts="delivery")


def fail_unread(claim: Claim, reason: str) -> Outcome:
    """Fail a job that cannot be read, with what waits for it as far as that can, and keep it as a dead letter."""
    failure, ttl = encode_failure(Failure(Cause.ERROR, reason)), Declaration().result_ttl
    ends = tuple(Ended(job_id, JobState.FAILED, failure, ttl) for job_id in legible_later_ids(claim.payload))
    return Finished(claim.id, claim.token, JobState.FAILED, failure, ttl, dead_reason=reason, ends=ends)


def give_up(claim: Claim, reason: str, serializer: Serializer = PLAIN) -> Outcome:
    """Fail a job at which aioqueue itself failed, with all that waits for it, and keep it as a dead letter."""
    try:
        call = Call(claim, decode_record(claim.payload), Declaration(), serializer)
        return _finish(call, JobState.FAILED, Failure(Cause.ERROR, reason), reason)
    except Exception:  # noqa: BLE001 -- what cannot even be read is all that can have failed
        return fail_unread(claim, reason)


def defer(claim: Claim, reason: str, record: Record | None = None, serializer: Serializer = PLAIN) -> Outcome:
    """Put back a job that another worker may be able to read; after ten minutes it is a dead letter."""
    if claim.deferrals < DEFERRALS:
        delay = min(2.0 ** min(claim.deferrals, 10), LONGEST_DEFERRAL)
        return Again(claim.id, claim.token, delay=delay, counts="deferral")
    if record is None:
        return fail_unread(claim, reason)
    call = Call(claim, record, Declaration(), serializer)
    return _finish(call, JobState.FAILED, Failure(Cause.ERROR, reason), reason)


def fail(call: Call, reason: str) -> Outcome:
    """Fail a job whose arguments do not fit its task."""
    return _finish(call, JobState.FAILED, Failure(Cause.ERROR, reason))


def expire(call: Call) -> Outcome:
    """End a job that was not started in time."""
    return _finish(call, JobState.EXPIRED, Failure(Cause.EXPIRED, "expired before it was started"))


def lose(call: Call) -> Outcome:
    """Fail a job whose workers disappeared too often, and keep it as a dead letter."""
    times = call.claim.deliveries
    reason = f"lost: what ran it, a worker or a process of one, disappeared {times} time{'s' if times != 1 else ''}"
    return _finish(call, JobState.FAILED, Failure(Cause.LOST, reason), reason)


def cancel_revoked(call: Call, revocation: Revocation) -> Outcome:
    """End a job that was revoked; a mark that holds once is used up by it."""
    outcome = _finish(call, JobState.CANCELLED, Failure(Cause.REVOKED, "revoked before it was started"))
    return structs.replace(outcome, consumes=revocation) if revocation.once else outcome


def cancel(call: Call) -> Outcome:
    """End a running job that someone asked to cancel."""
    return _finish(call, JobState.CANCELLED, Failure(Cause.CANCELLED, "cancelled while it was running"))


def _succeed(call: Call, ending: Returned) -> Outcome:
    ttl, record = call.result_ttl, call.record
    done = Finished(call.claim.id, call.claim.token, JobState.SUCCEEDED, ending.value if ttl else b"", ttl)
    if record.then:
        return structs.replace(done, successors=(_next_stage(call, ending),))
    if record.member is not None:
        membership = Membership(record.member.chord, record.member.index)
        return structs.replace(done, outcome=ending.value, member=membership)
    return done


def _next_stage(call: Call, ending: Returned) -> NewJob:
    """Return the job of the next stage; priority and expiry travel along the pipeline."""
    record, claim = call.record, call.claim
    stage, *rest = record.then
    handed = hand_over(call.serializer, ending.value, ending.shape, stage.handed)
    place = Place(record.member, record.beyond)
    job = job_of(stage, place, handed, tuple(rest), priority=claim.priority, expires_at=claim.expires_at)
    return structs.replace(job, waits=tuple(later.id for later in rest))


def _fail_or_retry(call: Call, failure: Failure, *, may_retry: bool) -> Outcome:
    if may_retry and call.record.retries > 0:
        return _again(call, call.record.retries - 1, 0.0, call.retry_delay, failure.error)
    return _finish(call, JobState.FAILED, failure)


def _cancel_or_retry(call: Call, failure: Failure, *, retry: bool | None) -> Outcome:
    """Run again without counting if `retry`; if it is None, with one of the retries that are left."""
    if retry:
        return _again(call, call.record.retries, 0.0, call.retry_delay)
    if retry is None and call.record.retries > 0:
        return _again(call, call.record.retries - 1, 0.0, call.retry_delay)
    return _finish(call, JobState.CANCELLED, failure)


def _again(call: Call, retries: int, eta: float, delay: float, error: str = "") -> Outcome:
    record = structs.replace(call.record, retries=retries, tries=call.record.tries + 1, last_error=error)
    return Again(call.claim.id, call.claim.token, encode_record(record), 0.0 if eta else delay, eta)


def _finish(call: Call, state: JobState, failure: Failure, dead_reason: str = "") -> Finished:
    """End a job without a value, call its error callbacks, and end with it what waits for it."""
    ttl, record = call.result_ttl, call.record
    encoded = encode_failure(structs.replace(failure, retries=record.retries))
    return Finished(
        call.claim.id,
        call.claim.token,
        state,
        encoded if ttl else b"",
        ttl,
        successors=tuple(_callbacks(call, failure)),
        dead_reason=dead_reason,
        ends=tuple(Ended(job_id, state, encoded, ttl or Declaration().result_ttl) for job_id in record.later_ids),
    )


def _callbacks(call: Call, failure: Failure) -> Iterator[NewJob]:
    for stage in call.record.errors:
        remote = call.serializer.encode(RemoteError(call.claim.id, failure))
        yield job_of(stage, ALONE, hand_over(call.serializer, remote, "value", stage.handed))
