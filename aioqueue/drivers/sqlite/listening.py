"""The listener of one driver: fetches the results that other drivers' settles have rung for."""

from __future__ import annotations

from collections.abc import Sequence

from aioqueue.drivers.base import Hear, Settled
from aioqueue.drivers.sqlite.errand import Errand
from aioqueue.drivers.sqlite.handover import HandOver
from aioqueue.drivers.sqlite.results import told, unwatch


class Listening:
    """Calls `hear` with each result once it is known here; whoever waits for one that is missed asks again."""

    def __init__(self, hand_over: HandOver, hear: Hear) -> None:
        self._hand_over = hand_over
        self._hear = hear
        self._fetching = Errand(self._fetch)

    def ring(self) -> None:
        """Fetch what has been settled."""
        self._fetching.ring()

    def tell(self, settled: Sequence[Settled]) -> None:
        """Pass on results that were settled by this very driver."""
        for result in settled:
            self._hear(result.id, result)

    async def close(self) -> None:
        """Stop fetching."""
        await self._fetching.close()

    async def _fetch(self) -> None:
        while news := await self._hand_over.read(told):
            for job_id, settled in news.items():
                self._hear(job_id, settled)
            await self._hand_over.write(unwatch, list(news))
