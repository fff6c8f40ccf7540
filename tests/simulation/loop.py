"""An event loop in virtual time: when nothing is ready it goes on to the next timer, however far away that is."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any, Final

from tests.simulation.process import Process, Step, running_process

MOST_TURNS: Final = 500_000
A_TURN: Final = 1e-6  # seconds: whoever sleeps until a moment that rounding has put off must see it come


class Standstill(Exception):
    """Nothing is left that could ever happen, or things happen without end."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its time begins at 0. What a simulated process does goes through that process, which may be gone by then."""

    def __init__(self) -> None:
        self.now = 0.0
        self.turns = 0
        super().__init__(_NoWaiting(self))
        self.errors: list[str] = []
        self.set_exception_handler(lambda _, context: self.errors.append(_described(context)))
        self.set_task_factory(_make_task)

    def begin_again(self) -> None:
        """Allow as many turns again."""
        self.turns = 0

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.Handle:
        process = _process_of(context)
        if process is None:
            return super().call_soon(callback, *args, context=context)
        context = context or copy_context()
        step = Step(callback, args, context)
        step.handle = super().call_soon(process.take, step, context=context)
        return step.handle

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        process = _process_of(context)
        if process is None:
            return super().call_at(when, callback, *args, context=context)
        context = context or copy_context()
        step = Step(callback, args, context)
        timer = step.handle = super().call_at(when, process.take, step, context=context)
        return timer

    def call_soon_threadsafe(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)  # there is one thread


class _NoWaiting(selectors.SelectSelector):
    """Has no news of any file, ever, and lets time pass instead of waiting for some."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        self._loop.turns += 1
        if timeout is None:
            raise Standstill("everybody waits, and nothing is left that could wake anyone")
        if self._loop.turns > MOST_TURNS:
            raise Standstill(f"{MOST_TURNS} turns of the loop without an end")
        self._loop.now += max(timeout, A_TURN)
        return []


def _process_of(context: Context | None) -> Process | None:
    return running_process.get(None) if context is None else context.get(running_process)


def _make_task(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
    """Make an asyncio.Task, known to its process."""
    task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **options)
    process = _process_of(options.get("context"))
    if process is not None:
        process.tasks[task] = None
        task.add_done_callback(process.forget)
    return task


def _described(context: dict[str, Any]) -> str:
    error = context.get("exception")
    return str(context["message"]) if error is None else f"{context['message']}: {error!r}"
