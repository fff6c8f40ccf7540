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
from aioqueue.logtext import many, one_line
from aioqueue.queue import Queue
from aioqueue.worker.agreement import refuse_other_zone
from aioqueue.worker.announcing import Announcer
from aioqueue.worker.appetite import Appetite
from aioqueue.worker.backlog import Backlog
from aioqueue.worker.bodies import Bodies
from aioqueue.worker.capacity import Capacity
from aioqueue.worker.contact import Contact
from aioqueue.worker.control import Control
from aioqueue.worker.executor import Executor
from aioqueue.worker.fetcher import Fetcher
from aioqueue.worker.herald import Herald
from aioqueue.worker.holdings import Holdings
from aioqueue.worker.isolation import Isolation
from aioqueue.worker.lease import LeaseKeeper
from aioqueue.worker.periodic import Firing
from aioqueue.worker.persistence import persistently
from aioqueue.worker.racing import first_of
from aioqueue.worker.reaper import Reaper
from aioqueue.worker.scheduler import Scheduler
from aioqueue.worker.settler import Settler
from aioqueue.worker.station import Station
from aioqueue.worker.storeclock import StoreClock

logger: Final = logging.getLogger("aioqueue")

_LAST_WORDS: Final = 5.0
_CANCELLED_BODIES: Final = 2.0
_MOST_JOBS_NAMED: Final = 10


