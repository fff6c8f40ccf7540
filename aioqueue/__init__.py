"""The asyncio-native task queue: await your results, lose nothing."""

from __future__ import annotations

from aioqueue.canvas.chord import Chord, chord
from aioqueue.canvas.group import Group, group
from aioqueue.canvas.job import Job, current_job
from aioqueue.canvas.pipeline import Pipeline
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
from aioqueue.guards import Lock, RateLimit
from aioqueue.inspection import DeadLetter
from aioqueue.keyvalue import KeyValue
from aioqueue.news import Event
from aioqueue.queue import Queue
from aioqueue.result import PipelineResult, Result, ResultGroup
from aioqueue.schedules import cron, crontab, every
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
    "PipelineResult",
    "Pipeline",
    "Group",
    "Chord",
    "group",
    "chord",
    "crontab",
    "cron",
    "every",
    "Lock",
    "RateLimit",
    "KeyValue",
    "Event",
    "DeadLetter",
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
