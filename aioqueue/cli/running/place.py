"""A place for one supervised process: filled again whenever it becomes empty."""

from __future__ import annotations

import asyncio
import logging
import random
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Final

from aioqueue.cli.running.child import Child
from aioqueue.worker.racing import first_of

logger: Final = logging.getLogger("aioqueue")

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 30.0
_RAN_WELL: Final = 60.0


class Place:
    """Keeps one process running with `start`, which may raise OSError, until `stopping` or, in a burst, its own end.

    A process that fails is followed by another after a pause that doubles with every failure up to half a minute, and
    is short again for one that was ready for a minute.
    """

    def __init__(
        self, number: int, start: Callable[[int], Awaitable[Child]], stopping: asyncio.Event, *, burst: bool
    ) -> None:
        self.number = number
        self.child: Child | None = None
        self._start = start
        self._stopping = stopping
        self._burst = burst
        self._successor: Child | None = None
        self._failures = 0
        self._filling = asyncio.Lock()

    async def fill(self) -> Child | None:
        """Start a process if none was, however often it takes; None if it is to stop before that."""
        while self.child is None and not self._stopping.is_set():
            try:
                await self._fill_once()
            except OSError as error:
                self._failures += 1
                pause = self._pause()
                logger.error("worker %d cannot be started, next try in %.1f s: %s", self.number, pause, error)  # noqa: TRY400
                await self._wait(pause)
        return self.child

    async def keep(self) -> None:
        """Return when there is no need of a process here any more, and it has ended."""
        while True:
            child = await self.fill()
            if child is None:
                return
            await child.ended.wait()
            if self._successor is None:
                if self._is_over(child):
                    return
                await self._pause_after(child)
            self.child, self._successor = self._successor, None

    async def renew(self) -> bool:
        """Put a fresh process here and let the old one end when its jobs have; False if the fresh one did not start.

        The old one works until the fresh one is ready, so that code which does not start changes nothing.
        """
        async with self._filling:
            try:
                fresh = await self._start(self.number)
            except OSError as error:
                logger.error("worker %d cannot be started: %s", self.number, error)  # noqa: TRY400 -- one line
                return False
            if not await fresh.started():
                return False
            self._successor, old = fresh, self.child
            if old is not None:
                old.stop()
                await old.ended.wait()
        return True

    async def _fill_once(self) -> None:
        async with self._filling:
            self.child, self._successor = self._successor, None
            if self.child is None and not self._stopping.is_set():
                self.child = await self._start(self.number)

    def _is_over(self, child: Child) -> bool:
        return self._stopping.is_set() or (self._burst and child.code == 0 and not child.wants_another)

    async def _pause_after(self, child: Child) -> None:
        """Say how a process ended, and wait for as long as its place is to stay empty."""
        if child.code == 0 and child.ready.is_set():
            logger.info("%s has ended: another one takes its place", child)
            return
        lasted = time.monotonic() - child.ready_at if child.ready.is_set() else 0.0
        self._failures = 1 if lasted > _RAN_WELL else self._failures + 1
        pause = self._pause()
        logger.warning("%s %s: another one takes its place in %.1f s", child, _how(child.code or 0), pause)
        await self._wait(pause)

    def _pause(self) -> float:
        longest: float = min(_FIRST_PAUSE * 2 ** min(self._failures - 1, 20), _LONGEST_PAUSE)
        jitter = random.uniform(0.75, 1.0)  # noqa: S311 -- needs no secrecy
        return longest * jitter

    async def _wait(self, seconds: float) -> None:
        await first_of(self._stopping.wait(), asyncio.sleep(seconds))


def _how(code: int) -> str:
    if code >= 0:
        return f"failed with exit code {code}" if code else "ended before it was ready"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
