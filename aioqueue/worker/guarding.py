"""Passing the guards of a body, and giving back what was taken there when it has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

from aioqueue.drivers.base import Driver
from aioqueue.guards import Guard
from aioqueue.worker.ending import Ending
from aioqueue.worker.persistence import persistently
from aioqueue.worker.run import Run


class Guarding:
    """What the bodies of one incarnation hold, those included that a thread is still inside of after its job's end."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._outlasting: set[asyncio.Task[None]] = set()

    async def run(self, run: Run, guards: tuple[Guard, ...], body: Callable[[Run], Awaitable[Ending]]) -> Ending:
        """Pass the guards and run the body; one that keeps it out, or fails, is the ending."""
        async with AsyncExitStack() as passes:
            try:
                for guard in guards:
                    passed = await guard.take(self._driver, run.arguments_by_name(), persistently)
                    passes.push_async_callback(passed.give_back)
            except asyncio.CancelledError:
                raise
            except BaseException as error:  # noqa: BLE001 -- the name of a lock may be a function of the application
                return run.raised(error)
            try:
                return await body(run)
            finally:
                if run.left_behind is not None:
                    self._keep(passes.pop_all(), run.left_behind)

    async def end(self) -> None:
        """Give back what is still held: the jobs it was held for are about to run elsewhere, or have ended."""
        for outlasting in self._outlasting:
            outlasting.cancel()
        await asyncio.gather(*self._outlasting, return_exceptions=True)

    def _keep(self, passes: AsyncExitStack, until: asyncio.Event) -> None:
        outlasting = asyncio.create_task(_give_back(passes, until))
        self._outlasting.add(outlasting)
        outlasting.add_done_callback(self._outlasting.discard)


async def _give_back(passes: AsyncExitStack, after: asyncio.Event) -> None:
    async with passes:
        await after.wait()
