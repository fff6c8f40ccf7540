"""How many bodies may run at once in a worker, over all its queues."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["loop", "thread", "process"]


class Capacity:
    """Slots for bodies, and places for those of them that run in threads and in processes.

    Whoever frees one offers it to the queues in turn, so that none starves another.
    """

    def __init__(self, slots: int, threads: int, processes: int) -> None:
        self.slots = slots
        self.free: int = slots
        self._places: dict[Kind, int] = {"loop": slots, "thread": threads, "process": processes}
        self._takers: deque[Callable[[], None]] = deque()

    @property
    def share(self) -> int:
        """How many slots fall to one queue if all are busy: at least one."""
        return max(self.slots // max(len(self._takers), 1), 1)

    def join(self, take: Callable[[], None]) -> None:
        """Add a taker: it is called whenever a slot has become free and takes what it can use."""
        self._takers.append(take)

    def leave(self, take: Callable[[], None]) -> None:
        """Remove a taker."""
        self._takers.remove(take)

    def has_room_for(self, kind: Kind) -> bool:
        """Whether a body of this kind could start."""
        return self.free > 0 and self._places[kind] > 0

    def take(self, kind: Kind) -> None:
        """Take a slot, and the place that goes with it."""
        self.free -= 1
        self._places[kind] -= 1

    def give_back(self, kind: Kind) -> None:
        """Free a slot and its place, and offer them."""
        self.free += 1
        self._places[kind] += 1
        if len(self._takers) > 1:
            self._takers.rotate(-1)
        for take in tuple(self._takers):
            take()
