"""The queue an application makes: its tasks, its store, its options."""

from __future__ import annotations

import asyncio
import inspect
import os
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, aclosing, contextmanager, suppress
from datetime import UTC, tzinfo
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final, Literal, ParamSpec, Self, TypeVar, Unpack, overload

from aioqueue import options as checked
from aioqueue.canvas.chord import Chord
from aioqueue.canvas.group import Group
from aioqueue.canvas.job import Job, is_job_running
from aioqueue.canvas.layout import ALONE
from aioqueue.canvas.pipeline import Pipeline
from aioqueue.children import refuse_in_import
from aioqueue.decorators import Decorator, FirstArgumentDecorator, PeriodicDecorator
from aioqueue.dependencies import Maker, injected
from aioqueue.drivers import driver_for
from aioqueue.drivers.base import Admitted, Driver, NewJob, Shelf
from aioqueue.errors import ConfigurationError
from aioqueue.events import tell_enqueued
from aioqueue.guards import Lock, Name, RateLimit, checked_name
from aioqueue.hooks import Hooks, Post, Pre, Scope, Startup
from aioqueue.injection import Overrides, filled_in, filled_names, refuse_in_process
from aioqueue.inspection import replayed, seen, seen_new
from aioqueue.keyvalue import KeyValue
from aioqueue.loops import running_loop
from aioqueue.options import Declaration, Seconds
from aioqueue.periodic import MISFIRES, Misfire, Periodic
from aioqueue.presence import WorkerInfo, worker_of
from aioqueue.registry import Registry, refuse_unsuitable, task_name
from aioqueue.resources import Closable, Factory, closing, within
from aioqueue.result import PipelineResult, Result, ResultGroup, ResultSource
from aioqueue.serializer import MAX_PAYLOAD, Parameters, any_value, return_value
from aioqueue.serializers import JsonSerializer, MsgpackSerializer, PickleSerializer, Serializer
from aioqueue.serializers import checked as checked_serializer
from aioqueue.session import Session
from aioqueue.signals import H, Handler2, Handler3, Signal, Signals
from aioqueue.standing import Standing, alive, close_here
from aioqueue.states import JobState
from aioqueue.sync import Sync, is_of_sync
from aioqueue.task import Task
from aioqueue.witnesses import witnesses
from aioqueue.zones import zone_of

if TYPE_CHECKING:
    from aioqueue.deadletters import DeadLetter
    from aioqueue.inbox import Event
    from aioqueue.keywords import TaskOptions
    from aioqueue.schedules.schedule import Schedule
    from aioqueue.worker.worker import Worker

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")

DEFAULT_URL: Final = "sqlite:///aioqueue.db"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


