"""Cancelling running jobs when someone asks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from aioqueue.drivers.base import CONTROL_TOPIC, Driver
from aioqueue.errors import StoreUnavailable
from aioqueue.worker.holdings import Holding, Holdings

logger: Final = logging.getLogger("aioqueue")


class Control:
    """Hears at once that a cancellation was asked for, and looks which; a renewal that tells of one backs it up.

    `settle` is called with what has no body to be stopped yet.
    """

    def __init__(self, driver: Driver, incarnation: str, holdings: Holdings, settle: Callable[[Holding], None]) -> None:
        self._driver = driver
        self._incarnation = incarnation
        self._holdings = holdings
        self._settle = settle
        self._asked = asyncio.Event()

    async def run(self) -> None:
        """Cancel what is asked for, until cancelled."""
        await self._listen()
        while True:
            self._asked.clear()
            try:
                self.cancel(await self._driver.cancellations(self._incarnation))
            except StoreUnavailable as error:
                logger.debug("cannot look for cancellations, the next renewal will tell: %s", error)
            await self._asked.wait()

    def cancel(self, ids: Sequence[str]) -> None:
        """End these jobs: stop the bodies for good, settle what waits for a slot."""
        for job_id in ids:
            holding = self._holdings.get(job_id)
            if holding is not None and not holding.cancelled:
                holding.cancel()
                if holding.body is None:
                    self._settle(holding)

    async def _listen(self) -> None:
        try:
            await self._driver.subscribe(CONTROL_TOPIC, lambda _topic, _data: self._asked.set())
        except StoreUnavailable as error:
            logger.debug("cannot subscribe, renewals will tell of cancellations: %s", error)
