"""Where a check plays: one fresh store, and any number of drivers on it, each standing for a process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeAlias

from aioqueue.drivers.base import Driver
from aioqueue.ids import new_id


class Stage:
    """Opens drivers on one store, and closes them all at the end."""

    def __init__(self, make: Callable[[str], Driver], drivers: AsyncExitStack) -> None:
        self._make = make
        self._drivers = drivers
        self._scene = new_id()

    async def driver(self, queue: str = "queue") -> Driver:
        """Open another driver on a queue of this stage, as another process would."""
        return await self.enter(self._make(f"{queue}-{self._scene}"))

    async def enter(self, driver: Driver) -> Driver:
        """Open a driver, to be closed at the end."""
        self._drivers.push_async_callback(driver.close)
        await driver.open()
        return driver


Check: TypeAlias = Callable[[Stage], Awaitable[None]]


@asynccontextmanager
async def stage_on(make: Callable[[str], Driver]) -> AsyncIterator[Stage]:
    """Set a stage on the store to which `make(queue name)` gives unopened drivers."""
    async with AsyncExitStack() as drivers:
        yield Stage(make, drivers)
