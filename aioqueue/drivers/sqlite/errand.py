"""An errand that is run whenever someone rings."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aioqueue.errors import StoreUnavailable


class Errand:
    """Runs `run` after each ring; rings that come during a run share the next one."""

    def __init__(self, run: Callable[[], Awaitable[None]]) -> None:
        self._run = run
        self._rung = asyncio.Event()
        self._running = asyncio.create_task(self._run_when_rung())

    def ring(self) -> None:
        """Ask for a run."""
        self._rung.set()

    async def close(self) -> None:
        """Run no more."""
        self._running.cancel()
        await asyncio.wait({self._running})

    async def _run_when_rung(self) -> None:
        while True:
            await self._rung.wait()
            self._rung.clear()
            with suppress(StoreUnavailable):  # there will be another ring
                await self._run()
