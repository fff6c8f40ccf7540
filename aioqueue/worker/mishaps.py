"""What went wrong in the jobs that a worker has run, for whoever asked it to raise that."""

from __future__ import annotations

from aioqueue.drivers.base import Finished
from aioqueue.logtext import many
from aioqueue.outcome import Cause, Failure, decode_failure, exception_of
from aioqueue.states import JobState
from aioqueue.worker.ending import Died, Ending, Raised, TimedOut, Unstorable
from aioqueue.worker.reading import Refused
from aioqueue.worker.run import Run


class Mishaps:
    """The error of every job whose last try failed: one that a later try makes good is forgotten.

    An error that a body here raised is kept as it is, traceback included; any other is what awaiting the job raises.
    """

    def __init__(self) -> None:
        self._errors: dict[str, Exception] = {}

    def note_ending(self, run: Run, ending: Ending) -> None:
        """Take in how a body ended."""
        self._note(run.job.id, run.job.task_name, _error_of(run, ending))

    def note_refusal(self, job_id: str, task: str, refused: Refused) -> None:
        """Take in why a job was not run."""
        outcome = refused.outcome
        error: Exception | None = None
        if isinstance(outcome, Finished):
            failed = outcome.state is JobState.FAILED
            error = exception_of(job_id, decode_failure(outcome.outcome)) if failed else None
        elif refused.reason:
            error = exception_of(job_id, Failure(Cause.ERROR, f"it {refused.reason}"))
        self._note(job_id, task, error)

    def forget(self, job_id: str) -> None:
        """Take in that a job was cancelled."""
        self._errors.pop(job_id, None)

    def raise_all(self) -> None:
        """Raise the one error there is, several as one `ExceptionGroup` in the order in which the jobs ended."""
        errors = list(self._errors.values())
        self._errors.clear()
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise ExceptionGroup(many(len(errors), "job failed", "jobs failed"), errors)

    def _note(self, job_id: str, task: str, error: Exception | None) -> None:
        self._errors.pop(job_id, None)
        if error is not None:
            error.add_note(f"in job {job_id} of {task}")
            self._errors[job_id] = error


def _error_of(run: Run, ending: Ending) -> Exception | None:
    match ending:
        case Raised(error, trace):
            # SystemExit and its kin would end whoever drains.
            if isinstance(run.error, Exception):
                return run.error
            return _with_traceback(exception_of(run.job.id, Failure(Cause.ERROR, error, trace)), trace)
        case TimedOut(after):
            return exception_of(run.job.id, Failure(Cause.TIMEOUT, f"timed out after {after:g} s"))
        case Unstorable(error):
            return exception_of(run.job.id, Failure(Cause.ERROR, error))
        case Died():
            return exception_of(run.job.id, Failure(Cause.LOST, "the process that ran it died"))
        case _:
            return None


def _with_traceback(error: Exception, trace: str) -> Exception:
    if trace:
        error.add_note(trace.rstrip("\n"))
    return error
