"""The idle incarnations of one driver, and the rings that end their waits."""

from __future__ import annotations

import asyncio


class Wakes:
    """Ends the waits of all who wait; a ring that came while an incarnation did not wait ends its next wait."""

    def __init__(self) -> None:
        self._rings = 0
        self._heard: dict[str, int] = {}
        self._waiting: set[asyncio.Future[None]] = set()

    @property
    def is_awaited(self) -> bool:
        """Whether anyone waits just now."""
        return bool(self._waiting)

    def ring(self) -> None:
        """End every wait."""
        self._rings += 1
        for woken in self._waiting:
            if not woken.done():
                woken.set_result(None)

    async def wait(self, incarnation: str, timeout: float) -> None:
        """Wait for a ring that this incarnation has not heard yet, for up to `timeout` seconds."""
        if self._heard.get(incarnation, -1) == self._rings:
            await self._next_ring(timeout)
        self._heard[incarnation] = self._rings

    def forget(self, incarnation: str) -> None:
        """Keep nothing of an incarnation that has ended."""
        self._heard.pop(incarnation, None)

    async def _next_ring(self, timeout: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(woken)
        try:
            await asyncio.wait({woken}, timeout=timeout)
        finally:
            self._waiting.discard(woken)
