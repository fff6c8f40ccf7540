"""The key-value store of a queue. Used under the store's lock."""

from __future__ import annotations

import re
from math import inf
from typing import Final

from aioqueue.drivers.base import INTEGERS
from aioqueue.drivers.memory.fading import Fading

_WHOLE_NUMBER: Final = re.compile(rb"0|-?[1-9][0-9]{0,18}")


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
        total = _sum(key, b"0" if value is None else value, by)
        self._values.put(key, b"%d" % total, self._values.until(key, now), now)
        return total


def _sum(key: str, text: bytes, by: int) -> int:
    total = int(text) + by if _WHOLE_NUMBER.fullmatch(text) else None
    if total is None or any(number not in INTEGERS for number in (int(text), by, total)):
        raise ValueError(f"the value of {key!r}, or {by} more, is not a whole number of 64 bits")
    return total
