"""A line of queued jobs: higher priority first, first in first out within one, every move O(1)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from itertools import chain

from aioqueue.drivers.base import PRIORITIES
from aioqueue.drivers.memory.record import Record


class Line:
    """Queued jobs in the order in which they are claimed; `place` grows from the head of a priority to its back."""

    def __init__(self) -> None:
        self._lanes: dict[int, OrderedDict[str, Record]] = {
            priority: OrderedDict() for priority in reversed(PRIORITIES)
        }
        self._length = 0
        self._first = 0
        self._last = 0

    def append(self, record: Record) -> None:
        """Stand a job at the back of its priority."""
        self._last += 1
        record.place = self._last
        self._lanes[record.priority][record.id] = record
        self._length += 1

    def prepend(self, record: Record) -> None:
        """Stand a job at the head of its priority."""
        self._first -= 1
        record.place = self._first
        lane = self._lanes[record.priority]
        lane[record.id] = record
        lane.move_to_end(record.id, last=False)
        self._length += 1

    def take(self, limit: int) -> list[Record]:
        """Remove and return up to `limit` jobs from the head."""
        taken: list[Record] = []
        for lane in self._lanes.values():
            count = min(len(lane), limit - len(taken))
            taken.extend(lane.popitem(last=False)[1] for _ in range(count))
        self._length -= len(taken)
        return taken

    def remove(self, record: Record) -> None:
        """Take a job out of the line, wherever it stands."""
        del self._lanes[record.priority][record.id]
        self._length -= 1

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Record]:
        return chain.from_iterable(lane.values() for lane in self._lanes.values())
