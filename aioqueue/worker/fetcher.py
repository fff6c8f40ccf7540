"""Fetching: claim what there is room for, start it, sleep until there is more."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar

from aioqueue.drivers.base import Claimed, Driver
from aioqueue.errors import StoreUnavailable
from aioqueue.logtext import many
from aioqueue.worker.appetite import PATIENCE, Appetite
from aioqueue.worker.backlog import Backlog
from aioqueue.worker.capacity import Capacity
from aioqueue.worker.contact import Contact
from aioqueue.worker.executor import Executor
from aioqueue.worker.holdings import Holding, Holdings
from aioqueue.worker.persistence import persistently
from aioqueue.worker.poll import Poll
from aioqueue.worker.racing import first_of
from aioqueue.worker.scheduler import Scheduler
from aioqueue.worker.storeclock import StoreClock

logger: Final = logging.getLogger("aioqueue")

_LARGEST_CLAIM: Final = 1_000
_CLAIMED_ASLEEP: Final = 1  # what a worker takes with it that has died, or is cut off, while it slept
_TURNS_OF_A_SHORT_JOB: Final = 3  # of the loop: to run, to be settled and to be on its way; somebody may be waiting

T = TypeVar("T")


class Fetcher:
    """Claims for one incarnation, never more than there are slots for plus a small prefetch.

    `reconcile_every` seconds, and after every lost connection, it compares the store's claims with its own and
    releases those it does not know: claims whose reply was lost.
    """

    def __init__(  # noqa: PLR0917 -- the parts of one incarnation, wired once
        self,
        driver: Driver,
        incarnation: str,
        holdings: Holdings,
        capacity: Capacity,
        executor: Executor,
        scheduler: Scheduler,
        clock: StoreClock,
        appetite: Appetite,
        backlog: Backlog,
        poll: Poll,
        contact: Contact,
        reconcile_every: float,
    ) -> None:
        self._driver = driver
        self._incarnation = incarnation
        self._holdings = holdings
        self._capacity = capacity
        self._executor = executor
        self._scheduler = scheduler
        self._clock = clock
        self._reconcile_every = reconcile_every
        self._reconciled_at = asyncio.get_running_loop().time()
        self._appetite = appetite
        self._backlog = backlog
        self._poll = poll
        self._contact = contact
        self._was_not_told = False
        self._batch = 0
        self.asked_for_suspects: bool = True

    async def run(self) -> None:
        """Claim and start jobs until cancelled."""
        claimed = await self.fetch()
        while True:
            for _ in range(1 if claimed.more else _TURNS_OF_A_SHORT_JOB):
                await asyncio.sleep(0)
            await self._reconcile_in_time()
            if claimed.more or self._room() <= 0:
                claimed = await self.fetch()
            else:
                claimed = await self._wait_for_jobs()

    async def fetch(self) -> Claimed:
        """Wait until there is room, claim once as much as there is room for, and start what there are slots for."""
        await self._wait_for_room()
        self._batch += 1
        self.asked_for_suspects = not self._holdings.suspects
        return self._take_in(await self._claim(min(self._room(), _LARGEST_CLAIM)))

    def start_waiting(self) -> None:
        """Start what can be started of the jobs that wait here; then there may be room for more."""
        while not self._contact.is_cut_off and (holding := self._backlog.take_startable()) is not None:
            self._executor.start(holding)
        self._holdings.changed.set()

    def settle_cancelled(self, holding: Holding) -> None:
        """Settle a job that waits here for a slot although someone has cancelled it."""
        if self._backlog.remove(holding):
            self._executor.settle_cancelled(holding)

    async def _claim(self, limit: int) -> Claimed:
        """Claim, or learn what the batch of this number has claimed."""
        return await persistently("claim jobs", partial(self._claim_once, limit))

    async def _claim_once(self, limit: int) -> Claimed:
        with self._contact:
            return await self._driver.claim(self._incarnation, self._batch, limit, int(self.asked_for_suspects))

    async def release_waiting(self) -> None:
        """Hand back all jobs that were claimed and not started."""
        await self._release(self._backlog.take_older(math.inf))

    async def _release(self, waiting: Sequence[Holding]) -> None:
        claims = {holding.claim.id: holding.claim.token for holding in waiting}
        if not claims:
            return
        await self._hand_back(claims)
        for job_id, token in claims.items():
            self._holdings.remove(job_id, token)

    async def _hand_back(self, claims: Mapping[str, int]) -> None:
        await persistently("release jobs", partial(self._driver.release, self._incarnation, claims))

    def _take_in(self, claimed: Claimed) -> Claimed:
        self._clock.set(claimed.now)
        self._scheduler.notice(claimed.due_in)
        now = asyncio.get_running_loop().time()
        for claim in claimed.jobs:
            holding = self._holdings.add(claim, now)
            if holding is not None:
                self._backlog.add(holding)
        self.start_waiting()
        return claimed

    def _room(self) -> int:
        if self._contact.is_cut_off:
            return 0
        limit, waiting, slots = self._appetite.limit, len(self._backlog), self._capacity.slots
        in_hand = self._executor.running + waiting
        ahead = max(limit - slots, 0)
        # A queue may take its share ahead even if others have all the slots: then it is offered the next one.
        startable = max(self._capacity.free + ahead - waiting, self._capacity.share - in_hand)
        # Bodies that have ended hold no slot, yet until they are settled their jobs are in hand: as many again.
        return min(startable, limit - in_hand, 2 * slots + ahead - len(self._holdings))

    async def _wait_for_room(self) -> None:
        await self._release_stale()
        while self._room() <= 0:
            self._holdings.changed.clear()
            await self._change(self._stale_at())
            await self._release_stale()

    async def _release_stale(self) -> None:
        """Hand back jobs that have waited here for longer than `PATIENCE`: others may be idle, and go first then."""
        loop = asyncio.get_running_loop()
        stale = self._backlog.take_older(loop.time() - PATIENCE)
        if stale:
            self._appetite.punish(self._executor.running)
            await self._release(stale)
            self._holdings.changed.clear()
            await self._change(loop.time() + PATIENCE)

    def _stale_at(self) -> float | None:
        """Return when the next job will have waited here for `PATIENCE`, in the loop's time."""
        oldest = self._backlog.oldest
        return None if oldest is None else oldest + PATIENCE

    async def _change(self, latest: float | None) -> None:
        """Return when there may be room, or at `latest`, if that is given."""
        if latest is None:
            await self._holdings.changed.wait()
            return
        too_late = asyncio.get_running_loop().call_at(latest, self._holdings.changed.set)
        try:
            await self._holdings.changed.wait()
        finally:
            too_late.cancel()

    async def _wait_for_jobs(self) -> Claimed:
        """Sleep until there may be jobs, and claim."""
        if self._holdings.suspects or len(self._backlog):
            # The store wakes nobody when this worker's own suspect ends, and the next one may stand in line.
            claimed = await self._wait_for_jobs_or_change()
        elif self.asked_for_suspects:
            claimed = await self._claim_when_woken()
        else:
            claimed = await self.fetch()
        if claimed.jobs and self._was_not_told:
            self._poll.doubt()
        self._was_not_told = False
        return claimed

    async def _wait_for_jobs_or_change(self) -> Claimed:
        self._holdings.changed.clear()
        woken, _ = await first_of(self._sleep(self._woken), self._change(self._stale_at()))
        if woken and self._room() <= 0:
            await self._wake_another()
        return await self.fetch()

    async def _wake_another(self) -> None:
        """Claim a job and hand it back: nobody else may have been woken for it, and whoever is woken now has room."""
        self._batch += 1
        claims = {claim.id: claim.token for claim in (await self._claim(_CLAIMED_ASLEEP)).jobs}
        if claims:
            await self._hand_back(claims)

    async def _woken(self, timeout: float) -> bool:
        await self._driver.wait(self._incarnation, timeout)
        return True

    async def _claim_when_woken(self) -> Claimed:
        """Sleep until there may be jobs, and claim one in the same request; the answer says whether there are more."""
        self._batch += 1
        claim = partial(self._driver.claim_when_woken, self._incarnation, self._batch, _CLAIMED_ASLEEP, 1)
        claimed = await self._sleep(claim)
        return self._take_in(await self._claim(_CLAIMED_ASLEEP) if claimed is None else claimed)

    async def _sleep(self, until_woken: Callable[[float], Awaitable[T]]) -> T | None:
        """Return what a sleep in the store ends with; None if the store is away, which only the next request tells."""
        loop, wait = asyncio.get_running_loop(), min(self._poll.next(), self._reconcile_every)
        began = loop.time()
        try:
            with self._contact:
                answer = await until_woken(wait)
        except StoreUnavailable:
            self._reconciled_at = -math.inf
            self._poll.doubt()
            return None
        self._was_not_told = loop.time() - began >= wait
        return answer

    async def _reconcile_in_time(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._reconciled_at < self._reconcile_every:
            return
        self._reconciled_at = now
        in_hand = self._holdings.tokens()  # before asking: a claim may end while the answer is on its way
        holds = partial(self._driver.claims, self._incarnation)
        stored = await persistently("ask the store which jobs this worker holds", holds)
        unknown = {job_id: token for job_id, token in stored.items() if in_hand.get(job_id) != token}
        if unknown:
            logger.warning("released: %s that never arrived here", many(len(unknown), "claimed job"))
            await self._hand_back(unknown)
