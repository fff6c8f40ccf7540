"""Firing periodic tasks: each slot once, whichever worker comes first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from math import inf
from typing import Any, Final

from aioqueue.canvas.job import Job
from aioqueue.drivers.base import Driver
from aioqueue.events import tell_enqueued
from aioqueue.periodic import Periodic
from aioqueue.signals import Signals
from aioqueue.worker.persistence import persistently
from aioqueue.worker.storeclock import StoreClock

logger: Final = logging.getLogger("aioqueue")

_LONGEST_SLEEP: Final = 60.0


class Firing:
    """Sleeps until the next slot of any periodic task and fires it; the store lets each slot pass once.

    Time is the store's. At the start, and after a stall, slots that were missed are dealt with as each task's
    `misfire` says. A task whose schedule raises is logged once and left out.
    """

    def __init__(self, driver: Driver, tasks: Sequence[Periodic], clock: StoreClock, signals: Signals) -> None:
        self._driver = driver
        self._tasks = list(tasks)
        self._clock = clock
        self._signals = signals
        self._seen: dict[str, float] = {}
        self._upcoming: dict[str, float] = {}

    async def run(self) -> None:
        """Fire until cancelled."""
        await self.look()
        while True:
            now = await self.fire()
            upcoming = min(self._upcoming.values(), default=inf)
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
        for task in tuple(self._tasks):
            for slot, job in self._due_jobs(task, now):
                await self._fire(task.name, slot, job)
            self._seen[task.name] = now
        return now

    def _due_jobs(self, task: Periodic, now: float) -> list[tuple[float, Job[Any]]]:
        """Return the slots that are to be fired, each with its job, and note when the next one is.

        A schedule may be anyone's code: one that raises costs its own task only.
        """
        try:
            due = [(slot, task.job_for(slot)) for slot in task.due_slots(self._seen[task.name], now)]
            self._upcoming[task.name] = task.next_slot(now)
        except (Exception, SystemExit):
            logger.exception("the periodic task %s is fired no more here: when or what is unknown", task.name)
            self._tasks.remove(task)
            self._upcoming.pop(task.name, None)
            return []
        return due

    async def _fire(self, schedule: str, slot: float, job: Job[Any]) -> None:
        if await persistently("fire a periodic task", partial(self._driver.fire, schedule, slot, job.new_job())):
            await tell_enqueued(self._signals, self._driver, job)

    async def look(self) -> None:
        """Learn which slots were fired last; a schedule that never was starts now."""
        names = [task.name for task in self._tasks]
        now = await persistently("ask for the time", self._driver.now)
        fired = await persistently("look at schedules", partial(self._driver.last_slots, names))
        self._seen = {name: now if slot is None else slot for name, slot in zip(names, fired, strict=True)}
