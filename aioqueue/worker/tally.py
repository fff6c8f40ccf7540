"""Counting the jobs that ended in a worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aioqueue.drivers.base import Finished, Outcome
from aioqueue.states import JobState


class Tally:
    """How many jobs of one queue ended here, and how many of them failed; retries are not ends."""

    def __init__(self, counted: Callable[[int], None] = lambda _ended: None) -> None:
        self.processed: int = 0
        self.failed: int = 0
        self._counted = counted

    def add(self, settled: Sequence[Outcome]) -> None:
        """Count outcomes that have been settled."""
        ended = 0
        for outcome in settled:
            if isinstance(outcome, Finished):
                ended += 1
                self.failed += outcome.state is JobState.FAILED
        self.processed += ended
        self._counted(ended)


class Quota:
    """Calls `reached` when as many jobs have ended in a worker as it is to run, over all its queues."""

    def __init__(self, most: int, reached: Callable[[], None]) -> None:
        self._left = most
        self._reached = reached

    def spend(self, ended: int) -> None:
        """Count jobs that have ended."""
        before, self._left = self._left, self._left - ended
        if before > 0 >= self._left:
            self._reached()
