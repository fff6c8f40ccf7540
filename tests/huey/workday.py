"""A worker that is run by hand, and the store's clock moved under it."""

from __future__ import annotations

from aioqueue import Queue
from aioqueue.worker.periodic import Firing
from aioqueue.worker.storeclock import StoreClock
from tests.core.stores import eventually


class Workday:
    """Runs what is due, now or after time has passed; nothing sleeps."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    async def work(self) -> None:
        """Run all that is due, and what comes of it."""
        await self._queue.worker().drain()

    async def later(self, seconds: float) -> None:
        """Let `seconds` pass, fire the periodic tasks that are due by then, and run all that is due."""
        driver = (await self._queue.session()).driver
        firing = Firing(driver, self._queue.periodic, StoreClock(), self._queue.signals)
        await firing.look()
        await driver.shift(seconds)
        await firing.fire()
        await self.work()

    async def heard(self) -> None:
        """Wait until someone listens to the events of the queue."""
        driver = (await self._queue.session()).driver

        async def is_heard() -> bool:
            await driver.claim("nobody", batch=0, limit=1, suspects=0)  # any answer tells of an audience
            return driver.audience

        await eventually(is_heard)
