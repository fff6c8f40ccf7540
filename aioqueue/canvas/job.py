"""A job as applications see it: one call of a task."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Concatenate, Final, Generic, ParamSpec, Self, TypeVar, overload

from msgspec import UNSET, Struct, structs

from aioqueue.canvas.layout import ALONE, Layout, Place
from aioqueue.canvas.pipeline import Pipeline, stage_of
from aioqueue.drivers.base import NewJob
from aioqueue.errors import StoreUnavailable, TaskException
from aioqueue.logtext import one_line
from aioqueue.options import CallSettings
from aioqueue.record import Record, Stage, encode_record
from aioqueue.result import Result, ResultSource

Q = ParamSpec("Q")
S = TypeVar("S")
T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
R_co = TypeVar("R_co", covariant=True)

logger: Final = logging.getLogger("aioqueue")

NOTES_TTL: Final = 3_600.0
_LARGEST: Final = 1.7976931348623157e308  # of a float
_NOTHING_SAID: Final = CallSettings()
running_job: ContextVar[Job[Any]] = ContextVar("aioqueue_running_job")


class JobSnapshot(Struct, frozen=True):
    """A job as it travels to a process that runs its body."""

    id: str
    record: Record
    priority: int


class Job(Generic[R_co]):
    """One call of a task: an id, arguments and options. Made by `task.s(...)`, or by the worker that runs it."""

    __slots__ = ("_record", "_when", "id", "priority", "source")

    def __init__(
        self, job_id: str, record: Record, source: ResultSource, priority: int, when: CallSettings = _NOTHING_SAID
    ) -> None:
        self.id: str = job_id
        """The id, the same through all retries: a UUID that tells when it was made, or what the caller said."""
        self.priority: int = priority
        """From -8 to 7, higher goes first."""
        self.source: ResultSource = source
        self._record = record
        self._when = when

    @classmethod
    def from_snapshot(cls, snapshot: JobSnapshot, source: ResultSource) -> Job[R_co]:
        """Return the job that `snapshot` was taken of."""
        return cls(snapshot.id, snapshot.record, source, snapshot.priority)

    def snapshot(self) -> JobSnapshot:
        """Return what another process needs to know of this job."""
        return JobSnapshot(self.id, self._record, self.priority)

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

    @property
    def last_error(self) -> str:
        """What the last try raised, empty if there was none or it raised nothing."""
        return self._record.last_error

    @property
    def retry_delay(self) -> float:
        """Seconds before the next try, where the call said so; else 0."""
        return 0.0 if self._record.retry_delay is UNSET else self._record.retry_delay

    @property
    def ids(self) -> tuple[str, ...]:
        """Its id, as a canvas of one job."""
        return (self.id,)

    @property
    def unique(self) -> str:
        """The key that no other live job may have when it is enqueued; empty for none."""
        return self._when.unique

    @property
    def delay(self) -> float:
        """Seconds after which it is to run, counted from its enqueue; 0 where an `eta` says when, or nothing."""
        return self._when.delay

    @property
    def is_delayed(self) -> bool:
        """Whether it was asked to run later."""
        return self._when.eta > 0 or self._when.delay > 0

    async def progress(self, done: float, total: float | None = None, note: str = "") -> None:
        """Tell whoever follows this job's events how far it has come; kept for an hour, the newest thousand.

        `TypeError` or `ValueError` unless `done` and `total` are finite numbers and `note` is a text. While the store
        is away nothing is told: that is logged in one line, and the job goes on.
        """
        from aioqueue.inbox import Event, encode_event  # noqa: PLC0415 -- most jobs have none to tell

        if not isinstance(note, str):
            raise TypeError(f"progress(): note= takes a str, not {type(note).__name__}")
        steps = _number("done", done), None if total is None else _number("total", total)
        event = Event("progress", self.id, self.task_name, self.retries, 0.0, None, False, None, 0, *steps, note)
        try:
            session = await self.source.session()
            await session.driver.note(self.id, encode_event(event), NOTES_TTL)
        except StoreUnavailable as error:  # no try of the job is worth a report
            logger.warning("the progress of job %s is lost: %s", one_line(self.id), one_line(str(error)))

    @property
    def eta(self) -> float:
        """When it is to run, in Unix seconds; 0 for at once."""
        return self._when.eta

    # a task declared `-> None` hands on nothing
    @overload
    def then(
        self: Job[None], task: Callable[Q, Coroutine[Any, Any, Result[S]]], /, *args: Q.args, **kwargs: Q.kwargs
    ) -> Pipeline[S | None, S]: ...
    # a tuple is spread over the leading parameters
    @overload
    def then(
        self: Job[tuple[A]],
        task: Callable[Concatenate[A, Q], Coroutine[Any, Any, Result[S]]],
        /,
        *args: Q.args,
        **kwargs: Q.kwargs,
    ) -> Pipeline[tuple[A] | S, S]: ...
    @overload
    def then(
        self: Job[tuple[A, B]],
        task: Callable[Concatenate[A, B, Q], Coroutine[Any, Any, Result[S]]],
        /,
        *args: Q.args,
        **kwargs: Q.kwargs,
    ) -> Pipeline[tuple[A, B] | S, S]: ...
    @overload
    def then(
        self: Job[tuple[A, B, C]],
        task: Callable[Concatenate[A, B, C, Q], Coroutine[Any, Any, Result[S]]],
        /,
        *args: Q.args,
        **kwargs: Q.kwargs,
    ) -> Pipeline[tuple[A, B, C] | S, S]: ...
    # the keywords of a dict are data: checked when the stage runs
    @overload
    def then(
        self: Job[dict[str, T]],
        task: Callable[..., Coroutine[Any, Any, Result[S]]],
        /,
        *args: Any,
        **kwargs: Any,
    ) -> Pipeline[dict[str, T] | S, S]: ...
    # any other value is the first positional argument
    @overload
    def then(
        self: Job[T],
        task: Callable[Concatenate[T, Q], Coroutine[Any, Any, Result[S]]],
        /,
        *args: Q.args,
        **kwargs: Q.kwargs,
    ) -> Pipeline[T | S, S]: ...
    def then(self, task: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Return a pipeline: `task` is called with this job's value, then `args` and `kwargs`."""
        return Pipeline(self, (stage_of(self.source, task, None, args, kwargs),))

    def error(
        self,
        task: Callable[Concatenate[TaskException, Q], Coroutine[Any, Any, Result[Any]]],
        /,
        *args: Q.args,
        **kwargs: Q.kwargs,
    ) -> Self:
        """Return the job with a callback: should it fail for good, `task` is called with its `TaskException`.

        It is this job's alone; a callback for all stages of a pipeline is given to the pipeline.
        """
        callback, _ = stage_of(self.source, task, 1, args, kwargs)
        changed = copy.copy(self)
        changed._record = structs.replace(self._record, errors=(*self._record.errors, callback))  # noqa: SLF001
        return changed

    def new_job(self, place: Place = ALONE, then: tuple[Stage, ...] = (), errors: tuple[Stage, ...] = ()) -> NewJob:
        """Return what a driver stores of this job: with its place in a canvas, and what its pipeline adds to it."""
        when, record = self._when, self._record
        if then or place is not ALONE:
            errors = (*record.errors, *errors)
            record = structs.replace(record, then=then, errors=errors, member=place.member, beyond=place.beyond)
        return NewJob(
            self.id,
            record.task,
            encode_record(record),
            self.priority,
            when.delay,
            when.eta,
            when.expires_in,
            when.expires_at,
            when.unique,
        )

    def lay_out(self, place: Place) -> Layout:
        """Return what is stored."""
        return Layout([self.new_job(place)])

    def results(self) -> Result[R_co]:
        """Return the handle of its value."""
        return Result(self.id, self.source)

    def __repr__(self) -> str:
        return f"<Job {self._record.task} {short_id(self.id)}{_describe_due(self._when)}>"


def _number(name: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"progress(): {name}= takes a number, not {type(value).__name__}")
    if not abs(value) <= _LARGEST:  # nor is nan
        raise ValueError(f"progress(): {name}= takes a finite number")
    return float(value)


def _describe_due(when: CallSettings) -> str:
    if when.eta:
        return f" @{datetime.fromtimestamp(when.eta, UTC):%Y-%m-%d %H:%M:%S}Z"
    return f" +{when.delay:g}s" if when.delay else ""


def short_id(job_id: str) -> str:
    """Return both ends of a long id: enough to tell jobs apart by eye."""
    return job_id if len(job_id) <= 12 else f"{job_id[:4]}...{job_id[-4:]}"


def is_job_running() -> bool:
    """Whether this is called from a task's body."""
    return running_job.get(None) is not None


def current_job() -> Job[Any]:
    """Return the job that is running here; `LookupError` outside of a task."""
    try:
        return running_job.get()
    except LookupError:
        raise LookupError("no job is running here: current_job() works inside a task") from None
