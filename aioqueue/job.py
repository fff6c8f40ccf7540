"""A job as applications see it: one call of a task."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct, structs

from aioqueue.drivers.base import NewJob
from aioqueue.options import CallSettings
from aioqueue.record import Record, encode_record
from aioqueue.result import ResultSource

R_co = TypeVar("R_co", covariant=True)

_NOTHING_SAID: Final = CallSettings()
running_job: ContextVar[Job[Any]] = ContextVar("aioqueue_running_job")


class JobSnapshot(Struct, frozen=True):
    """A job as it travels to a process that runs its body, beside its arguments."""

    id: str
    record: Record
    priority: int


class Job(Generic[R_co]):
    """One call of a task: an id, arguments and options. Made by `task.s(...)`, or by the worker that runs it."""

    __slots__ = ("_record", "_when", "id", "priority", "source")

    def __init__(
        self, job_id: str, record: Record, source: ResultSource, priority: int, when: CallSettings = _NOTHING_SAID
    ) -> None:
        self.id = job_id
        self.priority = priority
        self.source = source
        self._record = record
        self._when = when

    @classmethod
    def from_snapshot(cls, snapshot: JobSnapshot, source: ResultSource) -> Job[R_co]:
        """Return the job that `snapshot` was taken of."""
        return cls(snapshot.id, snapshot.record, source, snapshot.priority)

    def snapshot(self) -> JobSnapshot:
        """Return what another process needs to know of this job."""
        return JobSnapshot(self.id, structs.replace(self._record, arguments=b""), self.priority)

    @property
    def task_name(self) -> str:
        """The name of the task that is called."""
        return self._record.task

    @property
    def retries(self) -> int:
        """How many retries are left."""
        return self._record.retries

    @property
    def tries(self) -> int:
        """How many times the job has been tried before this time."""
        return self._record.tries

    def new_job(self) -> NewJob:
        """Return what a driver stores of this job."""
        when = self._when
        return NewJob(
            self.id,
            self._record.task,
            encode_record(self._record),
            self.priority,
            when.delay,
            when.eta,
            when.expires_in,
            when.expires_at,
        )

    def __repr__(self) -> str:
        return f"<Job {self._record.task} {short_id(self.id)}{_describe_due(self._when)}>"


def _describe_due(when: CallSettings) -> str:
    if when.eta:
        return f" @{datetime.fromtimestamp(when.eta, UTC):%Y-%m-%d %H:%M:%S}Z"
    return f" +{when.delay:g}s" if when.delay else ""


def short_id(job_id: str) -> str:
    """Return both ends of a long id: enough to tell jobs apart by eye."""
    return job_id if len(job_id) <= 12 else f"{job_id[:4]}...{job_id[-4:]}"


def current_job() -> Job[Any]:
    """Return the job that is running here; `LookupError` outside of a task."""
    try:
        return running_job.get()
    except LookupError:
        raise LookupError("no job is running here: current_job() works inside a task") from None
