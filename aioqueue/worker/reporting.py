"""What the log says of jobs: that they start, how they ended, and why some are not run."""

from __future__ import annotations

import logging
from typing import Any, Final

from aioqueue.canvas.job import Job
from aioqueue.drivers.base import Again, Claim, Finished, Outcome
from aioqueue.logtext import many_lines, one_line
from aioqueue.states import JobState
from aioqueue.worker.ending import Died, Ending, Raised, Returned, TimedOut, Unstorable
from aioqueue.worker.reading import Refused
from aioqueue.worker.run import Run

logger: Final = logging.getLogger("aioqueue")

_DIED: Final = (
    "the process that ran it died; if it dies at once, see that its module starts nothing when it is imported, "
    'but under `if __name__ == "__main__":`'
)


class _Arguments:
    """The arguments of a call, decoded only if a formatter shows them."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __str__(self) -> str:
        given = self._run.arguments_by_name()
        return ", ".join(f"{name}={value!r}" for name, value in given.items()) or "no arguments"


def report_start(run: Run) -> None:
    """Log that a body starts."""
    if logger.isEnabledFor(logging.DEBUG):
        job = run.job
        again = f" (try {job.tries + 1})" if job.tries else ""
        about = {**_about(job), "job_arguments": _Arguments(run)}
        logger.debug("job %s of %s starts%s", one_line(job.id), job.task_name, again, extra=about)


def report_end(job: Job[Any], ending: Ending, outcome: Outcome, seconds: float) -> None:
    """Log how a body ended that ran for so many seconds, and whether its job runs again."""
    if isinstance(ending, Returned) and not logger.isEnabledFor(logging.DEBUG):
        return
    next_try, about, job_id = _next_try(job, outcome), _about(job), one_line(job.id)
    match ending:
        case Raised(error, trace):
            said = "job %s of %s raised %s%s\n%s"
            logger.error(said, job_id, job.task_name, one_line(error), next_try, _indented(trace), extra=about)
        case TimedOut(after):
            said = "job %s of %s ran longer than its %g s%s"
            logger.error(said, job_id, job.task_name, after, next_try, extra=about)
        case Unstorable(error):
            logger.error("job %s of %s failed: %s", job_id, job.task_name, one_line(error), extra=about)
        case Died():
            logger.error("job %s of %s: %s%s", job_id, job.task_name, _DIED, next_try, extra=about)
        case _:
            logger.debug("job %s of %s ended after %.3g s%s", job_id, job.task_name, seconds, next_try, extra=about)


def report_cancelled(job: Job[Any], seconds: float | None) -> None:
    """Log that a job was cancelled that had run for so many seconds; None if it had not begun."""
    if logger.isEnabledFor(logging.DEBUG):
        when = "before it began" if seconds is None else f"after {seconds:.3g} s"
        logger.debug("job %s of %s is cancelled %s", one_line(job.id), job.task_name, when, extra=_about(job))


def report_left_behind(job: Job[Any]) -> None:
    """Log that a body was to stop that cannot be stopped."""
    said = "job %s of %s: its thread cannot be stopped, and is left behind until the function returns"
    logger.warning(said, one_line(job.id), job.task_name, extra=_about(job))


def report_refusal(claim: Claim, refused: Refused) -> None:
    """Log that a job is not run, or not now."""
    outcome = refused.outcome
    about = {"job_id": one_line(outcome.id), "task_name": one_line(claim.task)}
    who = one_line(f"{outcome.id} of {claim.task}" if claim.task else outcome.id)
    if isinstance(outcome, Finished):
        level = logging.ERROR if outcome.state is JobState.FAILED else logging.INFO
        state = "revoked" if outcome.state is JobState.CANCELLED else outcome.state
        logger.log(level, "job %s is not run: %s", who, one_line(outcome.dead_reason or state), extra=about)
    else:
        reason = one_line(refused.reason)
        logger.warning("job %s is put back for a while: it %s", who, reason, extra=about)


def _indented(trace: str) -> str:
    """Return a traceback of which no line but the first can pass for the start of a record, whatever an error says."""
    return many_lines(trace).rstrip("\n").replace("\n", "\n  ")


def _about(job: Job[Any]) -> dict[str, str]:
    return {"job_id": one_line(job.id), "task_name": job.task_name}


def _next_try(job: Job[Any], outcome: Outcome) -> str:
    if not isinstance(outcome, Again):
        return ""
    when = f" in {outcome.delay:.3g} s" if outcome.delay else ""
    return f" (try {job.tries + 1}; it runs again{when})"
