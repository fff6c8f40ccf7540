"""Sweeping: find incarnations whose lease stands still, and hand on their jobs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import Final

from msgspec import Struct

from aioqueue.drivers.base import Driver, Lease
from aioqueue.logtext import many, one_line
from aioqueue.presence import announced
from aioqueue.worker.persistence import persistently

logger: Final = logging.getLogger("aioqueue")

READS_BEFORE_REAP: Final = 3
SWEEPS_PER_LEASE: Final = 4


class _Sighting(Struct):
    counter: int
    reads: int = 1
    stood_for: float = 0.0


class Sightings:
    """What one sweeper has seen of every lease, by its own monotonic clock.

    A lease is a counter, not a time: a store that stalls renews nobody and so condemns nobody. Nor does one that can be
    read and not written to, as on a full disk: time in which no lease at all moved, not even the sweeper's own, counts
    against none.
    """

    def __init__(self) -> None:
        self._seen: dict[str, _Sighting] = {}
        self._looked_at = 0.0

    def judge(self, leases: Sequence[Lease], now: float) -> list[Lease]:
        """Return the leases that stood still in at least three reads over at least their own length."""
        moved = any(self._moved(lease) for lease in leases)
        elapsed = now - self._looked_at if moved else 0.0
        self._seen = {lease.incarnation: self._look(lease, int(moved), elapsed) for lease in leases}
        self._looked_at = now
        return [lease for lease in leases if self._stands_still(lease)]

    def _moved(self, lease: Lease) -> bool:
        before = self._seen.get(lease.incarnation)
        return before is None or before.counter != lease.counter

    def _look(self, lease: Lease, reads: int, elapsed: float) -> _Sighting:
        if self._moved(lease):
            return _Sighting(lease.counter)
        sighting = self._seen[lease.incarnation]
        sighting.reads += reads
        sighting.stood_for += elapsed
        return sighting

    def _stands_still(self, lease: Lease) -> bool:
        sighting = self._seen[lease.incarnation]
        return sighting.reads >= READS_BEFORE_REAP and sighting.stood_for >= lease.seconds


class Reaper:
    """Sweeps the leases of one queue, on a clock of its own, whether the worker is idle or not."""

    def __init__(self, driver: Driver, lease_seconds: float) -> None:
        self._driver = driver
        self._interval = lease_seconds / SWEEPS_PER_LEASE
        self._sightings = Sightings()

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await self.sweep()
            await asyncio.sleep(self._interval)

    async def sweep(self) -> None:
        """Look at every lease once, and reap those that have stood still for long enough."""
        leases = await persistently("look for dead workers", self._driver.leases)
        for lease in self._sightings.judge(leases, asyncio.get_running_loop().time()):
            reap = partial(self._driver.reap, lease.incarnation, lease.counter)
            jobs = await persistently("reap a dead worker", reap)
            if jobs is not None:
                held = f"{many(jobs, 'job is', 'jobs are')} handed on" if jobs else "it held no jobs"
                logger.warning("the worker %s is dead: %s", known_as(lease), held)


def known_as(lease: Lease) -> str:
    """Return what people know a lease's holder by: where it ran and its name; if it told nothing, a short id."""
    said = announced(lease)
    if said is None:
        return one_line(lease.incarnation[:8])
    return one_line(f"{said.host}:{said.pid}" + (f" ({said.name})" if said.name else ""))
