"""Promoting scheduled jobs: sleep until the next is due; a sooner one ends the sleep."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from aioqueue.drivers.base import Driver
from aioqueue.worker.persistence import persistently

_BATCH: Final = 1_000


class Scheduler:
    """Moves due jobs to the line. Learns of the next due time from the answers to claims; never polls."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._due_at: float | None = None
        self._sooner = asyncio.Event()

    def notice(self, due_in: float | None) -> None:
        """Take over when the next scheduled job is due, in seconds from now."""
        if due_in is None:
            return
        due_at = asyncio.get_running_loop().time() + due_in
        if self._due_at is None or due_at < self._due_at:
            self._due_at = due_at
            self._sooner.set()

    async def run(self) -> None:
        """Promote what becomes due, until cancelled."""
        while True:
            await self._sleep_until_due()
            await self.promote()

    async def promote(self) -> None:
        """Promote one batch of due jobs, and note when the next is due."""
        self._due_at = None
        self.notice(await persistently("promote scheduled jobs", partial(self._driver.promote, _BATCH)))

    async def _sleep_until_due(self) -> None:
        loop = asyncio.get_running_loop()
        while self._due_at is None or self._due_at > loop.time():
            self._sooner.clear()
            pause = None if self._due_at is None else self._due_at - loop.time()
            try:
                async with asyncio.timeout(pause):
                    await self._sooner.wait()
            except TimeoutError:
                return
