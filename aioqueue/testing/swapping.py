"""Queues on other stores for the length of a test."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Self

from aioqueue.drivers.base import Driver
from aioqueue.drivers.memory import MemoryDriver, MemoryStore
from aioqueue.queue import Queue
from aioqueue.testing.asked import asked_queues


class Swap:
    """Called with queues, puts them on the store that `on` gives drivers of; at the end each is back on its own.

    Queues of one name share what is stored, as in any store. A queue that is open already stays so, and goes on
    where it was afterwards. One queue may be in several swaps, which end in any order: the last one to begin that has
    not ended counts.
    """

    def __init__(self, fixture: str, on: Callable[[Queue], Driver], *, immediate: bool = False) -> None:
        self._fixture = fixture
        self._on = on
        self._immediate = immediate
        self._swapped = ExitStack()

    def __call__(self, *queues: Queue) -> None:
        """Put queues on the test's store, until the end of the test."""
        for queue in asked_queues(self._fixture, queues):
            self._swapped.enter_context(queue.standing_on(self._on(queue), immediate=self._immediate))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._swapped.close()


def swap_to_memory(fixture: str, *, immediate: bool = False) -> Swap:
    """Return a swap to a memory store that nobody else has."""
    store = MemoryStore()
    return Swap(fixture, lambda queue: MemoryDriver(store, queue.name), immediate=immediate)
