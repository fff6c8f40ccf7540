"""How fast workers work, from what they say of themselves: asking for events instead would slow them down."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime

from aioqueue.cli.looking.facts import WorkerFacts

_SIGNS_KEPT = 3


class Pace:
    """Keeps the last signs of life of each worker, and says how many jobs a second ended between them."""

    def __init__(self) -> None:
        self._signs: dict[str, deque[tuple[datetime, int, int]]] = {}

    def note(self, workers: Sequence[WorkerFacts]) -> None:
        """Take down what the workers say now, and forget those that are gone."""
        kept = {worker.id: self._signs.get(worker.id) or _since_start(worker) for worker in workers}
        for worker in workers:
            if kept[worker.id][-1][0] < worker.renewed_at:
                kept[worker.id].append((worker.renewed_at, worker.processed, worker.failed))
        self._signs = kept

    def of(self, worker: WorkerFacts) -> tuple[float, float]:
        """Return how many jobs ended in a worker a second, and how many of them failed; 0 for a silent one."""
        signs = self._signs.get(worker.id)
        if not signs or not worker.alive:
            return 0.0, 0.0
        (first, ended, failed), (last, ended_now, failed_now) = signs[0], signs[-1]
        seconds = (last - first).total_seconds()
        return ((ended_now - ended) / seconds, (failed_now - failed) / seconds) if seconds > 0 else (0.0, 0.0)


def _since_start(worker: WorkerFacts) -> deque[tuple[datetime, int, int]]:
    """Return the sign that every worker began with: until there are others, its pace is its average."""
    return deque([(worker.started_at, 0, 0)], maxlen=_SIGNS_KEPT)
