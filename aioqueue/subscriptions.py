"""Topics of the store that somebody here hears: each is subscribed to once, from its first reader to its last."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final, TypeAlias

from aioqueue.drivers.base import Driver, HearNews
from aioqueue.errors import StoreUnavailable

logger: Final = logging.getLogger("aioqueue")

Change: TypeAlias = Callable[[], Awaitable[None]]


class _Shared:
    """How many read a topic, and the asyncio.Task that began it."""

    def __init__(self, beginning: asyncio.Task[None]) -> None:
        self.beginning = beginning
        self.readers = 0


class Subscriptions:
    """Subscribes and unsubscribes with one driver. Belongs to one running loop.

    What is done in the store is done by tasks of its own, one after the other for each topic: so a reader that is
    cancelled, however often, leaves nothing half done, and `close` awaits them.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._shared: dict[str, _Shared] = {}
        self._changes: dict[str, asyncio.Task[None]] = {}  # the last one of each topic, until it is done
        self._closed = False

    @asynccontextmanager
    async def to(self, topic: str, hear: HearNews) -> AsyncIterator[None]:
        """Have `hear(topic, data)` called for the length of a block; of those who share a topic the first one's is.

        Raises what the driver raises, at all who wait for it, and `StoreUnavailable` when it is closed meanwhile.
        """
        shared = self._shared.get(topic)
        if shared is None:
            shared = self._shared[topic] = _Shared(self._change(topic, partial(self._driver.subscribe, topic, hear)))
        shared.readers += 1
        try:
            await asyncio.wait([shared.beginning])
            if shared.beginning.cancelled():
                raise StoreUnavailable("the queue was closed while its news were subscribed to")
            shared.beginning.result()
            yield
        finally:
            shared.readers -= 1
            if not shared.readers and not self._closed:
                del self._shared[topic]
                await asyncio.wait([self._change(topic, partial(self._driver.unsubscribe, topic))])

    async def close(self) -> None:
        """End what is under way. The subscriptions themselves end with the driver, which is closed next."""
        self._closed = True
        while changes := [*self._changes.values()]:
            for change in changes:
                change.cancel()
            await asyncio.wait(changes)

    def _change(self, topic: str, change: Change) -> asyncio.Task[None]:
        task = asyncio.create_task(_after(self._changes.get(topic), change))
        self._changes[topic] = task
        task.add_done_callback(lambda done: self._changed(topic, done))
        return task

    def _changed(self, topic: str, done: asyncio.Task[None]) -> None:
        if self._changes.get(topic) is done:
            del self._changes[topic]
        if not done.cancelled() and (error := done.exception()) is not None:
            logger.debug("the subscription to %s was not changed: %s", topic, error)  # whoever waits is told


async def _after(earlier: asyncio.Task[None] | None, change: Change) -> None:
    if earlier is not None:
        await asyncio.wait([earlier])
    await change()
