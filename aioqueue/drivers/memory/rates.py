"""Exact rate limits: a log of the uses that still count. Used under the store's lock."""

from __future__ import annotations

from collections import deque

from aioqueue.drivers.memory.fading import Fading


class Rates:
    """When each name was used, as far back as a window reaches."""

    def __init__(self) -> None:
        self._uses: Fading[str, deque[float]] = Fading()

    def spend(self, name: str, limit: int, per: float, now: float) -> float:
        """Take a use: 0.0 if there was one left, else in how many seconds there is."""
        uses = self._uses.get(name, now) or deque()
        while uses and uses[0] + per <= now:
            uses.popleft()
        if len(uses) >= limit:
            return uses[-limit] + per - now
        uses.append(now)
        self._uses.put(name, uses, now + per, now)
        return 0.0
