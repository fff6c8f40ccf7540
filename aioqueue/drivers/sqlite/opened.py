"""What a driver has while it is open: a thread with the file, a bell, and those who wait on this loop."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from aioqueue.drivers.base import Hear
from aioqueue.drivers.sqlite.bell import JOBS, RESULTS, TOPICS, Bell
from aioqueue.drivers.sqlite.handover import HandOver
from aioqueue.drivers.sqlite.listening import Listening
from aioqueue.drivers.sqlite.looking import data_version
from aioqueue.drivers.sqlite.ringing import hear_jobs
from aioqueue.drivers.sqlite.subscribing import Subscribing
from aioqueue.drivers.sqlite.transaction import News
from aioqueue.drivers.sqlite.wakes import Wakes
from aioqueue.drivers.sqlite.writer import Writer
from aioqueue.errors import StoreUnavailable

POLL_EVERY: Final = 0.05


class Opened:
    """Starts and stops these parts together, and leads what comes from outside to whom it concerns."""

    def __init__(self, path: Path, queue: str) -> None:
        self.process: Final = os.getpid()
        self.hand_over: Final = HandOver(path, self._hear_news, self._ask_again)
        self.wakes: Final = Wakes()
        self.subscribing: Final = Subscribing(self.hand_over)
        self._bell = Bell()
        self._writer = Writer(path, queue, self._bell.address, self.hand_over)
        self._listening: Listening | None = None
        self._polling: asyncio.Task[None] | None = None
        self._hears_jobs = False

    async def start(self) -> None:
        """Open the file, or raise why it cannot be opened."""
        try:
            await self._writer.start()
        except BaseException:
            self.abandon()
            raise
        self._bell.listen(self.hand_over.loop, self._hear_rings)
        if self._bell.is_mute:
            self._polling = asyncio.create_task(self._poll())

    async def close(self) -> None:
        """Stop everything; what was handed over is finished first."""
        self.abandon()  # first, so that a close which is cancelled leaves nothing running
        self.wakes.ring()
        if self._polling:
            self._polling.cancel()
            await asyncio.wait({self._polling})
        if self._listening:
            await self._listening.close()
        await self.subscribing.close()
        await self._writer.join()

    def abandon(self) -> None:
        """Let go of the file and the bell without waiting; the thread ends by itself."""
        self.hand_over.close()
        self._bell.close(self.hand_over.loop)

    def disown(self) -> None:
        """Let go of what was inherited in a fork, and disturb nothing of the process that owns it."""
        self._bell.disown()

    async def wait(self, incarnation: str, timeout: float) -> None:
        """Wait for a ring; the first wait has the bell rung for jobs, and returns since one may have been missed."""
        if self._hears_jobs:
            await self.wakes.wait(incarnation, timeout)
        else:
            await self.hand_over.write(hear_jobs)
            self._hears_jobs = True

    async def listen(self, hear: Hear) -> None:
        """Have results told to `hear`."""
        if self._listening:
            await self._listening.close()
        self._listening = Listening(self.hand_over, hear)

    def _hear_news(self, news: News) -> None:
        if news.jobs:
            self.wakes.ring()
        if news.heard and self._listening:
            self._listening.tell(news.heard)

    def _ask_again(self) -> None:
        """Look at everything in a file that took the place of the old one, and subscribe there."""
        self.subscribing.renew()
        self._hear_rings({JOBS, RESULTS, TOPICS})

    def _hear_rings(self, kinds: set[bytes]) -> None:
        if JOBS in kinds:
            self.wakes.ring()
        if RESULTS in kinds and self._listening:
            self._listening.ring()
        if TOPICS in kinds:
            self.subscribing.ring()

    async def _poll(self) -> None:
        """Take every commit of others for a ring, where no bell can be hung."""
        seen = 0
        while True:
            await asyncio.sleep(POLL_EVERY)
            if not (self.wakes.is_awaited or self._listening or self.subscribing.is_used):
                continue
            with suppress(StoreUnavailable):
                version = await self.hand_over.read(data_version)
                if version != seen:
                    seen = version
                    self._hear_rings({JOBS, RESULTS, TOPICS})
