"""Running a task's function: on the loop, in a thread, in a process. Each answers with an `Ending`."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import anyio.to_process
import anyio.to_thread
from anyio import BrokenWorkerProcess, CapacityLimiter

from aioqueue.canvas.job import Job, running_job
from aioqueue.errors import SerializationError
from aioqueue.task import Task
from aioqueue.worker.ending import Died, Ending, Returned, TimedOut, Unstorable, ending_of
from aioqueue.worker.process_body import run_in_child

# The place is taken before the timeout starts to run, so that waiting for one takes nothing off it.
_UNLIMITED: Final = CapacityLimiter(math.inf)


class _ThreadBody:
    """A function that tells whether a thread is inside it."""

    def __init__(self, fn: Callable[[], object]) -> None:
        self.is_running = False
        self._fn = fn

    def __call__(self) -> object:
        self.is_running = True
        try:
            return self._fn()
        finally:
            self.is_running = False


class Bodies:
    """Runs bodies, within the worker's limits on threads and processes.

    Whatever the function raises is an ending; only `asyncio.CancelledError` comes through. Coroutine and process
    bodies are really stopped by a timeout or a cancellation; a thread cannot be: it is left behind and counted.
    """

    def __init__(self, threads: int, processes: int) -> None:
        self.abandoned_threads = 0
        self._limiters: Final = {"thread": CapacityLimiter(threads), "process": CapacityLimiter(processes)}
        self._executors: Final = {"loop": self._on_loop, "thread": self._in_thread, "process": self._in_process}

    async def run(self, task: Task[..., Any], job: Job[Any], arguments: bytes, timeout: float | None) -> Ending:
        """Run one body for at most `timeout` seconds (None: as long as it takes), once there is a place for it."""
        executor = task.declaration.executor
        run = partial(self._executors[executor], task, job, arguments)
        running_job.set(job)
        try:
            if executor == "loop":
                return await _within(timeout, run)
            async with self._limiters[executor]:
                return await _within(timeout, run)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 -- SystemExit and its kin end the job, not the worker
            return ending_of(error, task.declaration)

    async def _on_loop(self, task: Task[..., Any], job: Job[Any], arguments: bytes) -> Ending:
        args, kwargs = _arguments(task, job, arguments)
        return _store(task, await task.fn(*args, **kwargs))

    async def _in_thread(self, task: Task[..., Any], job: Job[Any], arguments: bytes) -> Ending:
        args, kwargs = _arguments(task, job, arguments)
        body = _ThreadBody(partial(task.fn, *args, **kwargs))
        try:
            value = await anyio.to_thread.run_sync(body, abandon_on_cancel=True, limiter=_UNLIMITED)
        except asyncio.CancelledError:
            self.abandoned_threads += body.is_running
            raise
        return _store(task, value)

    async def _in_process(self, task: Task[..., Any], job: Job[Any], arguments: bytes) -> Ending:
        body = partial(run_in_child, task.fn.__module__, task.fn.__qualname__, job.snapshot(), arguments)
        try:
            return await anyio.to_process.run_sync(body, cancellable=True, limiter=_UNLIMITED)
        except BrokenWorkerProcess:
            return Died()


async def _within(timeout: float | None, run: Callable[[], Awaitable[Ending]]) -> Ending:
    if timeout is None:
        return await run()
    scope = asyncio.timeout(timeout)
    try:
        async with scope:
            return await run()
    except TimeoutError:
        if scope.expired():
            return TimedOut(timeout)
        raise


def _arguments(task: Task[..., Any], job: Job[Any], encoded: bytes) -> tuple[list[Any], dict[str, Any]]:
    args, kwargs = task.parameters.decode(encoded)
    return ([job, *args] if task.declaration.context else args), kwargs


def _store(task: Task[..., Any], value: object) -> Ending:
    try:
        return Returned(task.source.returns.encode(value))
    except SerializationError as error:
        return Unstorable(str(error))
