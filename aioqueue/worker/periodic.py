"""Firing periodic tasks: each slot once, whichever worker comes first."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

from aioqueue.canvas.job import Job
from aioqueue.drivers.base import Driver
from aioqueue.events import tell_enqueued
from aioqueue.periodic import Periodic
from aioqueue.signals import Signals
from aioqueue.worker.persistence import persistently
from aioqueue.worker.storeclock import StoreClock

_LONGEST_SLEEP: Final = 60.0


class Firing:
    """Sleeps until the next slot of any periodic task and fires it; the store lets each slot pass once.

    Time is the store's. At the start, and after a stall, slots that were missed are dealt with as each task's
    `misfire` says.
    """

    def __init__(self, driver: Driver, tasks: Sequence[Periodic], clock: StoreClock, signals: Signals) -> None:
        self._driver = driver
        self._tasks = tasks
        self._clock = clock
        self._signals = signals
        self._seen: dict[str, float] = {}

    async def run(self) -> None:
        """Fire until cancelled."""
        await self._look()
        while True:
            now = await self.fire()
            upcoming = min(task.next_slot(self._seen[task.name]) for task in self._tasks)
            await self._sleep(min(max(upcoming - now, 0.0), _LONGEST_SLEEP))

    async def _sleep(self, seconds: float) -> None:
        """Sleep, unless the store's clock turns out to have been put forward or back."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._clock.jumped.wait()
        self._clock.jumped.clear()

    async def fire(self) -> float:
        """Fire what is due; answer the store's time at which that was judged."""
        now = await persistently("ask for the time", self._driver.now)
        for task in self._tasks:
            for slot in task.due_slots(self._seen[task.name], now):
                await self._fire(task.name, slot, task.job_for(slot))
            self._seen[task.name] = now
        return now

    async def _fire(self, schedule: str, slot: float, job: Job[Any]) -> None:
        if await persistently("fire a periodic task", partial(self._driver.fire, schedule, slot, job.new_job())):
            await tell_enqueued(self._signals, self._driver, job)

    async def _look(self) -> None:
        """Learn which slots were fired last; a schedule that never was starts now."""
        names = [task.name for task in self._tasks]
        now = await persistently("ask for the time", self._driver.now)
        fired = await persistently("look at schedules", partial(self._driver.last_slots, names))
        self._seen = {name: now if slot is None else slot for name, slot in zip(names, fired, strict=True)}
