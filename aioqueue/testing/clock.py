"""Moving the time of queues: what is stored of delays, slots, retries, expiry and leases, on any store."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, Self

from aioqueue.drivers.base import Driver, Lease
from aioqueue.options import Seconds, instant, seconds
from aioqueue.periodic import Periodic
from aioqueue.presence import announced, this_machine
from aioqueue.queue import Queue
from aioqueue.task import Task
from aioqueue.testing.asked import asked_queues
from aioqueue.testing.moves import Moves
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

    def __init__(self, queues: Sequence[Queue], moves: Moves) -> None:
        self._queues = queues
        self._moves = moves

    async def now(self) -> datetime:
        """Return the time of the (first) queue, with the time zone UTC."""
        return datetime.fromtimestamp(await _time_of(self._queues[0]), UTC)

    async def advance(self, by: Seconds) -> None:
        """Move time forward by so many seconds, or a timedelta.

        Returns when it has moved for all processes. What became due then is run by whatever worker there is.
        """
        length = seconds("by", by)
        firings = await self._firings()
        times = [await _time_of(queue) for queue in self._queues]
        await self._move([now + length for now in times], firings)

    async def advance_to(self, moment: datetime) -> None:
        """Move time forward to a moment (a naive datetime is local time); `ValueError` for one that has passed."""
        target = instant("moment", moment)
        firings = await self._firings()
        times = [await _time_of(queue) for queue in self._queues]
        if max(times) > target:
            raise ValueError(f"it is {_moment(max(times))}Z already: time only moves forward")
        await self._move([target + _PAST_THE_MOMENT] * len(times), firings)

    async def advance_to_slot(self, task: Task[[], Any]) -> datetime:
        """Move time forward to the next slot of a periodic task, which is fired then, and return that slot in UTC."""
        queue, periodic = self._periodic(task)
        firings = await self._firings()
        slot = periodic.in_zone(queue.zone).next_slot(await _time_of(queue))
        await self._move([slot + _PAST_THE_MOMENT] * len(self._queues), firings)
        return datetime.fromtimestamp(slot, UTC)

    def _periodic(self, task: Task[[], Any]) -> tuple[Queue, Periodic]:
        for queue in self._queues:
            for periodic in queue.periodic:
                if periodic.task is task:
                    return queue, periodic
        raise ValueError(f"{task!r} is no periodic task of a queue of this clock")

    async def _firings(self) -> list[Firing]:
        """Return what fires each queue's periodic tasks, as of now: a schedule that is new starts before the move."""
        return [await _firing(queue) for queue in self._queues]

    async def _move(self, targets: Sequence[float], firings: Sequence[Firing]) -> None:
        """Move each queue's time, unless it is that late already, and see to what is due then."""
        for queue, target in zip(self._queues, targets, strict=True):
            if await self._moves.move(queue, target):
                await _reap_silent((await queue.session()).driver, target)
        for queue, firing in zip(self._queues, firings, strict=True):
            await firing.fire()
            await _take_up(queue)


class Clocks:
    """Called with queues, gives the clock that moves their time; at the end the time of all is put back."""

    def __init__(self) -> None:
        self._moves = Moves()

    def __call__(self, *queues: Queue) -> Clock:
        """Return the clock of these queues."""
        return Clock(asked_queues("aioqueue_clock", queues), self._moves)

    def put_back(self) -> None:
        """Put back what was moved so far. A store that stays away is named in a `RuntimeWarning`."""
        self._moves.put_back()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.put_back()


def _moment(time: float) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S}"


async def _time_of(queue: Queue) -> float:
    return await (await queue.session()).driver.now()


async def _firing(queue: Queue) -> Firing:
    """Return what fires the periodic tasks of a queue, as of now."""
    tasks = [task.in_zone(queue.zone) for task in queue.periodic]
    firing = Firing((await queue.session()).driver, tasks, StoreClock(), queue.signals)
    await firing.look()
    return firing


async def _take_up(queue: Queue) -> None:
    """Ask again for what is awaited, whose registration may have run out; in immediate mode, run what is due."""
    session = await queue.session()
    session.listener.ask_again()
    if session.immediate:
        await Worker(queue, concurrency=1).drain()


async def _reap_silent(driver: Driver, now: float) -> None:
    """Reap the leases that have run out by `now`, but for those that are renewed within a sixth of their length.

    Several moves add up, and what passed between them counts too. That sixth is real time, in which whoever lives
    renews once. It is waited for only where there is no telling by the process: one of this machine that is gone is
    dead, and this one is alive.
    """
    leases = [lease for lease in await driver.leases() if now - lease.renewed_at >= lease.seconds]
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
