"""A decorated function: calling it stores a job."""

from __future__ import annotations

import asyncio
import copy
import inspect
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Generic, ParamSpec, Protocol, TypeVar, Unpack, cast

from msgspec import UNSET, structs

from aioqueue import offload
from aioqueue.canvas.job import Job, running_job
from aioqueue.errors import ConfigurationError
from aioqueue.guards import asked_for
from aioqueue.hooks import Hooks
from aioqueue.ids import new_id
from aioqueue.options import (
    CallSettings,
    Declaration,
    Seconds,
    asked_id,
    call_settings,
    instant,
    unique_key,
)
from aioqueue.record import FORMAT, Record, Stage
from aioqueue.result import Result, ResultGroup, ResultSource
from aioqueue.serializer import Parameters

if TYPE_CHECKING:
    from aioqueue.keywords import CallOptions

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

_ROWS_BETWEEN_TURNS: Final = 500
_ANY: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Enqueues(Protocol):
    """What a task needs of its queue."""

    async def enqueue(self, job: Job[R], /) -> Result[R]: ...
    async def enqueue_all(self, jobs: Iterable[Job[R]], /) -> ResultGroup[R]: ...


class Task(Generic[P, R]):
    """A function whose calls are run by a worker. Made by `@queue.task`."""

    def __init__(
        self,
        queue: Enqueues,
        name: str,
        fn: Callable[..., Any],
        *,
        declaration: Declaration,
        parameters: Parameters,
        source: ResultSource,
        hooks: Hooks,
    ) -> None:
        _refuse_unanswerable(name, declaration.unique, parameters)
        self.name = name
        """What the task is called in the store: by default `module.qualname`."""
        self._fn = fn
        self.declaration = declaration
        self.parameters = parameters
        self.source = source
        self.hooks = hooks
        self._queue = queue
        self._say(CallSettings())
        if declaration.executor != "loop":
            offload.prepare()
        self.__doc__ = fn.__doc__
        self.__module__ = fn.__module__
        self.__qualname__ = fn.__qualname__
        self.__wrapped__ = fn

    def __repr__(self) -> str:
        return f"<Task {self.name}>"

    @property
    def fn(self) -> Callable[..., Any]:
        """The function itself, to be called as it is: here and now, without the queue.

        A parameter with `Depends(...)` may be given, by name or by place, and is opened otherwise. With `context=True`
        the job goes first.
        """
        return self._fn

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Result[R]:
        """Store one call; when this returns, the job is safe.

        Raises `TypeError` for arguments that do not fit, `SerializationError` and `PayloadTooLarge` for values that
        cannot be stored, `StoreUnavailable` if the store cannot be reached; nothing is stored then. Cancelled, it may
        have stored the job or not.
        """
        return await self._queue.enqueue(self._job(args, kwargs))

    async def call(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Store one call and wait for its value."""
        job = self._job(args, kwargs)
        session = await self.source.session()
        if session.immediate or not self.source.kept:
            return await (await self._queue.enqueue(job))
        settled = session.expect(job.id)
        try:
            result = await self._queue.enqueue(job)
            if result.id == job.id:
                result.hear(await settled)
        finally:
            session.leave(job.id, settled)
        return await result

    async def call_local(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the function here, without the queue: a plain one in a thread, so that the loop goes on."""
        job = self._job(args, kwargs)
        supplied = (job,) if self.declaration.context else ()
        outer = running_job.set(job)
        try:
            if inspect.iscoroutinefunction(self.fn):
                return cast("R", await self.fn(*supplied, *args, **kwargs))
            import anyio.to_thread  # noqa: PLC0415 -- as in `offload`, but within the application's own limit

            return cast("R", await anyio.to_thread.run_sync(lambda: self.fn(*supplied, *args, **kwargs)))
        finally:
            running_job.reset(outer)

    def s(self, *args: P.args, **kwargs: P.kwargs) -> Job[R]:
        """Return the job that a call would store, for `queue.enqueue`."""
        return self._job(args, kwargs)

    def options(self, **options: Unpack[CallOptions]) -> Task[P, R]:
        """Return the task with options for the next calls; those said before and not said again stay.

        `delay` in seconds or `eta` (a naive datetime is local time) say when to run it, `expires` until when it may
        start, `priority` from -8 to 7, `retries`, `retry_delay`, `timeout` and `result_ttl` (seconds) what else holds
        for it. A call with the `id` of a job that is there stores nothing, and its result is that job's; the same goes
        for one with the `unique` key of a live job.
        """
        bound = copy.copy(self)
        bound._say(call_settings(self._settings, dict(options)))  # noqa: SLF001 -- it is another self
        if self.declaration.at_most_once and options.get("retries"):
            raise ValueError(f"task {self.name} runs at most once, which excludes retries=")
        return bound

    async def revoke(self, *, revoke_until: datetime | None = None, revoke_once: bool = False) -> None:
        """Keep this task's jobs from running: all until `restore`, or until a datetime (naive: local), or one of them.

        Jobs are still enqueued; a worker drops each when its turn comes.
        """
        until = 0.0 if revoke_until is None else instant("revoke_until", revoke_until)
        session = await self.source.session()
        await session.driver.revoke(f"task:{self.name}", until, once=revoke_once)

    async def restore(self) -> bool:
        """Let this task's jobs run again; answer whether it was revoked."""
        session = await self.source.session()
        return await session.driver.restore(f"task:{self.name}")

    async def is_revoked(self) -> bool:
        """Whether the task is revoked; looking uses up no revocation that holds once."""
        session = await self.source.session()
        return (await session.driver.revocations([f"task:{self.name}"]))[0] is not None

    def result(self, id: str, /) -> Result[R]:  # noqa: A002 -- the name on the public face
        """Return a handle on a job of this task by its id; whether there is one shows when it is asked."""
        return Result(asked_id(id), self.source)

    async def map(self, rows: Iterable[object], /) -> ResultGroup[R]:
        """Store one job a row: a tuple is spread over the parameters, anything else is the one argument.

        All rows are checked before the first is stored.
        """
        # Two lists, since Python's collector would look through a tuple for each row again and again.
        arguments: list[bytes] = []
        settings: list[CallSettings] = []
        for number, row in enumerate(rows, start=1):
            encoded, said = self._checked(row if isinstance(row, tuple) else (row,), {})
            arguments.append(encoded)
            settings.append(said)
            if number % _ROWS_BETWEEN_TURNS == 0:
                await asyncio.sleep(0)
        return await self._queue.enqueue_all(map(self._made, arguments, settings))

    async def schedule(
        self,
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
        /,
        *,
        delay: Seconds | None = None,
        eta: datetime | None = None,
    ) -> Result[R]:
        """Store one call to run after `delay` seconds or at `eta`; a naive datetime is local time."""
        said = {name: value for name, value in (("delay", delay), ("eta", eta)) if value is not None}
        if not isinstance(args, tuple):
            raise TypeError(f"schedule() takes the arguments as one tuple, not {args!r}")
        bound = self.options(**cast("CallOptions", said))
        return await self._queue.enqueue(bound._job(args, kwargs or {}))  # noqa: SLF001

    def stage(self, leading: int | None, args: tuple[object, ...], kwargs: dict[str, Any]) -> Stage:
        """Return a job to come, whose first arguments are not known yet: `leading` of them, None for any number.

        Raises `TypeError` for arguments that cannot fit whatever comes, `SerializationError` for unstorable ones,
        `ValueError` for a task with a unique key.
        """
        declared, said = self.declaration, self._settings
        if declared.unique or said.unique:
            raise ValueError(f"{self!r} has a unique key: a job that comes after others cannot have one")
        return Stage(
            said.id or new_id(),
            self.name,
            self.parameters.hand(leading, args, kwargs),
            (declared.priority or UNSET) if said.priority is UNSET else said.priority,
            said.delay,
            said.eta,
            declared.retries if said.retries is UNSET else said.retries,
            (declared.retry_delay or UNSET) if said.retry_delay is UNSET else said.retry_delay,
            said.timeout,
            said.result_ttl,
            expires_in=said.expires_in or (0.0 if said.expires_at else declared.expires_in),
            expires_at=said.expires_at,
        )

    def _say(self, said: CallSettings) -> None:
        """Note what the next calls say, and what follows from that for the record of each."""
        declared = self.declaration
        self._settings = said
        self._priority = declared.priority if said.priority is UNSET else said.priority
        self._recorded = (
            declared.retries if said.retries is UNSET else said.retries,
            0,
            (declared.retry_delay or UNSET) if said.retry_delay is UNSET else said.retry_delay,
            said.timeout,
            said.result_ttl,
        )

    def _job(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> Job[R]:
        return self._made(*self._checked(args, kwargs))

    def _checked(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> tuple[bytes, CallSettings]:
        """Return the arguments of a call as they are stored, and what it says besides; raises what calling does."""
        declared, said = self.declaration, self._settings
        encoded = self.parameters.encode(args, kwargs)
        if declared.expires_in and not (said.expires_in or said.expires_at):
            said = structs.replace(said, expires_in=declared.expires_in)
        if (said.unique or declared.unique) and (unique := said.unique or self._unique_key(args, kwargs)):
            said = structs.replace(said, unique=f"{self.name}:{unique}")
        return encoded, said

    def _made(self, arguments: bytes, said: CallSettings) -> Job[R]:
        record = Record(FORMAT, self.name, arguments, *self._recorded)
        return Job(said.id or new_id(), record, self.source, self._priority, said)

    def _unique_key(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> str:
        """Return the key of a call, empty for none; a function of it is given the parameters that it asks for."""
        declared = self.declaration.unique
        if not callable(declared):
            return declared or ""
        return unique_key(declared(**asked_for(declared, self.parameters.with_defaults(args, kwargs))))


def _refuse_unanswerable(name: str, unique: object, parameters: Parameters) -> None:
    """Refuse a `unique=` function that asks for what its task does not have: it is called by name."""
    if not callable(unique):
        return
    given = f"it is given the task's arguments by name: {', '.join(parameters.names) or 'none'}"
    try:
        wanted = inspect.signature(unique).parameters.values()
    except (ValueError, TypeError):
        raise ConfigurationError(f"unique= of {name}: {unique!r} does not say what it takes; {given}") from None
    for parameter in wanted:
        is_optional = parameter.default is not parameter.empty or parameter.kind in _ANY
        by_name = parameter.kind is not parameter.POSITIONAL_ONLY and parameter.name in parameters.names
        if not (is_optional or by_name):
            raise ConfigurationError(f"unique= of {name} asks for {parameter.name!r}; {given}")
