"""The asyncio-native task queue: await your results, lose nothing."""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers take it for typing's, whose import would cost more than this whole file

if TYPE_CHECKING:
    from aioqueue import schedules as schedules
    from aioqueue import signals as signals
    from aioqueue.canvas.chord import Chord, chord
    from aioqueue.canvas.group import Group, group
    from aioqueue.canvas.job import Job, current_job
    from aioqueue.canvas.pipeline import Pipeline
    from aioqueue.deadletters import DeadLetter
    from aioqueue.dependencies import Depends
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
    from aioqueue.inbox import Event
    from aioqueue.keyvalue import KeyValue
    from aioqueue.queue import Queue
    from aioqueue.result import PipelineResult, Result, ResultGroup
    from aioqueue.schedules import cron, crontab, every
    from aioqueue.serializers import JsonSerializer, MsgpackSerializer, PickleSerializer
    from aioqueue.states import JobState
    from aioqueue.task import Task
    from aioqueue.worker.worker import Worker
else:
    # Imported when first asked for: a probe that only looks at a pidfile must not pay for a queue.
    _HOMES = {
        "aioqueue.canvas.chord": ("Chord", "chord"),
        "aioqueue.canvas.group": ("Group", "group"),
        "aioqueue.canvas.job": ("Job", "current_job"),
        "aioqueue.canvas.pipeline": ("Pipeline",),
        "aioqueue.deadletters": ("DeadLetter",),
        "aioqueue.dependencies": ("Depends",),
        "aioqueue.errors": (
            "AioqueueError",
            "CancelExecution",
            "ConfigurationError",
            "PayloadTooLarge",
            "RateLimitExceeded",
            "ResultsDisabled",
            "ResultTimeout",
            "ResultUnknown",
            "RetryTask",
            "SerializationError",
            "StoreUnavailable",
            "TaskCancelled",
            "TaskException",
            "TaskExpired",
            "TaskLockedException",
            "TaskLost",
            "TaskTimeout",
        ),
        "aioqueue.guards": ("Lock", "RateLimit"),
        "aioqueue.keyvalue": ("KeyValue",),
        "aioqueue.inbox": ("Event",),
        "aioqueue.queue": ("Queue",),
        "aioqueue.result": ("PipelineResult", "Result", "ResultGroup"),
        "aioqueue.schedules": ("cron", "crontab", "every"),
        "aioqueue.serializers": ("JsonSerializer", "MsgpackSerializer", "PickleSerializer"),
        "aioqueue.states": ("JobState",),
        "aioqueue.task": ("Task",),
        "aioqueue.worker.worker": ("Worker",),
    }
    _HOME = {name: module for module, names in _HOMES.items() for name in names}
    _PUBLIC_MODULES = ("schedules", "signals")

    def __getattr__(name: str) -> object:
        from importlib import import_module  # noqa: PLC0415 -- here, for the same reason

        if name in _PUBLIC_MODULES:
            return import_module(f"aioqueue.{name}")
        if name not in _HOME:
            raise AttributeError(f"module 'aioqueue' has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(_HOME[name]), name)
        return found

    def __dir__() -> list[str]:
        return [*__all__, *_PUBLIC_MODULES, *(name for name in globals() if name.startswith("__"))]


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
    "MsgpackSerializer",
    "JsonSerializer",
    "PickleSerializer",
    "Depends",
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
