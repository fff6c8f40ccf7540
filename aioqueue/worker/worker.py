"""The worker: runs the jobs of one or more queues on the running loop."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from datetime import tzinfo
from typing import Any, Final, Self

from aioqueue import options as checked
from aioqueue.canvas.job import running_job
from aioqueue.children import refuse_in_import
from aioqueue.errors import StoreUnavailable
from aioqueue.lasting import Lasting, worker_values
from aioqueue.loops import running_loop
from aioqueue.options import Seconds
from aioqueue.queue import Queue
from aioqueue.retry import reconnect_delays
from aioqueue.worker.bodies import Bodies
from aioqueue.worker.capacity import Capacity
from aioqueue.worker.incarnation import Incarnation
from aioqueue.worker.loopwatch import LoopWatch
from aioqueue.worker.mishaps import Mishaps
from aioqueue.worker.poll import Poll
from aioqueue.worker.racing import first_of
from aioqueue.worker.station import Station
from aioqueue.worker.tally import Quota, Tally
from aioqueue.zones import zone_of

logger: Final = logging.getLogger("aioqueue")

SHORTEST_LEASE: Final = 0.1
SHORTEST_LOOP_LIMIT: Final = 0.01
LONGEST_NAME: Final = 200


class Worker:
    """Claims jobs, runs them, settles their outcomes; says so in the store while it is ready to claim.

    `concurrency` is how many bodies run at once, over all queues; `threads` how many of them in threads, `processes`
    how many in processes. `shutdown_timeout` is how many seconds a stop waits for running bodies before their jobs are
    handed back. `lease` is after how many seconds without a sign of life other workers take the jobs over.

    `periodic=False` leaves the firing of periodic tasks to others; `zone` is for schedules that name none, instead of
    the queue's own. `delay`, `max_delay` and `backoff`: the first wait, the longest, and the growth of the safety poll
    behind the push (`worker.poll`). After `max_tasks` jobs it stops. A loop that does not turn for `loop_limit` seconds
    is logged with what blocks it. `name` is shown wherever workers are listed.

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
        periodic: bool = True,
        zone: tzinfo | str | None = None,
        delay: Seconds = 0.1,
        max_delay: Seconds = 10.0,
        backoff: float = 1.15,
        max_tasks: int | None = None,
        loop_limit: Seconds = 1.0,
        name: str = "",
    ) -> None:
        self.queues: tuple[Queue, ...] = (queue, *more)
        self._capacity = Capacity(
            checked.count("concurrency", concurrency, least=1),
            checked.count("threads", threads, least=1),
            checked.count("processes", (os.cpu_count() or 1) if processes is None else processes, least=1),
        )
        self._bodies = Bodies()
        self._shutdown_timeout = checked.seconds("shutdown_timeout", shutdown_timeout)
        self._lease = max(checked.seconds("lease", lease), SHORTEST_LEASE)
        self._periodic = periodic
        self._zone = zone_of(zone)
        self._poll = Poll(delay, max_delay, backoff)
        self._quota = (
            None if max_tasks is None else Quota(checked.count("max_tasks", max_tasks, least=1), self._be_done)
        )
        self._loop_limit = max(checked.seconds("loop_limit", loop_limit), SHORTEST_LOOP_LIMIT)
        self._name = _checked_name(name)
        self._incarnations: dict[Queue, Incarnation] = {}
        self._stopping = asyncio.Event()
        self._hurrying = asyncio.Event()
        self._was_told = False  # to stop; by itself it stops after `max_tasks`, or when a queue is lost
        self._left_undone = False
        self._running: asyncio.Task[None] | None = None

    @property
    def healthy(self) -> bool:
        """Whether it works on every queue, each lease renewed within its length and the store there when last asked.

        Looking is cheap, and asks no store.
        """
        working = [self._incarnations.get(queue) for queue in self.queues]
        return all(incarnation is not None and incarnation.is_fresh for incarnation in working)

    @property
    def left_undone(self) -> bool:
        """Whether it ended with jobs that it could neither settle nor hand back, as when the store was away.

        They run again elsewhere once the lease has run out, even those that had ended.
        """
        return self._left_undone

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
        async with self._hooks_around(), self._watching() as watch:
            stations = {queue: self._station(watch) for queue in self.queues}
            first = await self._begin_all(stations, started)
            lives = zip(stations.items(), first, strict=True)
            await self._to_the_end(
                _all_of([self._consume(queue, station, incarnation) for (queue, station), incarnation in lives])
            )

    async def drain(self, *, raise_errors: bool = False) -> None:
        """Run what is due, retries and successors included, and return; what is due later is left in the schedule.

        With `raise_errors`, raises afterwards what went wrong in jobs whose last try here failed: one error as it is,
        several as an `ExceptionGroup`. An error that a body raised in this process is that very exception.
        """
        mishaps = Mishaps() if raise_errors else None
        async with self._hooks_around(), self._watching() as watch:
            for queue in self.queues:
                incarnation = await self._begin(queue, self._station(watch, mishaps))
                try:
                    await self._to_the_end(self._drain(incarnation))
                finally:
                    self._incarnations.pop(queue, None)
        if mishaps is not None:
            mishaps.raise_all()

    async def _drain(self, incarnation: Incarnation) -> None:
        try:
            await first_of(incarnation.drain(), self._stopping.wait())
        finally:
            await self._finish(incarnation, self._shutdown_timeout)

    def stop(self) -> None:
        """Stop claiming and end when running bodies have ended; called again, hand them back at once."""
        if self._was_told:
            self._hurrying.set()
        self._was_told = True
        self._stopping.set()

    async def __aenter__(self) -> Self:
        started = asyncio.Event()
        self._running = running_loop().create_task(self.run(started.set))
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
        """Run the startup hooks of each queue, and at the end its shutdown hooks, first in threads and processes.

        What its tasks depend on that lives as long as it is closed in between.
        """
        async with AsyncExitStack() as stack:
            loop = running_loop()
            for queue in self.queues:
                queue.sync.lean_on(loop)
                await queue.hooks.start_worker()
                stack.push_async_callback(queue.hooks.stop_worker)
            lasting = Lasting()
            stack.callback(worker_values.reset, worker_values.set(lasting))
            stack.push_async_callback(lasting.close)
            stack.push_async_callback(self._bodies.close)
            yield

    @asynccontextmanager
    async def _watching(self) -> AsyncIterator[LoopWatch]:
        watch = LoopWatch(self._loop_limit, self._job_in)
        watch.start()
        try:
            yield watch
        finally:
            await watch.stop()

    def _job_in(self, task: asyncio.Task[Any]) -> tuple[str, str] | None:
        """Return id and task of the job whose body an asyncio.Task is, or from Python 3.12 on, has begun."""
        for incarnation in tuple(self._incarnations.values()):
            holding = incarnation.holdings.running_in(task)
            if holding is not None:
                return holding.claim.id, holding.claim.task
        context: Mapping[ContextVar[Any], Any] = getattr(task, "get_context", dict)()
        job = context.get(running_job)
        return (job.id, job.task_name) if job is not None else None

    def _station(self, watch: LoopWatch, mishaps: Mishaps | None = None) -> Station:
        tally = Tally() if self._quota is None else Tally(self._quota.spend)
        return Station(
            self._name, time.time(), self._lease, self._periodic, self._zone, self._poll, tally, watch, mishaps
        )

    def _be_done(self) -> None:
        logger.info("stopping: this worker has run as many jobs as it was to run")
        self._stopping.set()

    async def _begin(self, queue: Queue, station: Station, *, is_ready: bool = False) -> Incarnation:
        refuse_in_import("starts a worker")
        incarnation = Incarnation(queue, self._capacity, self._bodies, station)
        await incarnation.begin(is_ready=is_ready)
        self._incarnations[queue] = incarnation
        return incarnation

    async def _begin_all(self, stations: Mapping[Queue, Station], started: Callable[[], object]) -> list[Incarnation]:
        begun: list[Incarnation] = []
        try:
            for queue, station in stations.items():
                begun.append(await self._begin(queue, station))
            for incarnation in begun:
                await incarnation.announce()
            started()
        except BaseException:
            self._incarnations.clear()
            await self._to_the_end(_all_of([self._finish(incarnation, 0) for incarnation in begun]))
            raise
        return begun

    async def _consume(self, queue: Queue, station: Station, first: Incarnation) -> None:
        """Be one incarnation after another: a new one whenever the old one's lease was lost."""
        incarnation: Incarnation | None = first
        try:
            while incarnation is not None:
                await self._live(incarnation)
                self._incarnations.pop(queue, None)
                incarnation = await self._begin_again(queue, station)
        finally:
            self._incarnations.pop(queue, None)
            self._stopping.set()  # a worker that has lost one of its queues does not go on as if it had them all

    async def _live(self, incarnation: Incarnation) -> None:
        try:
            await incarnation.run(self._stopping)
        except BaseException:
            self._stopping.set()  # before the bodies here have ended: those of other queues may do so meanwhile
            raise
        finally:
            await self._finish(incarnation, self._shutdown_timeout)

    async def _finish(self, incarnation: Incarnation, patience: float) -> None:
        try:
            await incarnation.finish(patience, self._hurrying)
        finally:
            self._left_undone |= incarnation.left_undone

    async def _begin_again(self, queue: Queue, station: Station) -> Incarnation | None:
        """Begin as soon as the store lets it; None if it is to stop before that."""
        delays = reconnect_delays()
        while not self._stopping.is_set():
            try:
                return await self._begin(queue, station, is_ready=True)
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


def _checked_name(name: str) -> str:
    """Return a name that can be announced: a worker whose announcement cannot be read is in no list."""
    if name != "" and not checked.is_text(name, LONGEST_NAME):
        raise ValueError(f"name= takes a text of up to {LONGEST_NAME} characters, not {name!r}")
    return name


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
