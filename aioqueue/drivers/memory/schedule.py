"""Jobs that are not due yet, earliest first."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify, heappop, heappush

from aioqueue.drivers.memory.record import Record

SLACK = 64  # entries of jobs that were removed, not worth a clean-up


class Schedule:
    """A heap of jobs by due time, first in first out among equals; what was removed stays in it as a stale entry."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int]] = []
        self._by_place: dict[int, Record] = {}
        self._places = 0

    def add(self, record: Record, due_at: float) -> bool:
        """Keep a job until it is due; answer whether it is due before all others."""
        self._places += 1
        record.place = self._places
        record.due_at = due_at
        self._by_place[record.place] = record
        heappush(self._heap, (due_at, record.place))
        return self._first() is record

    def remove(self, record: Record) -> None:
        """Forget a job before it is due."""
        del self._by_place[record.place]
        if len(self._heap) > 2 * len(self._by_place) + SLACK:
            self._heap = [(each.due_at, place) for place, each in self._by_place.items()]
            heapify(self._heap)

    def take_due(self, limit: int, now: float) -> list[Record]:
        """Remove and return up to `limit` jobs that are due."""
        due: list[Record] = []
        while len(due) < limit and (first := self._first()) and first.due_at <= now:
            due.append(self._by_place.pop(heappop(self._heap)[1]))
        return due

    def due_in(self, now: float) -> float | None:
        """Return in how many seconds the next job is due: 0 if it is already, None if there is none."""
        first = self._first()
        return max(0.0, first.due_at - now) if first else None

    def __len__(self) -> int:
        return len(self._by_place)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._by_place.values())

    def _first(self) -> Record | None:
        while self._heap:
            record = self._by_place.get(self._heap[0][1])
            if record is not None:
                return record
            heappop(self._heap)
        return None
