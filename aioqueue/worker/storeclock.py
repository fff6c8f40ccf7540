"""The store's time, as last heard, carried on by this machine's monotonic clock."""

from __future__ import annotations

import asyncio
import time
from typing import Final

_JUMP: Final = 1.0


class StoreClock:
    """Tells the store's time between two answers of the store; never this machine's wall clock.

    `jumped` is set when an answer shows that the store's clock was put forward or back by more than a second.
    """

    def __init__(self) -> None:
        self.jumped: Final = asyncio.Event()
        self._store_time = 0.0
        self._heard_at = 0.0

    def set(self, store_time: float) -> None:
        """Take over the time of an answer that has just come."""
        if abs(store_time - self.now()) > _JUMP:
            self.jumped.set()
        self._store_time = store_time
        self._heard_at = time.monotonic()

    def now(self) -> float:
        """Return the store's time in Unix seconds."""
        return self._store_time + time.monotonic() - self._heard_at
