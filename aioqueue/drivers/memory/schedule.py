"""Jobs that are not due yet, earliest first."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush

from aioqueue.drivers.memory.record import Record


class Schedule:
    """A heap of jobs by due time, first in first out among equals."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Record]] = []
        self._places = 0

    def add(self, record: Record, due_at: float) -> bool:
        """Keep a job until it is due; answer whether it is due before all others."""
        self._places += 1
        record.place = self._places
        record.due_at = due_at
        heappush(self._heap, (due_at, record.place, record))
        return self._heap[0][2] is record

    def take_due(self, limit: int, now: float) -> list[Record]:
        """Remove and return up to `limit` jobs that are due."""
        due: list[Record] = []
        while self._heap and self._heap[0][0] <= now and len(due) < limit:
            due.append(heappop(self._heap)[2])
        return due

    def due_in(self, now: float) -> float | None:
        """Return in how many seconds the next job is due: 0 if it is already, None if there is none."""
        return max(0.0, self._heap[0][0] - now) if self._heap else None

    def __len__(self) -> int:
        return len(self._heap)

    def __iter__(self) -> Iterator[Record]:
        return (record for _, _, record in self._heap)
