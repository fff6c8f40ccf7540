"""The queue an application makes: its tasks, its store, its options."""

from __future__ import annotations

import asyncio
import inspect
import os
import re
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Concatenate, Final, Literal, ParamSpec, Protocol, Self, TypeVar, Unpack, overload

from aioqueue import options as checked
from aioqueue.drivers import driver_for
from aioqueue.drivers.base import Driver
from aioqueue.errors import ConfigurationError
from aioqueue.job import Job
from aioqueue.options import Declaration, Seconds, TaskOptions
from aioqueue.registry import Registry, refuse_unsuitable, task_name
from aioqueue.result import Result, ResultGroup, ResultSource
from aioqueue.serializer import MAX_PAYLOAD, Parameters, ReturnValue
from aioqueue.session import Session
from aioqueue.states import JobState
from aioqueue.task import Task

if TYPE_CHECKING:
    from aioqueue.worker.worker import Worker

P = ParamSpec("P")
R = TypeVar("R")
First_co = TypeVar("First_co", covariant=True)

DEFAULT_URL: Final = "sqlite:///aioqueue.db"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


class Decorator(Protocol):
    """`@queue.task(...)`: a function becomes a task."""

    @overload
    def __call__(self, fn: Callable[P, Coroutine[Any, Any, R]], /) -> Task[P, R]: ...
    @overload
    def __call__(self, fn: Callable[P, R], /) -> Task[P, R]: ...


class FirstArgumentDecorator(Protocol[First_co]):
    """The worker supplies the first argument (`context=True`)."""

    @overload
    def __call__(self, fn: Callable[Concatenate[First_co, P], Coroutine[Any, Any, R]], /) -> Task[P, R]: ...
    @overload
    def __call__(self, fn: Callable[Concatenate[First_co, P], R], /) -> Task[P, R]: ...


