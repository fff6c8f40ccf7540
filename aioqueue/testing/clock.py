"""Moving the time of queues: what is stored of delays, slots, retries, expiry and leases, on any store."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Self

from aioqueue.drivers.base import Driver, Lease
from aioqueue.errors import StoreUnavailable
from aioqueue.options import Seconds, instant, seconds
from aioqueue.periodic import Periodic
from aioqueue.presence import announced, this_machine
from aioqueue.queue import Queue
from aioqueue.task import Task
from aioqueue.testing.apart import run_apart
from aioqueue.testing.asked import asked_queues
from aioqueue.worker.lease import RENEWALS_PER_LEASE
from aioqueue.worker.periodic import Firing
from aioqueue.worker.storeclock import StoreClock
from aioqueue.worker.worker import Worker

_PAST_THE_MOMENT: Final = 0.001  # a store's time has a millionth of a second, and `>` is not `>=`
_RENEWALS_WAITED_FOR: Final = 1.5
_BETWEEN_LOOKS: Final = 0.02


class Clock:
    """The time of some queues, which only it moves; what has moved is put back at the end of the test.

    Time jumps: what lay between is dealt with as after a stall of all workers. What is due is due, periodic tasks are
    fired as their `misfire` says, and leases that nobody renews are reaped. It is the store's time that moves. What a
    body sleeps, its `timeout`, and how long a result is waited for stay what they are, and so does `datetime.now()`.
    """

    def __init__(self, queues: Sequence[Queue]) -> None:
        self._queues = queues
        self._moved: list[tuple[Driver, float]] = []

    async def now(self) -> datetime:
        """Return the time of the (first) queue, with the time zone UTC."""
        return datetime.fromtimestamp(await _time_of(self._queues[0]), UTC)

    async def advance(self, by: Seconds) -> None:
        """Move time forward by so many seconds, or a timedelta.

        Returns when it has moved for all processes. What became due then is run by whatever worker there is.
        """
        length = seconds("by", by)
        for queue in self._queues:
            await self._move(queue, length)

    async def advance_to(self, moment: datetime) -> None:
        """Move time forward to a moment (a naive datetime is local time); `ValueError` for one that has passed."""
        target = instant("moment", moment)
        for queue in self._queues:
            length = target - await _time_of(queue)
            if length < 0:
                raise ValueError(f"it is {await self.now():%Y-%m-%d %H:%M:%S}Z already: time only moves forward")
            await self._move(queue, length + _PAST_THE_MOMENT)

    async def advance_to_slot(self, task: Task[[], Any]) -> datetime:
        """Move time forward to the next slot of a periodic task, which is fired then, and return that slot in UTC."""
        queue, periodic = self._periodic(task)
        slot = periodic.in_zone(queue.zone).next_slot(await _time_of(queue))
        await self.advance_to(datetime.fromtimestamp(slot, UTC))
        return datetime.fromtimestamp(slot, UTC)

    def put_back(self) -> None:
        """Put back the time of every store whose time was moved; one that is gone needs it no more."""
        moved, self._moved = self._moved, []
        for driver, length in moved:
            with suppress(StoreUnavailable):
                run_apart(partial(_shift_apart, driver, -length))

    def _periodic(self, task: Task[[], Any]) -> tuple[Queue, Periodic]:
        for queue in self._queues:
            for periodic in queue.periodic:
                if periodic.task is task:
                    return queue, periodic
        raise ValueError(f"{task!r} is no periodic task of a queue of this clock")

    async def _move(self, queue: Queue, length: float) -> None:
        session = await queue.session()
        driver = session.driver
        tasks = [task.in_zone(queue.zone) for task in queue.periodic]
        firing = Firing(driver, tasks, StoreClock(), queue.signals)
        await firing.look()
        self._moved.append((queue.driver(), length))
        await driver.shift(length)
        await firing.fire()
        await _reap_silent(driver, length)
        session.listener.ask_again()
        if session.immediate:
            await Worker(queue, concurrency=1).drain()


class Clocks:
    """Called with queues, gives the clock that moves their time; at the end the time of all is put back."""

    def __init__(self) -> None:
        self._clocks: list[Clock] = []

    def __call__(self, *queues: Queue) -> Clock:
        """Return the clock of these queues."""
        clock = Clock(asked_queues("aioqueue_clock", queues))
        self._clocks.append(clock)
        return clock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        for clock in self._clocks:
            clock.put_back()


async def _time_of(queue: Queue) -> float:
    return await (await queue.session()).driver.now()


async def _shift_apart(driver: Driver, length: float) -> None:
    try:
        await driver.open()
        await driver.shift(length)
    finally:
        await driver.close()


async def _reap_silent(driver: Driver, length: float) -> None:
    """Reap the leases that would have run out meanwhile, but for those that are renewed within a sixth of their length.

    That sixth is real time, in which whoever lives renews once. It is waited for only where there is no telling by the
    process: one of this machine that is gone is dead, and this one is alive.
    """
    leases = [lease for lease in await driver.leases() if lease.seconds <= length]
    unsure = [lease for lease in leases if _is_alive(lease) is None]
    silent = [lease for lease in leases if _is_alive(lease) is False]
    for lease in [*silent, *await _without_renewal(driver, unsure)]:
        await driver.reap(lease.incarnation, lease.counter)


async def _without_renewal(driver: Driver, leases: Sequence[Lease]) -> list[Lease]:
    """Return those of the leases that are not renewed while each holder should have done so."""
    loop = asyncio.get_running_loop()
    waits = [lease.seconds / RENEWALS_PER_LEASE * _RENEWALS_WAITED_FOR for lease in leases]
    until = loop.time() + max(waits, default=0.0)
    silent = list(leases)
    while silent and loop.time() < until:
        await asyncio.sleep(_BETWEEN_LOOKS)  # a store tells nobody of a renewal
        counters = {lease.incarnation: lease.counter for lease in await driver.leases()}
        silent = [lease for lease in silent if counters.get(lease.incarnation) == lease.counter]
    return silent


def _is_alive(lease: Lease) -> bool | None:
    """Tell whether the process that holds a lease runs; None if that cannot be told from here."""
    said = announced(lease)
    if said is None or not said.machine or said.machine != this_machine():
        return None
    if said.pid == os.getpid():
        return True
    try:
        os.kill(said.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return None
    return None  # it may hang, or be dead and not have been waited for
