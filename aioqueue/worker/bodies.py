"""Running a task's function: on the loop, in a thread, in a process. Each answers with an `Ending`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from aioqueue.canvas.job import running_job
from aioqueue.hooks import Hooks
from aioqueue.injection import refuse_fakes_in_process
from aioqueue.offload import ChildLostError, in_process, in_thread
from aioqueue.worker.ending import Died, Ending, TimedOut
from aioqueue.worker.process_body import leave_child, run_in_child
from aioqueue.worker.reporting import report_left_behind
from aioqueue.worker.run import Run
from aioqueue.worker.threadlife import Answer, Threads


class _ThreadBody:
    """A function that tells whether a thread is inside it, and returns what it raises.

    An exception that travelled from the thread as one could mean something to the event loop, as GeneratorExit does.
    """

    def __init__(self, fn: Callable[[], object]) -> None:
        self.is_running = False
        self._fn = fn
        self._tell: Callable[[], object] | None = None

    def __call__(self) -> Answer:
        self.is_running = True
        try:
            # Looked at after `is_running` is set, as `abandon` looks after it has set `_tell`: one of them sees.
            return (self._fn() if self._tell is None else None), None
        except BaseException as error:  # noqa: BLE001
            return None, error
        finally:
            self.is_running = False
            if self._tell is not None:
                self._tell()

    def abandon(self) -> asyncio.Event:
        """Return what is set when no thread is inside any more; one that is not yet will not go in."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        self._tell = partial(_set_on, loop, ended)
        if not self.is_running:
            ended.set()
        return ended


def _set_on(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    with suppress(RuntimeError):  # the loop has been closed
        loop.call_soon_threadsafe(event.set)


class Bodies:
    """Runs bodies, with the sync hooks around them; the worker's capacity bounds how many.

    Whatever the function raises is an ending; only `asyncio.CancelledError` comes through. Coroutine and process
    bodies are really stopped by a timeout or a cancellation; a thread cannot be: it is left behind and counted.
    """

    def __init__(self) -> None:
        self._abandoned: set[_ThreadBody] = set()
        self._executors: Final = {"loop": _on_loop, "thread": self._in_thread, "process": self._in_process}
        self._threads: dict[Hooks, Threads] = {}
        self._in_children = 0
        self._most_children = 0
        self._children_have_hooks = False

    @property
    def abandoned_threads(self) -> int:
        """How many threads are still inside bodies that were stopped."""
        self._abandoned = {body for body in self._abandoned if body.is_running}
        return len(self._abandoned)

    async def run(self, run: Run) -> Ending:
        """Run one body, and the async hooks before it, for at most its timeout."""
        running_job.set(run.job)
        body = self._executors[run.task.declaration.executor]
        try:
            return await _within(run.timeout, partial(_let_in, run, body) if run.hooks.on_loop else partial(body, run))
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 -- SystemExit and its kin end the job, not the worker
            return run.raised(error)

    async def close(self) -> None:
        """Let the shutdown hooks of threads and processes run, when no body is left to run."""
        for threads in self._threads.values():
            await threads.close()
        if self._children_have_hooks:
            # At once, so that each reaches another child.
            goodbyes = (in_process(leave_child) for _ in range(self._most_children))
            await asyncio.gather(*goodbyes, return_exceptions=True)

    async def _in_thread(self, run: Run) -> Ending:
        args, kwargs = run.call()
        fn, hooks = partial(run.task.fn, *args, **kwargs), run.hooks
        body = _ThreadBody(partial(hooks.run_body, run.job, fn) if hooks.in_body else fn)
        try:
            value, error = await self._thread_of(hooks, body)
        except asyncio.CancelledError:
            self._abandoned.add(body)
            run.left_behind = body.abandon()
            if body.is_running:
                report_left_behind(run.job)
            raise
        return run.returned(value) if error is None else run.raised(error)

    async def _thread_of(self, hooks: Hooks, body: _ThreadBody) -> Answer:
        """Run `body` in one of anyio's threads, or where threads have hooks in one of our own, which has an end."""
        if hooks.in_threads:
            return await self._threads.setdefault(hooks, Threads(hooks)).run(body)
        return await in_thread(body, abandon_on_cancel=True)

    async def _in_process(self, run: Run) -> Ending:
        fn = run.task.fn
        refuse_fakes_in_process(fn)
        body = partial(run_in_child, fn.__module__, fn.__qualname__, run.job.snapshot(), run.arguments)
        self._children_have_hooks |= bool(run.hooks.shutdown["process"])
        self._in_children += 1
        self._most_children = max(self._most_children, self._in_children)
        try:
            return await in_process(body)
        except ChildLostError:
            return Died()
        finally:
            self._in_children -= 1


async def _let_in(run: Run, body: Callable[[Run], Awaitable[Ending]]) -> Ending:
    await run.hooks.before(run.job)
    run.is_let_in = True
    return await body(run)


async def _on_loop(run: Run) -> Ending:
    args, kwargs = run.call()
    if not run.hooks.in_body:
        return run.returned(await run.task.fn(*args, **kwargs))
    run.hooks.before_here(run.job)
    value: Any = None
    try:
        value = await run.task.fn(*args, **kwargs)
    except BaseException as error:
        run.hooks.after_here(run.job, None, error)
        raise
    run.hooks.after_here(run.job, value, None)
    return run.returned(value)


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
