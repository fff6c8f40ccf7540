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

from aioqueue.job import Job, running_job
from aioqueue.task import Task
from aioqueue.worker.ending import Died, Ending, TimedOut, ending_of, returned
from aioqueue.worker.process_body import run_in_child

# The worker's capacity bounds both.
_UNLIMITED: Final = CapacityLimiter(math.inf)


class _ThreadBody:
    """A function that tells whether a thread is inside it, and returns what it raises.

    An exception that travelled from the thread as one could mean something to the event loop, as GeneratorExit does.
    """

    def __init__(self, fn: Callable[[], object]) -> None:
        self.is_running = False
        self._fn = fn

    def __call__(self) -> tuple[object, BaseException | None]:
        self.is_running = True
        try:
            return self._fn(), None
        except BaseException as error:  # noqa: BLE001
            return None, error
        finally:
            self.is_running = False


class Bodies:
    """Runs bodies; the worker's capacity bounds how many.

    Whatever the function raises is an ending; only `asyncio.CancelledError` comes through. Coroutine and process
    bodies are really stopped by a timeout or a cancellation; a thread cannot be: it is left behind and counted.
    """

    def __init__(self) -> None:
        self._abandoned: set[_ThreadBody] = set()
        self._executors: Final = {"loop": self._on_loop, "thread": self._in_thread, "process": self._in_process}

    @property
    def abandoned_threads(self) -> int:
        """How many threads are still inside bodies that were stopped."""
        self._abandoned = {body for body in self._abandoned if body.is_running}
        return len(self._abandoned)

    async def run(self, task: Task[..., Any], job: Job[Any], arguments: bytes, timeout: float | None) -> Ending:
        """Run one body for at most `timeout` seconds (None: as long as it takes)."""
        run = partial(self._executors[task.declaration.executor], task, job, arguments)
        running_job.set(job)
        try:
            return await _within(timeout, run)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 -- SystemExit and its kin end the job, not the worker
            return ending_of(error, task.declaration)

    async def _on_loop(self, task: Task[..., Any], job: Job[Any], arguments: bytes) -> Ending:
        args, kwargs = _arguments(task, job, arguments)
        return returned(task.source.returns, await task.fn(*args, **kwargs))

    async def _in_thread(self, task: Task[..., Any], job: Job[Any], arguments: bytes) -> Ending:
        args, kwargs = _arguments(task, job, arguments)
        body = _ThreadBody(partial(task.fn, *args, **kwargs))
        try:
            value, error = await anyio.to_thread.run_sync(body, abandon_on_cancel=True, limiter=_UNLIMITED)
        except asyncio.CancelledError:
            self._abandoned.add(body)
            raise
        return returned(task.source.returns, value) if error is None else ending_of(error, task.declaration)

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
