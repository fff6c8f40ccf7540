"""Values that live as long as a worker: made when a job first needs them, closed when the worker stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from contextvars import Context, ContextVar, copy_context
from typing import Any, Final, TypeAlias

from aioqueue.logtext import one_line

logger: Final = logging.getLogger("aioqueue")

Open: TypeAlias = Callable[[], AbstractAsyncContextManager[Any]]


class Lasting:
    """Opens each value once, however many jobs ask at the same time, and closes the last one first.

    Each is entered and left by one asyncio.Task of its own, as timeouts and task groups need it: none is cut short with
    the job that happened to ask first, and none knows that job: each lives in the context that this was made in. One
    that could not be opened is tried again by the next job.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()
        self._held: dict[object, _Held] = {}
        self._opened: list[_Held] = []
        self._is_closed = False

    async def get(self, key: object, name: str, opened: Open) -> Any:
        """Return the value of `key`, opening it if need be; raises what opening raises."""
        if self._is_closed:
            raise RuntimeError(f"{name} is asked for after its worker has stopped")
        held = self._held.get(key)
        if held is None or held.has_failed:
            held = self._held[key] = _Held(name, opened, self._opened, self._context.copy())
        return await held.value()

    def get_from_thread(self, key: object, name: str, opened: Open) -> Any:
        """Do the same from a thread: values are opened on the loop of the worker."""
        return asyncio.run_coroutine_threadsafe(self.get(key, name, opened), self._loop).result()

    async def close(self) -> None:
        """Close all, whatever they raise: that is logged. Being cancelled cuts short one of them, and no other."""
        self._is_closed = True
        for held in self._held.values():
            held.give_up()
        not_there = [held for held in self._held.values() if held not in self._opened]
        async with AsyncExitStack() as last_first:
            for held in (*self._opened, *not_there):
                last_first.push_async_callback(held.close)


class _Held:
    """One value. When it is there it is put on the list, behind whatever it was made of."""

    def __init__(self, name: str, opened: Open, line: list[_Held], context: Context) -> None:
        self._name = name
        self._line = line
        self._value: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._leaving = asyncio.Event()
        self._life = asyncio.create_task(self._live(opened), context=context)
        self._life.add_done_callback(self._end)

    @property
    def has_failed(self) -> bool:
        return self._value.done() and (self._value.cancelled() or self._value.exception() is not None)

    async def value(self) -> Any:
        return await asyncio.shield(self._value)

    def give_up(self) -> None:
        """Stop opening it, if it is not there yet; if it opens all the same, it closes at once."""
        if not self._value.done():
            self._leaving.set()
            self._life.cancel()

    async def close(self) -> None:
        """Return when it is closed; being cancelled cuts that short."""
        self._leaving.set()
        try:
            await asyncio.wait({self._life})
        finally:
            self._life.cancel()
            await asyncio.gather(self._life, return_exceptions=True)

    def _end(self, _: object) -> None:
        """Let nobody wait for a value whose life was cancelled before it began."""
        self._value.cancel()

    async def _live(self, opened: Open) -> None:
        try:
            async with opened() as value:
                self._value.set_result(value)
                self._line.append(self)
                await self._leaving.wait()
        except asyncio.CancelledError:
            self._value.cancel()
            raise
        except BaseException as error:
            if self._value.done():
                logger.exception("the dependency %s raised when it was closed", one_line(self._name))
            else:
                self._value.set_exception(error)
                self._value.exception()  # else, if nobody waits any more, it would be said that nobody looked


worker_values: Final[ContextVar[Lasting]] = ContextVar("worker_values")
