"""The worker: runs the jobs of one or more queues on the running loop."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, Self

from aioqueue import options as checked
from aioqueue.children import refuse_in_import
from aioqueue.errors import StoreUnavailable
from aioqueue.options import Seconds
from aioqueue.queue import Queue
from aioqueue.retry import reconnect_delays
from aioqueue.worker.bodies import Bodies
from aioqueue.worker.capacity import Capacity
from aioqueue.worker.incarnation import Incarnation
from aioqueue.worker.racing import first_of

logger = logging.getLogger("aioqueue")

SHORTEST_LEASE: Final = 0.1


class Worker:
    """Claims jobs, runs them, settles their outcomes.

    `concurrency` is how many bodies run at once, over all queues; `threads` how many of them in threads, `processes`
    how many in processes. `shutdown_timeout` is how many seconds a stop waits for running bodies before their jobs are
    handed back. `lease` is after how many seconds without a sign of life other workers take the jobs over.

    `async with Worker(queue):` runs it for the length of the block; it installs no signal handlers.
    """

    def __init__(
        self,
        queue: Queue,
        *more: Queue,
        concurrency: int = 100,
        threads: int = 32,
        processes: int | None = None,
        shutdown_timeout: Seconds = 30.0,
        lease: Seconds = 30.0,
    ) -> None:
        self.queues = (queue, *more)
        self._capacity = Capacity(
            checked.count("concurrency", concurrency, least=1),
            checked.count("threads", threads, least=1),
            checked.count("processes", (os.cpu_count() or 1) if processes is None else processes, least=1),
        )
        self._bodies = Bodies()
        self._shutdown_timeout = checked.seconds("shutdown_timeout", shutdown_timeout)
        self._lease = max(checked.seconds("lease", lease), SHORTEST_LEASE)
        self._stopping = asyncio.Event()
        self._hurrying = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    @property
    def abandoned_threads(self) -> int:
        """How many threads are still inside bodies that were stopped: they cannot be, and keep Python from exiting."""
        return self._bodies.abandoned_threads

    async def run(self, started: Callable[[], object] = lambda: None) -> None:
        """Work until `stop`, calling `started` when it is ready to claim.

        Raises `StoreUnavailable` if a store cannot be reached at the start, never later.
        """
        if self._stopping.is_set():
            raise RuntimeError("this worker has been stopped: make a new one")
        async with self._hooks_around():
            first = await self._begin_all(started)
            pairs = zip(self.queues, first, strict=True)
            await self._to_the_end(_all_of([self._consume(queue, incarnation) for queue, incarnation in pairs]))

    async def drain(self) -> None:
        """Run what is due, retries and successors included, and return; what is due later is left in the schedule."""
        async with self._hooks_around():
            for queue in self.queues:
                incarnation = await self._begin(queue)
                await self._to_the_end(self._drain(incarnation))

    async def _drain(self, incarnation: Incarnation) -> None:
        try:
            await first_of(incarnation.drain(), self._stopping.wait())
        finally:
            await incarnation.finish(self._shutdown_timeout, self._hurrying)

    def stop(self) -> None:
        """Stop claiming and end when running bodies have ended; called again, hand them back at once."""
        if self._stopping.is_set():
            self._hurrying.set()
        self._stopping.set()

    async def __aenter__(self) -> Self:
        started = asyncio.Event()
        self._running = asyncio.create_task(self.run(started.set))
        try:
            await first_of(started.wait(), _ended(self._running))
        except BaseException:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._stopping.set()
        if self._running is not None:
            await self._running

    @asynccontextmanager
    async def _hooks_around(self) -> AsyncIterator[None]:
        """Run the startup hooks of each queue, and at the end its shutdown hooks, first in threads and processes."""
        async with AsyncExitStack() as stack:
            for queue in self.queues:
                queue.sync.lean_on(asyncio.get_running_loop())
                await queue.hooks.start_worker()
                stack.push_async_callback(queue.hooks.stop_worker)
            stack.push_async_callback(self._bodies.close)
            yield

    async def _begin(self, queue: Queue) -> Incarnation:
        refuse_in_import("starts a worker")
        incarnation = Incarnation(queue, self._capacity, self._bodies, self._lease)
        await incarnation.begin()
        return incarnation

    async def _begin_all(self, started: Callable[[], object]) -> list[Incarnation]:
        begun: list[Incarnation] = []
        try:
            for queue in self.queues:
                begun.append(await self._begin(queue))  # noqa: PERF401 -- those begun must be known if one fails
            started()
        except BaseException:
            await self._to_the_end(_all_of([incarnation.finish(0, self._hurrying) for incarnation in begun]))
            raise
        return begun

    async def _consume(self, queue: Queue, first: Incarnation) -> None:
        """Be one incarnation after another: a new one whenever the old one's lease was lost."""
        incarnation: Incarnation | None = first
        try:
            while incarnation is not None:
                await self._live(incarnation)
                incarnation = await self._begin_again(queue)
        finally:
            self._stopping.set()  # a worker that has lost one of its queues does not go on as if it had them all

    async def _live(self, incarnation: Incarnation) -> None:
        try:
            await incarnation.run(self._stopping)
        except BaseException:
            self._stopping.set()  # before the bodies here have ended: those of other queues may do so meanwhile
            raise
        finally:
            await incarnation.finish(self._shutdown_timeout, self._hurrying)

    async def _begin_again(self, queue: Queue) -> Incarnation | None:
        """Begin as soon as the store lets it; None if it is to stop before that."""
        delays = reconnect_delays()
        while not self._stopping.is_set():
            try:
                return await self._begin(queue)
            except StoreUnavailable as error:
                logger.warning("cannot register again, trying on: %s", error)
            except Exception:
                logger.exception("cannot register again, trying on")
            await first_of(self._stopping.wait(), asyncio.sleep(next(delays)))
        return None

    async def _to_the_end(self, work: Awaitable[object]) -> None:
        """Await what must not be cut short: being cancelled meanwhile is a stop, a second time a hurry."""
        ending = asyncio.ensure_future(work)
        cancelled = False
        while not ending.done():
            try:
                await asyncio.wait({ending})
            except asyncio.CancelledError:
                cancelled = True
                self.stop()
        ending.result()
        if cancelled:
            raise asyncio.CancelledError


async def _all_of(works: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Run all to their ends, whichever fails; then raise the first error in their order, having logged the others."""
    endings = await asyncio.gather(*works, return_exceptions=True)
    errors = [ending for ending in endings if isinstance(ending, BaseException)]
    for error in errors[1:]:
        logger.error("another queue of this worker failed too", exc_info=error)
    if errors:
        raise errors[0]


async def _ended(running: asyncio.Task[None]) -> None:
    """Return when a task has ended, raising what it raised; being cancelled leaves it alone."""
    await asyncio.wait({running})
    running.result()