class Queue:
    """Tasks, and the store that their jobs go through.

    `url` says which store: `memory://`, `sqlite:///path`, `redis://host`; without one `$AIOQUEUE_URL`, else
    `sqlite:///aioqueue.db`. `result_ttl` is how long a result is kept, in seconds (None: ten years); `results=False`
    keeps none; `max_payload` is the most bytes that the arguments or the value of one job may take.

    `serializer` says how values are written, by default as `MsgpackSerializer()`. Given `keys=[...]`, it signs whatever
    it writes and reads nothing that no key has signed; `PickleSerializer` takes no less. Every process of a queue has
    the same one: see docs/security.md.

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
        serializer: MsgpackSerializer | JsonSerializer | PickleSerializer | None = None,
        immediate: bool = False,
        immediate_use_memory: bool = True,
        tz: tzinfo | str | None = None,
    ) -> None:
        if not _NAME.fullmatch(name):
            raise ConfigurationError(f"a queue's name takes 1 to 100 of A-Z a-z 0-9 _ . - , not {name!r}")
        self.name = name
        """What separates this queue from others in the same store."""
        self.registry: Registry = Registry()
        self.zone: tzinfo = zone_of(tz) or UTC
        self.hooks: Hooks = Hooks()
        self.signals: Signals = Signals()
        self.periodic: list[Periodic] = []
        self._overrides = Overrides()
        driver = driver_for(url or os.environ.get("AIOQUEUE_URL") or DEFAULT_URL, name)
        self._immediate_use_memory = immediate_use_memory
        self._standings = [Standing(driver, lambda: self._immediate_driver, immediate)]  # the last one counts
        # Each `async with` that is not left yet: on which store, on which loop, by whom.
        self._blocks: list[tuple[Standing, asyncio.AbstractEventLoop, asyncio.Task[Any] | None]] = []
        self._left: list[Session] = []  # on stores that it does not stand on any more; to be closed on their loops
        self._defaults = checked.declare(Declaration(), {"results": results, "result_ttl": result_ttl})
        self._max_payload = checked.count("max_payload", max_payload, least=1)
        self.serializer: Serializer = checked_serializer(serializer)
        self.sync: Sync = Sync(lambda: self._session.loop if self._session is not None else None)
        """Waits from threads, scripts and synchronous views: `value = queue.sync(result)`."""
        self.kv: KeyValue = KeyValue(self.session, self._max_payload, self.serializer)
        """Small values that all processes of the queue share."""

    def __repr__(self) -> str:
        return f"<Queue {self.name} on {self._standing.driver!r}>"

    # ------------------------------------------------------------------ life
    async def __aenter__(self) -> Self:
        session = await self.session()
        self._blocks = [block for block in self._blocks if not block[1].is_closed()]
        self._blocks.append((self._standing, session.loop, asyncio.current_task()))
        return self

    async def __aexit__(self, *exc: object) -> None:
        here, task = running_loop(), asyncio.current_task()
        entered = [block for block in self._blocks if block[1] is here]
        left = ([block for block in entered if block[2] is task] or entered)[-1]
        self._blocks.remove(left)
        if [standing for standing, *_ in entered].count(left[0]) == 1:
            await left[0].close_here()
            await close_here(self._left)

    async def close(self) -> None:
        """Disconnect; harmless when closed. The next use opens it again, on whatever loop it happens.

        The end of an `async with queue` does the same, but where there are several, those of other parts of a program,
        only the last one to end.
        """
        self._standing.renounce()
        await self._standing.close_here()
        await close_here(self._left)

    async def session(self) -> Session:
        """Return the open session on the running loop, opening one if need be.

        Raises `StoreUnavailable`, and `ConfigurationError` if the queue is in use on another running loop.
        """
        while True:
            standing = self._standings[-1]
            session = standing.session
            if session is None or not session.serves_here:
                session = standing.session = self._new_session(standing)
            if session.is_open:
                return session
            await close_here(self._left)
            await session.open()  # and somebody may close it before this goes on

    @property
    def immediate(self) -> bool:
        """Whether each enqueue runs what is due before it returns, in this process, by default on memory storage.

        Each time it is the whole life of a small worker: startup hooks, the jobs, shutdown hooks.
        """
        return self._standing.immediate

    @immediate.setter
    def immediate(self, immediate: bool) -> None:
        if immediate != self._standing.immediate:
            self._standing.immediate = immediate
            self._standing.renounce()

    @contextmanager
    def standing_on(self, driver: Driver, *, immediate: bool = False) -> Iterator[None]:
        """Use the store of `driver` instead of its own within a block: what the fixtures of `aioqueue.testing` do.

        What is open stays open meanwhile, and is used again after it. Blocks may overlap and end in any order: the last
        one to begin that has not ended counts. What was opened inside is closed at the end if its loop runs in another
        thread, else with the queue, or when that loop opens it again, or ends.

        An `async with queue` leaves the store that it was entered on. It cannot tell several of one asyncio.Task apart:
        there the last one to begin is the first to end.
        """
        standing = Standing(driver, lambda: driver, immediate)
        self._standings.append(standing)
        try:
            yield
        finally:
            self._standings.remove(standing)
            self._left = [*alive(self._left), *standing.leave()]

    @property
    def _standing(self) -> Standing:
        return self._standings[-1]

    @property
    def _session(self) -> Session | None:
        return self._standing.session

    def driver(self) -> Driver:
        """Return another, unopened driver on this queue's store; it signs and verifies if the queue has keys."""
        if self.serializer.keys is None:
            return self.store()
        from aioqueue.signed import signed  # noqa: PLC0415 -- most queues have no keys

        return signed(self.store(), self.serializer.keys, self.serializer.name, self.name)

    def store(self) -> Driver:
        """Return what `driver` works on: it shows what is stored as it is."""
        return self._standing.store()

    @cached_property
    def _immediate_driver(self) -> Driver:
        return driver_for("memory://", self.name) if self._immediate_use_memory else self._standings[0].driver

    def _new_session(self, standing: Standing) -> Session:
        old = standing.session
        if old is not None and old.is_here and old.is_open and old.loop.is_running():
            raise _open_elsewhere(self.name, old.loop)
        standing.renounce()
        if not is_job_running():
            refuse_in_import("uses a queue")
        return Session(self.driver(), immediate=standing.immediate)

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
        `retry_on` and not `retry_not_on`; `timeout` in seconds, which raises `TaskTimeout`, a `TimeoutError`; `expires`
        in seconds from the call, after which it is not started; `priority` -8 to 7, higher goes first. A job whose
        worker disappeared is run again, until that has happened `max_deliveries` times (5), or with `at_most_once`
        fails instead.

        `unique`, a text or a function of the task's arguments, is a key that only one live job has: another call gets
        the result of that one. `results=False` keeps no results, `result_ttl` is for how many seconds they are kept.
        `context=True` passes the running `Job` first. `name` is the task's name in the store, by default that of its
        module and function: another one breaks with jobs that are stored already.

        Raises `ConfigurationError` for a function that cannot be a task, or a name that another one has.
        """
        if fn is not None:
            return self._make_task(fn, None, {})
        name = options.pop("name", None)
        declared = checked.declare(self._defaults, options)
        return lambda fn: self._make_task(fn, name, options, declared)

    def _make_task(
        self,
        fn: Callable[..., Any],
        name: str | None,
        options: Mapping[str, Any],
        declared: Declaration | None = None,
        supplied: int = 0,
    ) -> Task[..., Any]:
        refuse_unsuitable(fn, options.get("executor"))
        name = task_name(fn, name)
        declaration = declared or self._defaults
        if "executor" not in options and not inspect.iscoroutinefunction(fn):
            declaration = checked.declare(declaration, {"executor": "thread"})
        given = {"within_first": supplied, "worker_first": int(declaration.context)}
        fn = filled_in(fn, self._overrides, self.sync.enter, **given)
        if declaration.executor == "process":
            refuse_in_process(fn)
        returns = return_value(name, fn, self._max_payload, self.serializer)
        task: Task[..., Any] = Task(
            self,
            name,
            fn,
            declaration=declaration,
            parameters=Parameters(
                name,
                fn,
                supplied + declaration.context,
                self._max_payload,
                self.serializer,
                filled=filled_names(fn),
            ),
            source=ResultSource(self.session, returns, declaration.results, declaration.result_ttl, name),
            hooks=self.hooks,
        )
        task.parameters.check()
        returns.check()
        self.registry.add(task)
        return task

    def periodic_task(
        self, schedule: Schedule, /, *, misfire: Misfire = "once", **options: Unpack[TaskOptions]
    ) -> PeriodicDecorator:
        """Make a function a task that is run at every slot of `schedule`, once over all workers.

        It takes no parameters. Its results are not stored unless `results=True`. `misfire` says what becomes of slots
        that no worker was there for: `skip` them, run `once` for the latest, or run `all`, up to a hundred.
        """
        if not callable(getattr(schedule, "next", None)):
            raise TypeError(f"a schedule is crontab(...), cron(...), every(...) or alike, not {schedule!r}")
        if misfire not in MISFIRES:
            raise ValueError(f"misfire= is one of {', '.join(MISFIRES)}, not {misfire!r}")
        return partial(self._make_periodic, schedule, misfire, {"results": False, **options})

    def _make_periodic(
        self, schedule: Schedule, misfire: Misfire, options: dict[str, Any], fn: Callable[[], Any], /
    ) -> Task[[], Any]:
        if options.get("context"):
            raise ConfigurationError(f"{fn.__qualname__} is periodic: it takes no parameters; use current_job()")
        if inspect.signature(fn).parameters.keys() - injected(fn).keys():
            raise ConfigurationError(f"{fn.__qualname__} is periodic: nobody calls it, so it takes no parameters")
        task: Task[[], Any] = self.task(**options)(fn)
        self.periodic[:] = [known for known in self.periodic if known.name != task.name]
        self.periodic.append(Periodic(task, schedule, misfire))
        return task

    def closing_task(self, resource: Closable, /, **options: Unpack[TaskOptions]) -> Decorator:
        """Make a function a task for whose every run `resource` is opened before and closed after, whatever happens."""
        decorator: Decorator = self._in_context(closing(resource), options, as_argument=False)
        return decorator

    @overload
    def context_task(
        self,
        factory: Callable[[], AbstractAsyncContextManager[T]] | Callable[[], AbstractContextManager[T]],
        /,
        *,
        as_argument: Literal[True],
        **options: Unpack[TaskOptions],
    ) -> FirstArgumentDecorator[T]: ...
    @overload
    def context_task(
        self,
        factory: Callable[[], AbstractAsyncContextManager[Any]] | Callable[[], AbstractContextManager[Any]],
        /,
        *,
        as_argument: Literal[False] = False,
        **options: Unpack[TaskOptions],
    ) -> Decorator: ...
    def context_task(self, factory: Any, /, *, as_argument: bool = False, **options: Any) -> Any:
        """Make a function a task that runs inside `factory()`, a context manager made for every run.

        With `as_argument` its value is the function's first argument. Around a plain function, a sync one is entered
        where that runs and an async one on the loop that `queue.sync` uses. Either is left when the function has ended,
        so a thread that outlives its `timeout` keeps it until then.
        """
        made_by: Factory = factory
        if not callable(factory):
            raise TypeError(f"context_task() takes a function that makes a context manager, not {factory!r}")
        return self._in_context(made_by, options, as_argument=as_argument)

    def _in_context(self, factory: Factory, options: Mapping[str, Any], *, as_argument: bool) -> Any:
        said = dict(options)
        name = said.pop("name", None)
        declared = checked.declare(self._defaults, said)

        def decorate(fn: Callable[..., Any]) -> Task[..., Any]:
            refuse_unsuitable(fn, said.get("executor"))
            wrapped = within(factory, fn, self.sync.enter, as_argument=as_argument)
            return self._make_task(wrapped, name, said, declared, supplied=int(as_argument))

        return decorate

    def override(self, factory: Maker, fake: Maker, /) -> AbstractContextManager[None]:
        """Let `fake` stand in for `factory`, in tests: `with queue.override(open_db, lambda: FakeDb()):`.

        `factory` is what some `Depends(...)` of this queue's tasks names, and `fake` of any kind that it could name; if
        it depends on `factory` itself, it is given the real value. It holds for all jobs of this process that begin
        inside the block, and no other one gets what was made with it. Of blocks that overlap the last to begin counts,
        in whatever order they end. Raises `ConfigurationError` if no task depends on `factory`, or if stand-ins depend
        on each other in a circle.
        """
        self._overrides.check(factory, fake)
        return self._overrides.override(factory, fake)

    # ------------------------------------------------------------------ hooks, signals, events
    @overload
    def on_startup(self, fn: Startup, /) -> Startup: ...
    @overload
    def on_startup(self, /, *, scope: Scope = "worker") -> Callable[[Startup], Startup]: ...
    def on_startup(self, fn: Any = None, /, *, scope: Scope = "worker") -> Any:
        """Have a function called when a worker starts, or in each of its threads or processes before their first body.

        A thread-local connection needs its thread: `scope="thread"`. What it raises keeps the worker from starting.
        """
        register = partial(self.hooks.add_life, self.hooks.startup, scope)
        return register if fn is None else register(fn)

    @overload
    def on_shutdown(self, fn: Startup, /) -> Startup: ...
    @overload
    def on_shutdown(self, /, *, scope: Scope = "worker") -> Callable[[Startup], Startup]: ...
    def on_shutdown(self, fn: Any = None, /, *, scope: Scope = "worker") -> Any:
        """Have a function called when a worker, or one of its threads or processes, ends."""
        register = partial(self.hooks.add_life, self.hooks.shutdown, scope)
        return register if fn is None else register(fn)

    @overload
    def pre_execute(self, fn: Pre, /) -> Pre: ...
    @overload
    def pre_execute(self, /) -> Callable[[Pre], Pre]: ...
    def pre_execute(self, fn: Any = None, /) -> Any:
        """Have `fn(job)` called before every body; it may raise `CancelExecution` to keep the job from running."""
        return self.hooks.add_pre if fn is None else self.hooks.add_pre(fn)

    @overload
    def post_execute(self, fn: Post, /) -> Post: ...
    @overload
    def post_execute(self, /) -> Callable[[Post], Post]: ...
    def post_execute(self, fn: Any = None, /) -> Any:
        """Have `fn(job, value, exc)` called after every body; `exc` is None if it returned."""
        return self.hooks.add_post if fn is None else self.hooks.add_post(fn)

    def signal(self, *names: Signal) -> Callable[[H], H]:
        """Have a handler called at these signals, at every one if none is named; see `aioqueue.signals`."""
        if any(callable(name) for name in names):
            raise TypeError("write @queue.signal(), with parentheses")
        self.signals.check(names)
        return lambda handler: self.signals.connect(handler, names)

    def disconnect_signal(self, handler: Handler2 | Handler3, *names: Signal) -> None:
        """Have a handler called no more at these signals, at none at all if none is named."""
        self.signals.disconnect(handler, names)

    def events(self) -> AsyncIterator[Event]:
        """Yield the events of all jobs of this queue, from every process, from now on. Lossy, as all news."""
        from aioqueue.news import listen  # noqa: PLC0415 -- most processes never ask

        return listen(self.session)

    # ------------------------------------------------------------------ locks
    def lock_task(self, name: Name, *, ttl: Seconds = 30) -> Lock:
        """Return a lock: `async with` it, or put it as a decorator directly above a task's function.

        A job that is kept out uses one of its `retries`, and is cancelled as *locked* when it has none: see `Lock`.
        """
        return Lock(self.session, name, ttl)

    def semaphore(self, name: Name, limit: int, *, ttl: Seconds = 30) -> Lock:
        """Return a lock with `limit` places. As a decorator, `name` may be a function of the task's arguments.

        A job that is kept out uses one of its `retries`, and is cancelled as *locked* when it has none. "At most two
        at once, the rest wait" is `@queue.task(retries=1000, retry_delay=1)` above `@queue.semaphore("name", 2)`.
        """
        return Lock(self.session, name, ttl, limit)

    def rate_limit(self, name: Name, limit: int, per: Seconds) -> RateLimit:
        """Return a limit of `limit` uses in any `per` seconds, exact over all processes."""
        return RateLimit(self.session, name, limit, per)

    async def is_locked(self, name: str) -> bool:
        """Whether anyone holds the lock or a place of the semaphore."""
        return (await (await self.session()).driver.holders([checked_name(name)]))[0] > 0

    async def flush_locks(self, *names: str) -> int:
        """Free these locks and semaphores, all of the queue if none is named; answer how many places were held."""
        return await (await self.session()).driver.clear([checked_name(name) for name in names])

    # ------------------------------------------------------------------ jobs
    @overload
    async def enqueue(self, job: Job[R], /) -> Result[R]: ...
    @overload
    async def enqueue(self, job: Pipeline[S, R], /) -> PipelineResult[S, R]: ...
    @overload
    async def enqueue(self, job: Group[R], /) -> ResultGroup[R]: ...
    @overload
    async def enqueue(self, job: Chord[R], /) -> Result[R]: ...
    async def enqueue(self, job: Any, /) -> Any:
        """Store a job made by `task.s(...)`, or a pipeline, group or chord in one step; then it is safe.

        The same id again is stored once.
        """
        if isinstance(job, Job):
            return await self._enqueue_job(job)
        if not isinstance(job, Pipeline | Group | Chord):
            raise TypeError(f"enqueue() takes task.s(...), a pipeline, a group or a chord, not {job!r}")
        session = await self.session()
        layout = job.lay_out(ALONE)
        for stored in (*layout.jobs, *(chord.callback for chord in layout.chords)):
            self._refuse_foreign(job, stored.task)
        admitted = await session.enqueue_all(layout.jobs, layout.chords)
        await self._follow_up(session, self._seen(layout.jobs), admitted)
        if isinstance(job, Group):
            return job.results({stored.id: answer.id for stored, answer in zip(layout.jobs, admitted, strict=True)})
        return job.results()

    def _refuse_foreign(self, asked: object, task: str) -> None:
        if self.registry.get(task) is None:
            raise ConfigurationError(f"{asked!r} calls a task that this queue does not have: enqueue it on its own")

    async def _enqueue_job(self, job: Job[R]) -> Result[R]:
        self._refuse_foreign(job, job.task_name)
        session = await self.session()
        admitted = await session.enqueue(job.new_job())
        await self._follow_up(session, [job], [admitted])
        return Result(admitted.id, job.source)

    async def enqueue_all(self, jobs: Iterable[Job[R]], /) -> ResultGroup[R]:
        """Store many jobs, some hundreds a step, in order; while the store works on one step, the next is made.

        A list with something else in it, or with a job of another queue, is refused whole. Of an iterator, the steps
        before such a one, or before what it raises, are stored and told of; then the error comes out.
        """
        own: Iterable[Job[R]] = self._own(jobs)
        if isinstance(jobs, Sequence):
            own = list(own)
        session = await self.session()
        # What is kept of many jobs is nothing that Python's collector would look through again and again.
        stored: list[NewJob] = []
        sources: list[ResultSource] = []
        answers: list[Admitted] = []
        try:
            async with aclosing(session.enqueue_in_steps(own)) as steps:
                async for step, kept, admitted in steps:
                    stored += kept
                    sources += [job.source for job in step]
                    answers += admitted
        except Exception:
            with suppress(Exception):  # the first error is the one that comes out
                await self._follow_up(session, map(seen_new, stored, sources), answers)
            raise
        await self._follow_up(session, map(seen_new, stored, sources), answers)
        return ResultGroup(map(Result[R], [answer.id for answer in answers], sources))

    def _own(self, jobs: Iterable[Job[R]]) -> Iterator[Job[R]]:
        """Yield the jobs, refusing what this queue does not run; of many calls of one task the first is looked up."""
        known: str | None = None
        for job in jobs:
            if not isinstance(job, Job):
                raise TypeError(f"enqueue_all() takes jobs made by task.s(...), not {job!r}")
            if (task := job.task_name) is not known:
                self._refuse_foreign(job, task)
                known = task
            yield job

    def _seen(self, stored: Iterable[NewJob]) -> Iterator[Job[Any]]:
        source = self._any_source()
        for job in stored:
            yield seen_new(job, source)

    async def _follow_up(self, session: Session, jobs: Iterable[Job[Any]], admitted: Sequence[Admitted]) -> None:
        """Tell of what was enqueued, if anybody wants to know; in immediate mode, run it."""
        if witnesses or self.signals.any or session.driver.audience:
            stored = [job for job, answer in zip(jobs, admitted, strict=True) if answer.admission == "accepted"]
            await self._tell_enqueued(session, stored)
        if session.immediate:
            await self._new_worker(concurrency=1).drain()

    async def _tell_enqueued(self, session: Session, jobs: Sequence[Job[Any]]) -> None:
        for witness in tuple(witnesses):
            await witness(self.registry, session.driver, jobs)
        for job in jobs:
            await tell_enqueued(self.signals, session.driver, job)

    def result(self, id: str, /) -> Result[Any]:  # noqa: A002 -- the name on the public face
        """Return a handle on any job by its id; its value comes as msgpack has it. `task.result(id)` knows the type."""
        return Result(checked.asked_id(id), self._any_source())

    def _any_source(self) -> ResultSource:
        """Return where the values of jobs come from whose task is not known, or does not matter."""
        returns = any_value("the value of a job", self._max_payload, self.serializer)
        return ResultSource(self.session, returns, self._defaults.results, self._defaults.result_ttl)

    # ------------------------------------------------------------------ looking and steering
    async def pending(self, *, limit: int = 100) -> list[Job[Any]]:
        """Return up to `limit` queued jobs, the next one first."""
        return await self._look("queued", limit)

    async def scheduled(self, *, limit: int = 100) -> list[Job[Any]]:
        """Return up to `limit` scheduled jobs, the next one first."""
        return await self._look("scheduled", limit)

    async def running(self, *, limit: int = 100) -> list[Job[Any]]:
        """Return up to `limit` running jobs."""
        return await self._look("running", limit)

    async def dead(self, *, limit: int = 100) -> list[DeadLetter]:
        """Return up to `limit` dead letters, the newest first."""
        from aioqueue.deadletters import DeadLetter  # noqa: PLC0415 -- most processes never ask

        page = await (await self.session()).driver.jobs("dead", limit=limit)
        return [DeadLetter(job.id, job.task, job.dead_reason, job.died_at) for job in page.jobs]

    async def replay(self, id: str, /) -> Result[Any]:  # noqa: A002 -- the name on the public face
        """Run a dead letter again as a new job, and remove it; `LookupError` if there is none of that id."""
        session = await self.session()
        stored = await session.driver.job(id)
        again = replayed(stored) if stored is not None and stored.dead_reason else None
        if again is None or not await session.driver.replay(id, again):
            raise LookupError(f"there is no dead letter {id!r}")
        return self.result(again.id)

    async def replay_all(self, task: Task[..., Any] | None = None) -> ResultGroup[Any]:
        """Run every dead letter again, of one task or of all; a chord's callback, whose values are gone, is left.

        Letters that others replay meanwhile are theirs.
        """
        driver, cursor, results = (await self.session()).driver, "", []
        while True:
            page = await driver.jobs("dead", cursor)
            for stored in page.jobs:
                if task is None or stored.task == task.name:
                    with suppress(LookupError):
                        results.append(await self.replay(stored.id))
            cursor = page.cursor
            if not cursor:
                return ResultGroup(results)

    async def _look(self, shelf: Shelf, limit: int) -> list[Job[Any]]:
        page = await (await self.session()).driver.jobs(shelf, limit=limit)
        source = self._any_source()
        return [seen(job, source) for job in page.jobs]

    async def counts(self) -> Mapping[JobState, int]:
        """Return how many jobs are scheduled, queued and running."""
        counts = await (await self.session()).driver.counts()
        return {
            JobState.SCHEDULED: counts["scheduled"],
            JobState.QUEUED: counts["queued"],
            JobState.RUNNING: counts["running"],
        }

    async def workers(self) -> list[WorkerInfo]:
        """Return the workers that are ready to claim, or were: one that died is listed until it is reaped."""
        driver = (await self.session()).driver
        leases, now = await driver.leases(), await driver.now()
        workers = (worker_of(lease, self.name, now) for lease in leases)
        return sorted(filter(None, workers), key=lambda worker: (worker.started_at, worker.id))

    async def is_running(self, max_age: Seconds | None = None) -> bool:
        """Tell whether a worker is there that claims jobs, one that renewed its lease in the last `max_age` seconds.

        Without `max_age` it is the lease's own length.
        """
        limit = None if max_age is None else checked.seconds("max_age", max_age)
        workers = [worker for worker in await self.workers() if worker.available]
        return any(limit is None or worker.age <= limit for worker in workers)

    async def pause(self) -> None:
        """Let no worker start further jobs, until `resume`; running ones go on."""
        await (await self.session()).driver.pause()

    async def resume(self) -> None:
        """Let workers start jobs again."""
        await (await self.session()).driver.resume()

    async def flush(self) -> None:
        """Remove every job, result and dead letter of this queue."""
        await (await self.session()).driver.flush()

    # ------------------------------------------------------------------ worker
    def worker(self, **options: Any) -> AbstractAsyncContextManager[Worker]:
        """Run a worker inside this loop for the length of an `async with`; it installs no signal handlers.

        Takes the options of `aioqueue.Worker`.
        """
        return self._new_worker(**options)

    def _new_worker(self, **options: Any) -> Worker:
        from aioqueue.worker.worker import Worker  # noqa: PLC0415 -- the facade's one door to the layer above

        return Worker(self, **options)


def _open_elsewhere(name: str, loop: asyncio.AbstractEventLoop) -> ConfigurationError:
    """Return why a queue cannot be used here that is open on another running loop, and the way out."""
    if is_of_sync(loop):
        return ConfigurationError(
            f"queue {name!r} is still open on the loop of queue.sync: where threads or synchronous tests have used it, "
            "end that with queue.sync(queue.close())"
        )
    return ConfigurationError(
        f"queue {name!r} is open in another running event loop; from other threads use queue.sync(...), "
        "or close the queue there first"
    )
