"""The safety poll behind the push: how long a worker without jobs waits before it looks by itself."""

from __future__ import annotations

from aioqueue import options as checked
from aioqueue.options import Seconds


class Poll:
    """Waits of `max_delay` seconds, while there is no reason to doubt the push that ends each at once.

    After a doubt they start at `delay` and grow by `backoff`, so that what was not told is soon found.
    """

    def __init__(self, delay: Seconds, max_delay: Seconds, backoff: float) -> None:
        self._first = checked.seconds("delay", delay)
        self._longest = checked.seconds("max_delay", max_delay)
        if not 0 < self._first <= self._longest:
            raise ValueError(f"delay={delay} must be above 0 and at most max_delay={max_delay}")
        if not isinstance(backoff, int | float):
            raise TypeError(f"backoff= takes a number, not {backoff!r}")
        if not 1 < backoff < float("inf"):
            raise ValueError(f"backoff={backoff} must be above 1: it is what the waits grow by")
        self._growth = backoff
        self._next = self._longest

    def starting(self) -> Poll:
        """Return a poll of the same lengths that starts anew: each queue has its own."""
        return Poll(self._first, self._longest, self._growth)

    def doubt(self) -> None:
        """Start at the shortest wait: the store was away, or there were jobs that no push had told of."""
        self._next = self._first

    def next(self) -> float:
        """Return for how many seconds to wait now."""
        wait, self._next = self._next, min(self._next * self._growth, self._longest)
        return wait
