"""Every error aioqueue raises at its callers, and the two that a task may raise at aioqueue."""

from __future__ import annotations

from datetime import datetime, timedelta


class AioqueueError(Exception):
    """Everything aioqueue raises at its callers.

    `RetryTask` and `CancelExecution` stay outside, so that a task's own `except AioqueueError` does not eat them.
    """


class ConfigurationError(AioqueueError):
    """A queue, task, URL or worker was set up in a way that cannot work; the message says what to change."""


class SerializationError(AioqueueError):
    """A value cannot be stored, or what is stored cannot be read as the type that was declared."""


class PayloadTooLarge(SerializationError):
    """An argument or a return value is larger than the queue's `max_payload` bytes."""


class StoreUnavailable(AioqueueError, ConnectionError):
    """The store could not be reached or refused to write; whether the operation took effect is unknown.

    Every operation may be repeated: an enqueue with the same id is stored once.
    """


class ResultTimeout(AioqueueError, TimeoutError):
    """The wait is over; the job is left alone."""


class ResultUnknown(AioqueueError, LookupError):
    """No such job, or its result has left the store; the message says which, where that can be known."""


class ResultsDisabled(AioqueueError):
    """The queue or the task keeps no results, so there is nothing to wait for."""


class TaskException(AioqueueError):
    """The job ended without a value.

    Raised at whoever awaits it. The remote exception is data and is never rebuilt: `error` is its type and message,
    `traceback` its text, `retries` how many retries were left.
    """

    def __init__(self, message: str, *, job_id: str = "", error: str = "", traceback: str = "", retries: int = 0):
        super().__init__(message)
        self.job_id = job_id
        self.error: str = error or message
        self.traceback = traceback
        self.retries = retries


class TaskTimeout(TaskException, TimeoutError):
    """The job ran longer than its `timeout`."""


class TaskLost(TaskException):
    """The job's worker disappeared too often while running it (`max_deliveries`), or once with `at_most_once`."""


class TaskCancelled(TaskException):
    """The job was stopped before it ended; `reason` says by what: revoked, cancelled, locked, rate-limited or hook."""

    def __init__(
        self,
        message: str,
        *,
        job_id: str = "",
        error: str = "",
        traceback: str = "",
        retries: int = 0,
        reason: str = "cancelled",
    ):
        super().__init__(message, job_id=job_id, error=error, traceback=traceback, retries=retries)
        self.reason = reason


class TaskExpired(TaskException):
    """The job was not started before it expired."""


class TaskLockedException(TaskCancelled):
    """The job could not take its lock and had no retry left."""


class RateLimitExceeded(TaskCancelled):
    """The job was over its rate limit and had no retry left."""


class RetryTask(Exception):
    """Raised inside a task: run this job again, whatever its `retries` say and without using one.

    `eta` goes before `delay` (seconds), which goes before the task's `retry_delay`.
    """

    def __init__(self, msg: str = "", *, eta: datetime | None = None, delay: float | timedelta | None = None) -> None:
        super().__init__(msg)
        self.eta = eta
        self.delay = delay


class CancelExecution(Exception):
    """Raised inside a task or a hook: stop this job without an error.

    `retry=True` runs it again whatever its `retries` say, `False` never, `None` if it has a retry left.
    """

    def __init__(self, msg: str = "", *, retry: bool | None = None) -> None:
        super().__init__(msg)
        self.retry = retry
        self.by_hook = False
