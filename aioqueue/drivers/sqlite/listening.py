"""The listener of one driver: fetches the results that other drivers' settles have rung for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from aioqueue.drivers.base import Hear, Settled
from aioqueue.drivers.sqlite.handover import HandOver
from aioqueue.drivers.sqlite.results import told, unwatch
from aioqueue.errors import StoreUnavailable


class Listening:
    """Calls `hear` with each result once it is known here; rings that come during a fetch share the next one."""

    def __init__(self, hand_over: HandOver, hear: Hear) -> None:
        self._hand_over = hand_over
        self._hear = hear
        self._rung = asyncio.Event()
        self._fetching = asyncio.create_task(self._fetch_when_rung())

    def ring(self) -> None:
        """Fetch what has been settled."""
        self._rung.set()

    def tell(self, settled: Sequence[Settled]) -> None:
        """Pass on results that were settled by this very driver."""
        for result in settled:
            self._hear(result.id, result)

    async def close(self) -> None:
        """Stop fetching."""
        self._fetching.cancel()
        await asyncio.wait({self._fetching})

    async def _fetch_when_rung(self) -> None:
        while True:
            await self._rung.wait()
            self._rung.clear()
            with suppress(StoreUnavailable):  # whoever waits asks again after a while
                await self._fetch()

    async def _fetch(self) -> None:
        while news := await self._hand_over.read(told):
            for job_id, settled in news.items():
                self._hear(job_id, settled)
            await self._hand_over.write(unwatch, list(news))