class Incarnation:
    """Has a random id that is never used again, a lease, and connections of its own; losing it loses only its jobs."""

    def __init__(self, queue: Queue, capacity: Capacity, bodies: Bodies, station: Station) -> None:
        self.id: str = uuid.uuid4().hex
        self.lost: Final = asyncio.Event()
        self.left_undone: bool = False
        self._contact = Contact()
        self._queue = queue
        self._driver = queue.driver()
        lease_seconds = self._lease_seconds = station.lease
        self._capacity = capacity
        self._holdings = Holdings()
        self.holdings: Final = self._holdings
        self._periodic = [task.in_zone(station.zone or queue.zone) for task in queue.periodic if station.periodic]
        zone = str(station.zone or queue.zone) if self._periodic else ""
        self._announcer = Announcer(station, zone, capacity.slots, self._holdings)
        self._reaper = Reaper(self._driver, lease_seconds)
        self._scheduler = Scheduler(self._driver)
        self._settler = Settler(self._driver, self.id, self._holdings, station.tally)
        clock, appetite = StoreClock(), Appetite(capacity.slots)
        self._firing = Firing(self._driver, self._periodic, clock, queue.signals)
        herald = Herald(queue.signals, self._driver)
        mishaps = station.mishaps
        self._executor = Executor(
            queue, self._driver, bodies, self._settler, herald, capacity, clock, appetite, mishaps
        )
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
            station.poll.starting(),
            self._contact,
            reconcile_every=lease_seconds / 2,
        )
        self._control = Control(self._driver, self.id, self._holdings, self._fetcher.settle_cancelled)
        self._isolation = Isolation(self._driver, self.id, self._holdings, self._settler, self._contact)
        self._lease = LeaseKeeper(
            queue.driver(),
            self.id,
            lease_seconds,
            lost=self.lost.set,
            cancel=self._control.cancel,
            announce=self._announcer.announce,
            cut_off=self._isolation.begin,
            back=self._fetcher.start_waiting,
            contact=self._contact,
        )
        self._settling: asyncio.Task[None] | None = None

    async def begin(self, *, is_ready: bool = False) -> None:
        """Connect, register and start to renew; raises `StoreUnavailable`, leaving nothing here that runs.

        With `is_ready` it says at once that this worker is ready to claim, as one that has claimed before is.
        Nothing is awaited once the lease is being renewed: whoever called has an incarnation then, which it can finish.
        """
        try:
            await self._driver.open()
            await self._driver.register(self.id, self._lease_seconds, self._say() if is_ready else b"")
            self._lease.start()
        except BaseException:
            await self._driver.close()
            raise
        self._capacity.join(self._fetcher.start_waiting)
        self._settling = asyncio.create_task(self._settler.run())

    @property
    def is_fresh(self) -> bool:
        """Whether its lease has been renewed within its length, and the store answered when it was last asked."""
        return self._lease.is_fresh and self._contact.answers

    async def announce(self) -> None:
        """Say that this worker is ready to claim. Raises `ConfigurationError` if it disagrees with a live one."""
        leases, now = await asyncio.gather(self._driver.leases(), self._driver.now())
        refuse_other_zone(self._announcer.zone, leases, now)
        await self._driver.renew(self.id, self._say())

    async def run(self, stopping: asyncio.Event) -> None:
        """Claim and run jobs until `stopping` is set or the lease is lost."""
        await first_of(
            stopping.wait(),
            self.lost.wait(),
            self._fetcher.run(),
            self._scheduler.run(),
            self._reaper.run(),
            self._settler_ends(),
            self._control.run(),
            self._isolation.run(),
            *([self._firing.run()] if self._periodic else []),
        )

    async def drain(self) -> None:
        """Run what is due, and what comes of it, until nothing is left that is due or the lease is lost."""
        await first_of(self.lost.wait(), self._run_what_is_due(), self._settler_ends(), self._isolation.run())

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
        """Let running bodies end for up to `patience` seconds or until `hurry`; hand back the rest at once.

        `left_undone` says afterwards whether there were jobs that could be neither settled nor handed back.
        """
        self._capacity.leave(self._fetcher.start_waiting)  # or a body that ends would start the next
        try:
            if self.lost.is_set():
                logger.warning("the lease of incarnation %s was lost: its jobs are dropped", self.id)
                await self._drop_bodies()
            else:
                await self._let_bodies_end(patience, hurry)
                if not await self._try_for(_LAST_WORDS, self._say_goodbye()):
                    self._leave_undone()
                await self._settler.tell_rest(_LAST_WORDS)
        finally:
            await self._end()

    async def _let_bodies_end(self, patience: float, hurry: asyncio.Event) -> None:
        if self._executor.running:
            running = many(self._executor.running, "job is", "jobs are")
            logger.info("stopping: %s running, for up to %g s more", running, patience)
            if self._lease.is_heard:
                await self._try_for(_LAST_WORDS, self._announce_stop())
        try:
            await self._try_for(_LAST_WORDS, self._fetcher.release_waiting())
            waiting = first_of(
                hurry.wait(), self.lost.wait(), self._executor.finish(patience), self._go_on_cancelling()
            )
            await self._try_for(math.inf, waiting)
        finally:
            await self._drop_bodies()

    async def _go_on_cancelling(self) -> None:
        """Cancel what is asked for until cancelled: who fails at that cuts no body's time short."""
        await self._try_for(math.inf, self._control.run())
        await asyncio.Event().wait()

    async def _announce_stop(self) -> None:
        self._announcer.stopping = True
        await self._driver.renew(self.id, self._say())

    def _say(self) -> bytes:
        """Return what there is to say now, having told it to the lease: its next renewal is not to say less."""
        info = self._announcer.announce()
        self._lease.say(info)
        return info

    async def _say_goodbye(self) -> None:
        """Settle the rest, and hand back what the store says is held; one budget of time for both.

        Signal handlers are not waited for here: the jobs of others are not to be kept for them.
        """
        if self._settling is not None:
            await first_of(self._settler.finish(), asyncio.wait({self._settling}))
        await self._lease.stop()
        handed_back = await persistently("hand back jobs", partial(self._driver.retire, self.id))
        if handed_back:
            logger.info("handed back: %s that had not ended", many(handed_back, "job"))

    def _leave_undone(self) -> None:
        """Say which jobs are left claimed by a lease that nobody renews; those whose outcome is settled are not."""
        jobs = sorted(self._holdings.tokens().keys() - self._settler.settled)
        if not jobs:
            logger.warning("stopped without an answer of the store: the lease of this worker is left to run out")
            return
        self.left_undone = True
        logger.error(
            "stopped without an answer of the store: %s neither settled nor handed back (%d of them had ended); "
            "others take them over when the lease of this worker has run out: %s%s",
            many(len(jobs), "job is", "jobs are"),
            len(self._settler.unsettled.intersection(jobs)),
            one_line(", ".join(jobs[:_MOST_JOBS_NAMED])),
            " ..." if len(jobs) > _MOST_JOBS_NAMED else "",
        )

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

    async def _try_for(self, seconds: float, last_word: Awaitable[object]) -> bool:
        """Answer whether a step of the end was taken; the last of them says what comes of it."""
        try:
            async with asyncio.timeout(seconds):
                await last_word
        except (TimeoutError, StoreUnavailable) as error:
            why = str(error) or "no answer in time"
            logger.debug("a step of the end of incarnation %s is left out: %s", self.id, why)
        except Exception:
            logger.exception("incarnation %s ends without a step that failed", self.id)
        else:
            return True
        return False
