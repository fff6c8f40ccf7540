"""The asyncio-native task queue: await your results, lose nothing."""

from __future__ import annotations

from aioqueue.canvas.job import Job, current_job
from aioqueue.errors import (
    AioqueueError,
    CancelExecution,
    ConfigurationError,
    PayloadTooLarge,
    RateLimitExceeded,
    ResultsDisabled,
    ResultTimeout,
    ResultUnknown,
    RetryTask,
    SerializationError,
    StoreUnavailable,
    TaskCancelled,
    TaskException,
    TaskExpired,
    TaskLockedException,
    TaskLost,
    TaskTimeout,
)
from aioqueue.queue import Queue
from aioqueue.result import Result, ResultGroup
from aioqueue.states import JobState
from aioqueue.task import Task
from aioqueue.worker.worker import Worker

__all__ = [
    "Queue",
    "Task",
    "Job",
    "JobState",
    "Result",
    "ResultGroup",
    "Worker",
    "current_job",
    "AioqueueError",
    "ConfigurationError",
    "SerializationError",
    "PayloadTooLarge",
    "StoreUnavailable",
    "ResultTimeout",
    "ResultUnknown",
    "ResultsDisabled",
    "TaskException",
    "TaskTimeout",
    "TaskLost",
    "TaskCancelled",
    "TaskExpired",
    "TaskLockedException",
    "RateLimitExceeded",
    "RetryTask",
    "CancelExecution",
]
