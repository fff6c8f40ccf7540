"""The wake-up of idle workers, across the event loops of several threads."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from aioqueue.drivers.memory.loops import call_on


@dataclass(slots=True, eq=False)
class Sleeper:
    """One wait in progress, on a loop of its own."""

    loop: asyncio.AbstractEventLoop
    woken: asyncio.Future[None]


def wake(sleeper: Sleeper) -> None:
    """End a wait that is not over yet."""
    if not sleeper.woken.done():
        sleeper.woken.set_result(None)


class Bell:
    """Wakes one sleeper a ring; a ring that nobody hears is kept for the next one. Used under the store's lock."""

    def __init__(self) -> None:
        self._sleepers: deque[Sleeper] = deque()
        self._kept = False

    def lie_down(self) -> Sleeper:
        """Begin a wait on the running loop; a kept ring ends it at once."""
        loop = asyncio.get_running_loop()
        sleeper = Sleeper(loop, loop.create_future())
        if self._kept:
            self._kept = False
            wake(sleeper)
        else:
            self._sleepers.append(sleeper)
        return sleeper

    def get_up(self, sleeper: Sleeper) -> bool:
        """End a wait; answer whether a ring was spent on it."""
        if sleeper in self._sleepers:
            self._sleepers.remove(sleeper)
            return False
        return True

    def ring_for_all(self) -> None:
        """Wake everyone."""
        for _ in range(len(self._sleepers) or 1):
            self.ring()

    def ring(self) -> None:
        """Wake the one who has waited longest."""
        while self._sleepers:
            sleeper = self._sleepers.popleft()
            if call_on(sleeper.loop, wake, sleeper):
                return
        self._kept = True
