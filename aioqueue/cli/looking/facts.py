"""What the commands tell of a queue: the schema of their JSON, which docs/json.md describes.

Every key is always there; null says that it does not apply, or that nobody looked. Times are UTC.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from aioqueue.drivers.base import Shelf


class WorkerFacts(Struct, frozen=True):
    """A worker on one queue: `aioqueue.presence.WorkerInfo`, and what is concluded from it."""

    id: str
    name: str
    queue: str
    host: str
    pid: int
    version: str
    started_at: datetime
    renewed_at: datetime
    age: float
    lease: float
    concurrency: int
    zone: str
    stopping: bool
    alive: bool
    available: bool
    running: list[RunningFacts]
    running_count: int
    processed: int
    failed: int
    memory: int
    loop_lag: float
    loop_blocks: int


class RunningFacts(Struct, frozen=True):
    """A job that a worker runs, and for how many seconds it had when the worker told."""

    id: str
    task: str
    seconds: float


class Ending(Struct, frozen=True):
    """How a job ended without a value: `cause` is error, timeout, lost, expired, revoked, cancelled, locked,
    rate-limited or hook."""

    cause: str
    error: str
    traceback: str


class JobFacts(Struct, frozen=True, kw_only=True):
    """A job, as much as the store still knows of it.

    `waiting` is one that stands on no shelf because a job before it has not ended. `readable` is false where the
    stored record is damaged or of a newer release. `made_at` is read from the id. `arguments` and `value` are null
    unless they are asked for.
    """

    id: str
    state: str
    task: str | None = None
    waiting: bool = False
    revoked: bool | None = None
    priority: int | None = None
    made_at: datetime | None = None
    due_at: datetime | None = None
    expires_at: datetime | None = None
    worker: str | None = None
    running_for: float | None = None
    tries: int | None = None
    retries: int | None = None
    deliveries: int | None = None
    last_error: str | None = None
    dead_reason: str | None = None
    died_at: datetime | None = None
    replayed_from: str | None = None
    later: list[str] | None = None
    readable: bool | None = None
    ending: Ending | None = None
    arguments: dict[str, Any] | None = None
    value: Any = None


class PeriodicFacts(Struct, frozen=True):
    """A periodic task: its slots in the zone that its workers read it in, the last one fired and the next ones."""

    task: str
    schedule: str
    zone: str
    misfire: str
    revoked: bool
    last: datetime | None
    next: list[datetime]


class Counts(Struct, frozen=True):
    """How many jobs stand on each shelf."""

    queued: int
    scheduled: int
    running: int
    dead: int


class StatusFacts(Struct, frozen=True):
    """`aioqueue status`; `is_running` is whether a worker claims jobs, `next_due_at` when the next scheduled one is."""

    queue: str
    time: datetime
    paused: bool
    is_running: bool
    counts: Counts
    next_due_at: datetime | None
    workers: list[WorkerFacts]


class ShelfFacts(Struct, frozen=True):
    """`aioqueue jobs`: the first jobs of a shelf, and how many stand there."""

    queue: str
    time: datetime
    shelf: Shelf
    total: int
    jobs: list[JobFacts]


class OneJob(Struct, frozen=True):
    """`aioqueue job`."""

    queue: str
    time: datetime
    jobs: list[JobFacts]


class WorkersFacts(Struct, frozen=True):
    """`aioqueue workers`."""

    queue: str
    time: datetime
    workers: list[WorkerFacts]


class ScheduleFacts(Struct, frozen=True):
    """`aioqueue schedule`: scheduled jobs and, if the application is known, its periodic tasks.

    `fired_by_anyone` is whether a live worker fires periodic tasks.
    """

    queue: str
    time: datetime
    total: int
    jobs: list[JobFacts]
    periodic: list[PeriodicFacts] | None
    fired_by_anyone: bool
