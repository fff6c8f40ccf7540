"""The key-value store of a queue. Used under the store's lock."""

from __future__ import annotations

import re
from math import inf

from aioqueue.drivers.memory.fading import Fading

WHOLE_NUMBER = re.compile(rb"-?[0-9]+")


class Values:
    """Values by key, each for its time."""

    def __init__(self) -> None:
        self._values: Fading[str, bytes] = Fading()

    def get(self, key: str, now: float) -> bytes | None:
        """Return a value."""
        return self._values.get(key, now)

    def put(self, key: str, value: bytes, ttl: float, now: float) -> None:
        """Store a value for `ttl` seconds, 0 for ever."""
        self._values.put(key, value, now + ttl if ttl else inf, now)

    def pop(self, key: str, now: float) -> bytes | None:
        """Remove a value and return it."""
        value = self._values.get(key, now)
        self._values.remove(key)
        return value

    def increment(self, key: str, by: int, now: float) -> int:
        """Add to a whole number; its ttl stays."""
        value = self._values.get(key, now)
        if value is not None and not WHOLE_NUMBER.fullmatch(value):
            raise ValueError(f"the value of {key!r} is not a whole number")
        total = int(value or 0) + by
        self._values.put(key, b"%d" % total, self._values.until(key, now), now)
        return total
