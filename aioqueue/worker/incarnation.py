"""One run of a worker on one queue: registered, claiming, and at the end gone without a trace."""

from __future__ import annotations

import asyncio
import logging
import math
import uuid
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

from aioqueue.errors import StoreUnavailable
from aioqueue.queue import Queue
from aioqueue.worker.appetite import Appetite
from aioqueue.worker.backlog import Backlog
from aioqueue.worker.bodies import Bodies
from aioqueue.worker.capacity import Capacity
from aioqueue.worker.control import Control
from aioqueue.worker.executor import Executor
from aioqueue.worker.fetcher import Fetcher
from aioqueue.worker.herald import Herald
from aioqueue.worker.holdings import Holdings
from aioqueue.worker.lease import LeaseKeeper
from aioqueue.worker.periodic import Firing
from aioqueue.worker.persistence import persistently
from aioqueue.worker.racing import first_of
from aioqueue.worker.reaper import Reaper
from aioqueue.worker.scheduler import Scheduler
from aioqueue.worker.settler import Settler
from aioqueue.worker.storeclock import StoreClock

logger = logging.getLogger("aioqueue")

_LAST_WORDS: Final = 5.0
_CANCELLED_BODIES: Final = 2.0


class Incarnation:
    """Has a random id that is never used again, a lease, and connections of its own; losing it loses only its jobs."""

    def __init__(self, queue: Queue, capacity: Capacity, bodies: Bodies, lease_seconds: float) -> None:
        self.id = uuid.uuid4().hex
        self.lost = asyncio.Event()
        self._queue = queue
        self._driver = queue.driver()
        self._lease_seconds = lease_seconds
        self._capacity = capacity
        self._holdings = Holdings()
        self._reaper = Reaper(self._driver, lease_seconds)
        self._scheduler = Scheduler(self._driver)
        self._settler = Settler(self._driver, self.id, self._holdings)
        clock, appetite = StoreClock(), Appetite(capacity.slots)
        self._firing = Firing(self._driver, queue.periodic, clock, queue.signals)
        herald = Herald(queue.signals, self._driver)
        self._executor = Executor(queue, self._driver, bodies, self._settler, herald, capacity, clock, appetite)
        self._fetcher = Fetcher(
            self._driver,
            self.id,
            self._holdings,
            capacity,
            self._executor,
            self._scheduler,
            clock,
            appetite,
            Backlog(queue.registry, capacity),
            reconcile_every=lease_seconds / 2,
        )
        self._control = Control(self._driver, self.id, self._holdings, self._fetcher.settle_cancelled)
        self._lease = LeaseKeeper(queue.driver(), self.id, lease_seconds, self.lost.set, self._control.cancel)
        self._settling: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Connect, register and start to renew; raises `StoreUnavailable`, leaving nothing here that runs.

        Nothing is awaited once the lease is being renewed: whoever called has an incarnation then, which it can finish.
        """
        try:
            await self._driver.open()
            await self._driver.register(self.id, self._lease_seconds, b"")
            self._lease.start()
        except BaseException:
            await self._driver.close()
            raise
        self._capacity.join(self._fetcher.start_waiting)
        self._settling = asyncio.create_task(self._settler.run())

    async def run(self, stopping: asyncio.Event) -> None:
        """Claim and run jobs until `stopping` is set or the lease is lost."""
        await first_of(
            stopping.wait(),
            self.lost.wait(),
            self._fetcher.run(),
            self._fetcher.return_stale(),
            self._scheduler.run(),
            self._reaper.run(),
            self._settler_ends(),
            self._control.run(),
            *([self._firing.run()] if self._queue.periodic else []),
        )

    async def drain(self) -> None:
        """Run what is due, and what comes of it, until nothing is left that is due or the lease is lost."""
        await first_of(self.lost.wait(), self._run_what_is_due(), self._settler_ends())

    async def _run_what_is_due(self) -> None:
        while True:
            await self._scheduler.promote()
            was_idle = not len(self._holdings)
            claimed = await self._fetcher.fetch()
            if claimed.jobs or claimed.due_in == 0:
                continue
            if len(self._holdings):
                self._holdings.changed.clear()
                await self._holdings.changed.wait()
            elif was_idle and self._fetcher.asked_for_suspects:
                return

    async def finish(self, patience: float, hurry: asyncio.Event) -> None:
        """Let running bodies end for up to `patience` seconds or until `hurry`; hand back the rest at once."""
        self._capacity.leave(self._fetcher.start_waiting)  # or a body that ends would start the next
        try:
            if self.lost.is_set():
                logger.warning("the lease of incarnation %s was lost: its jobs are dropped", self.id)
                await self._drop_bodies()
            else:
                await self._let_bodies_end(patience, hurry)
                await self._try_for(_LAST_WORDS, self._say_goodbye())
                await self._settler.tell_rest(_LAST_WORDS)
        finally:
            await self._end()

    async def _let_bodies_end(self, patience: float, hurry: asyncio.Event) -> None:
        if self._executor.running:
            logger.info("stopping: %d jobs are running, for up to %g s more", self._executor.running, patience)
        try:
            await self._try_for(_LAST_WORDS, self._fetcher.release_waiting())
            waiting = first_of(hurry.wait(), self.lost.wait(), self._executor.finish(patience), self._control.run())
            await self._try_for(math.inf, waiting)
        finally:
            await self._drop_bodies()

    async def _say_goodbye(self) -> None:
        """Settle the rest, and hand back what the store says is held; one budget of time for both.

        Signal handlers are not waited for here: the jobs of others are not to be kept for them.
        """
        if self._settling is not None:
            await first_of(self._settler.finish(), asyncio.wait({self._settling}))
        await self._lease.stop()
        handed_back = await persistently("hand back jobs", partial(self._driver.retire, self.id))
        if handed_back:
            logger.info("%d jobs that had not ended are handed back", handed_back)

    async def _settler_ends(self) -> None:
        """Raise what ended the settler, which is to outlive everything else here."""
        if self._settling is not None:
            await asyncio.wait({self._settling})
            self._settling.result()

    async def _drop_bodies(self) -> None:
        for holding in self._holdings:
            holding.drop()
        if not await self._executor.finish(_CANCELLED_BODIES):
            logger.warning("some tasks do not end although they were cancelled: they are left behind")
        await self._try_for(_LAST_WORDS, self._executor.let_go())

    async def _end(self) -> None:
        """Leave nothing here that runs: each step is taken, whatever those before it raise."""
        async with AsyncExitStack() as last_first:
            last_first.push_async_callback(self._driver.close)
            last_first.push_async_callback(self._lease.stop)
            last_first.push_async_callback(self._settler.abandon)
            last_first.push_async_callback(self._stop_settling)

    async def _stop_settling(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
            await asyncio.gather(self._settling, return_exceptions=True)

    async def _try_for(self, seconds: float, last_word: Awaitable[object]) -> None:
        try:
            async with asyncio.timeout(seconds):
                await last_word
        except (TimeoutError, StoreUnavailable):
            logger.warning("the store does not answer: the lease of this worker will be reaped")
        except Exception:
            logger.exception("incarnation %s ends without a step that failed", self.id)
