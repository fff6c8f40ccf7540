"""The hand-over of operations from the event loop to the writer's thread, and of their endings back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from aioqueue.drivers.sqlite.group import Ending, Entry, Round
from aioqueue.drivers.sqlite.transaction import News, Transaction
from aioqueue.errors import StoreUnavailable

CAPACITY: Final = 1_000

P = ParamSpec("P")
T = TypeVar("T")


class HandOver:
    """Holds up to `CAPACITY` operations that wait for the thread; further callers wait for room.

    An operation that was handed over is run, also when its caller has gone.
    """

    def __init__(self, path: Path, hear: Callable[[News], None], gap: Callable[[], None]) -> None:
        self.loop: Final = asyncio.get_running_loop()
        self.audience: bool = False
        self._path = path
        self._hear = hear
        self._gap = gap
        self._entries: SimpleQueue[Entry | None] = SimpleQueue()
        self._room = asyncio.Semaphore(CAPACITY)
        self._closed = False

    # ------------------------------------------------------------------ on the loop
    async def write(self, operation: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run an operation under the write lock; returns when it is durable."""
        return await self._run(lambda transaction: operation(transaction, *args, **kwargs), writes=True)

    async def read(self, operation: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run an operation that writes nothing, on one consistent view of the store."""
        return await self._run(lambda transaction: operation(transaction, *args, **kwargs), writes=False)

    def close(self) -> None:
        """Take no more operations; the thread ends when it has run those it was given."""
        if not self._closed:
            self._closed = True
            self._entries.put(None)

    async def _run(self, operation: Callable[[Transaction], T], *, writes: bool) -> T:
        await self._room.acquire()
        if self._closed:
            self._room.release()
            raise StoreUnavailable(f"the SQLite file {self._path}: the driver was closed")
        future: asyncio.Future[T] = self.loop.create_future()
        self._entries.put(Entry(operation, writes, future))
        return await future

    def _deliver(self, result: Round) -> None:
        if result.audience is not None:
            self.audience = result.audience
        for ending in result.endings:
            self._room.release()
            _resolve(ending)
        self._hear(result.news)

    def _collapse(self, error: StoreUnavailable) -> None:
        self._closed = True
        endings = []
        with suppress(Empty):
            while True:
                entry = self._entries.get_nowait()
                if entry:
                    endings.append(Ending(entry, error=error))
        self._deliver(Round(endings))

    # ------------------------------------------------------------------ on the thread
    def take(self) -> list[Entry]:
        """Wait for an operation and return it with all others that wait; nothing at the end."""
        entry = self._entries.get()
        group: list[Entry] = []
        with suppress(Empty):
            while entry is not None:
                group.append(entry)
                entry = self._entries.get_nowait()
            self._entries.put(None)  # the end comes after this group
        return group

    def deliver(self, result: Round) -> None:
        """Resolve the futures of a group, all in one turn of the loop."""
        self.tell(self._deliver, result)

    def collapse(self, error: StoreUnavailable) -> None:
        """Fail what waits here, and take nothing more: there is nobody left to run it."""
        self.tell(self._collapse, error)

    def tell_of_gap(self) -> None:
        """Let it be known on the loop that the file is another one, without what this driver had asked of the old."""
        self.tell(lambda _: self._gap(), None)

    def tell(self, call: Callable[[Any], object], value: object) -> None:
        """Call something on the loop, if it is still there."""
        with suppress(RuntimeError):  # the loop was closed, and with it went everyone who could care
            self.loop.call_soon_threadsafe(call, value)


def _resolve(ending: Ending) -> None:
    future = ending.entry.future
    if future.done():
        return
    if ending.error is None:
        future.set_result(ending.value)
    else:
        future.set_exception(ending.error)