class Queue:
    """Tasks, and the store that their jobs go through.

    `url` says which store: `memory://`, `sqlite:///path`, `redis://host`; without one `$AIOQUEUE_URL`, else
    `sqlite:///aioqueue.db`. `result_ttl` is how long a result is kept, in seconds (None: ten years); `results=False`
    keeps none; `max_payload` is the most bytes that the arguments or the value of one job may take.

    It opens on first use, or by `async with queue`, and belongs to that running loop until it is closed or the loop
    ends; then to the next. Making one touches nothing.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        name: str = "default",
        results: bool = True,
        result_ttl: Seconds | None = 3_600.0,
        max_payload: int = MAX_PAYLOAD,
    ) -> None:
        if not _NAME.fullmatch(name):
            raise ConfigurationError(f"a queue's name takes 1 to 100 of A-Z a-z 0-9 _ . - , not {name!r}")
        self.name = name
        self.registry = Registry()
        self._driver = driver_for(url or os.environ.get("AIOQUEUE_URL") or DEFAULT_URL, name)
        self._defaults = checked.declare(Declaration(), {"results": results, "result_ttl": result_ttl})
        self._max_payload = checked.count("max_payload", max_payload, least=1)
        self._session: Session | None = None

    def __repr__(self) -> str:
        return f"<Queue {self.name} on {self._driver!r}>"

    # ------------------------------------------------------------------ life
    async def __aenter__(self) -> Self:
        await self.session()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Disconnect; harmless when closed. The next use opens it again, on whatever loop it happens."""
        session, self._session = self._session, None
        if session is not None and session.is_here and session.loop is asyncio.get_running_loop():
            await session.close()

    async def session(self) -> Session:
        """Return the open session on the running loop, opening one if need be.

        Raises `StoreUnavailable`, and `ConfigurationError` if the queue is in use on another running loop.
        """
        session = self._session
        if session is None or session.loop is not asyncio.get_running_loop() or not session.is_here:
            session = self._session = self._new_session(session)
        if not session.is_open:
            await session.open()
        return session

    def driver(self) -> Driver:
        """Return another, unopened driver on this queue's store."""
        return self._driver.clone()

    def _new_session(self, old: Session | None) -> Session:
        if old is not None and old.is_here and old.is_open and old.loop.is_running():
            raise ConfigurationError(
                f"queue {self.name!r} is open in another running event loop; from other threads use queue.sync(...), "
                "or close the queue there first"
            )
        return Session(self.driver())

    # ------------------------------------------------------------------ tasks
    @overload
    def task(self, fn: Callable[P, Coroutine[Any, Any, R]], /) -> Task[P, R]: ...
    @overload
    def task(self, fn: Callable[P, R], /) -> Task[P, R]: ...
    @overload
    def task(
        self, /, *, context: Literal[True], **options: Unpack[TaskOptions]
    ) -> FirstArgumentDecorator[Job[Any]]: ...
    @overload
    def task(self, /, *, context: Literal[False] = False, **options: Unpack[TaskOptions]) -> Decorator: ...
    def task(self, fn: Any = None, /, **options: Any) -> Any:
        """Make a function a task, bare or with options.

        Coroutine functions run on the worker's loop, plain ones in a thread, or with `executor="process"` in a process
        of their own. `retries` and `retry_delay` (seconds, growing by `retry_backoff` each time) for bodies that raise
        `retry_on` and not `retry_not_on`; `timeout` in seconds; `expires` in seconds from the call, after which it is
        not started; `priority` -8 to 7; `at_most_once` fails a job whose worker disappeared instead of running it
        again, up to `max_deliveries` otherwise; `context=True` passes the running `Job` first.
        """
        if fn is not None:
            return self._make_task(fn, None, {})
        name = options.pop("name", None)
        declared = checked.declare(self._defaults, options)
        return lambda fn: self._make_task(fn, name, options, declared)

    def _make_task(
        self, fn: Callable[..., Any], name: str | None, options: Mapping[str, Any], declared: Declaration | None = None
    ) -> Task[..., Any]:
        refuse_unsuitable(fn, options.get("executor"))
        name = task_name(fn, name)
        declaration = declared or self._defaults
        if "executor" not in options and not inspect.iscoroutinefunction(fn):
            declaration = checked.declare(declaration, {"executor": "thread"})
        returns = ReturnValue(name, fn, self._max_payload)
        task: Task[..., Any] = Task(
            self,
            name,
            fn,
            declaration=declaration,
            parameters=Parameters(name, fn, supplied=int(declaration.context), max_payload=self._max_payload),
            source=ResultSource(self.session, returns, declaration.results, declaration.result_ttl),
        )
        task.parameters.check()
        returns.check()
        self.registry.add(task)
        return task

    # ------------------------------------------------------------------ jobs
    async def enqueue(self, job: Job[R], /) -> Result[R]:
        """Store a job made by `task.s(...)`; when this returns, it is safe. The same id again is stored once."""
        if self.registry.get(job.task_name) is None:
            raise ConfigurationError(f"{job!r} calls a task that this queue does not have: enqueue it on its own")
        session = await self.session()
        await session.enqueue(job.new_job())
        return Result(job.id, job.source)

    async def enqueue_all(self, jobs: Sequence[Job[R]], /) -> ResultGroup[R]:
        """Store many jobs, a thousand a step, in order."""
        session = await self.session()
        await session.enqueue_all([job.new_job() for job in jobs])
        return ResultGroup([Result(job.id, job.source) for job in jobs])

    def result(self, id: str, /) -> Result[Any]:  # noqa: A002 -- the name on the public face
        """Return a handle on any job by its id; its value comes as msgpack has it. `task.result(id)` knows the type."""
        returns = ReturnValue("job", None, self._max_payload)
        return Result(id, ResultSource(self.session, returns, self._defaults.results, self._defaults.result_ttl))

    async def counts(self) -> Mapping[JobState, int]:
        """Return how many jobs are scheduled, queued and running."""
        counts = await (await self.session()).driver.counts()
        return {
            JobState.SCHEDULED: counts["scheduled"],
            JobState.QUEUED: counts["queued"],
            JobState.RUNNING: counts["running"],
        }

    async def flush(self) -> None:
        """Remove every job, result and dead letter of this queue."""
        await (await self.session()).driver.flush()

    # ------------------------------------------------------------------ worker
    def worker(self, **options: Any) -> AbstractAsyncContextManager[Worker]:
        """Run a worker inside this loop for the length of an `async with`; it installs no signal handlers.

        Takes the options of `aioqueue.Worker`.
        """
        from aioqueue.worker.worker import Worker  # noqa: PLC0415 -- the facade's one door to the layer above

        return Worker(self, **options)
