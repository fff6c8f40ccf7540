"""How many bodies may run at once in a worker, over all its queues."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable


class Capacity:
    """A count of slots. Whoever frees one offers it to the queues in turn, so that none starves another."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self.free = slots
        self._takers: deque[Callable[[], None]] = deque()

    def join(self, take: Callable[[], None]) -> None:
        """Add a taker: it is called whenever a slot has become free and takes what it can use."""
        self._takers.append(take)

    def leave(self, take: Callable[[], None]) -> None:
        """Remove a taker."""
        self._takers.remove(take)

    def take(self) -> bool:
        """Take a slot if one is free."""
        if self.free == 0:
            return False
        self.free -= 1
        return True

    def give_back(self) -> None:
        """Free a slot and offer it."""
        self.free += 1
        self._takers.rotate(-1)
        for take in tuple(self._takers):
            take()
