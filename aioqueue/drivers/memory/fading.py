"""Values that are forgotten after a time."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from heapq import heapify, heappop, heappush
from math import inf
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


SLACK = 64  # stale entries that are not worth a clean-up


class Fading(Generic[K, V]):
    """A mapping whose entries end at a time of their own (`inf`: never); what has ended is freed by later writes."""

    def __init__(self) -> None:
        self._entries: dict[K, tuple[float, V]] = {}
        self._ends: list[tuple[float, int, K]] = []
        self._writes = 0

    def put(self, key: K, value: V, until: float, now: float) -> None:
        """Keep `value` under `key` up to, and not including, the time `until`."""
        self._forget(now)
        self._writes += 1
        self._entries[key] = (until, value)
        if until < inf:
            heappush(self._ends, (until, self._writes, key))
        if len(self._ends) > 2 * len(self._entries) + SLACK:
            self._drop_stale_ends()

    def get(self, key: K, now: float) -> V | None:
        """Return the value of `key` unless it has ended."""
        entry = self._entries.get(key)
        return entry[1] if entry and now < entry[0] else None

    def until(self, key: K, now: float) -> float:
        """Return when the entry of `key` ends, `inf` if it has none or never does."""
        entry = self._entries.get(key)
        return entry[0] if entry and now < entry[0] else inf

    def remove(self, key: K) -> None:
        """Forget `key` before its time."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._ends.clear()

    def __bool__(self) -> bool:
        return bool(self._entries)

    def __iter__(self) -> Iterator[K]:
        return iter(self._entries)

    def _drop_stale_ends(self) -> None:
        self._ends = [
            (until, number, key) for number, (key, (until, _)) in enumerate(self._entries.items()) if until < inf
        ]
        heapify(self._ends)

    def _forget(self, now: float) -> None:
        while self._ends and self._ends[0][0] <= now:
            until, _, key = heappop(self._ends)
            entry = self._entries.get(key)
            if entry and entry[0] == until:  # else it was written again and lives longer
                del self._entries[key]
