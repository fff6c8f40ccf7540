"""Jobs that were claimed and are not started: they wait for a slot, a thread or a process."""

from __future__ import annotations

from collections import deque
from itertools import count

from aioqueue.registry import Registry
from aioqueue.worker.capacity import Capacity, Kind
from aioqueue.worker.holdings import Holding


class Backlog:
    """Keeps the order of the claims, except that no job waits for a place that it does not need."""

    def __init__(self, registry: Registry, capacity: Capacity) -> None:
        self._registry = registry
        self._capacity = capacity
        self._numbers = count()
        self._lines: dict[Kind, deque[tuple[int, Holding]]] = {"loop": deque(), "thread": deque(), "process": deque()}

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    @property
    def oldest(self) -> float | None:
        """Since when the one that has waited longest waits, in the loop's time."""
        return min((line[0][1].since for line in self._lines.values() if line), default=None)

    def add(self, holding: Holding) -> None:
        """Let a job wait."""
        task = self._registry.get(holding.claim.task)
        if task is not None:
            holding.kind = task.declaration.executor
        self._lines[holding.kind].append((next(self._numbers), holding))

    def remove(self, holding: Holding) -> bool:
        """Let a job wait no more; answer whether it did."""
        line = self._lines[holding.kind]
        waiting = next((entry for entry in line if entry[1] is holding), None)
        if waiting is not None:
            line.remove(waiting)
        return waiting is not None

    def take_startable(self) -> Holding | None:
        """Remove and return the first job that could start now."""
        first: deque[tuple[int, Holding]] | None = None
        for kind, line in self._lines.items():
            if line and self._capacity.has_room_for(kind) and (first is None or line[0][0] < first[0][0]):
                first = line
        if first is None:
            return None
        return first.popleft()[1]

    def take_older(self, than: float) -> list[Holding]:
        """Remove and return the jobs that have waited since before `than`."""
        old: list[Holding] = []
        for line in self._lines.values():
            while line and line[0][1].since <= than:
                old.append(line.popleft()[1])
        return old
