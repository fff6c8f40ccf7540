"""Cut off from the store: bodies are stopped before others can start them."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Final

from aioqueue.drivers.base import Driver
from aioqueue.logtext import many
from aioqueue.worker.contact import Contact
from aioqueue.worker.holdings import Holding, Holdings
from aioqueue.worker.persistence import persistently
from aioqueue.worker.settler import Settler

logger: Final = logging.getLogger("aioqueue")


class Isolation:
    """Stops the bodies of an incarnation whose lease may run out unheard, and hands their jobs back when it can.

    What has ended is kept, to be settled. A thread cannot be stopped, and goes on: its outcome is settled too if nobody
    has taken the job over by then, as when the store was away for all, and is refused otherwise.
    """

    def __init__(
        self, driver: Driver, incarnation: str, holdings: Holdings, settler: Settler, contact: Contact
    ) -> None:
        self._driver = driver
        self._incarnation = incarnation
        self._holdings = holdings
        self._settler = settler
        self._contact = contact
        self._stopped: list[Holding] = []
        self._filled = asyncio.Event()

    def begin(self) -> None:
        """Stop what can be stopped, unless the store has answered since."""
        if not self._contact.is_cut_off:
            return
        running = [held for held in self._holdings if held.body is not None and not held.body.done()]
        stopped = [holding for holding in running if holding.kind != "thread" and not holding.dropped]
        threads = many(sum(held.kind == "thread" for held in running), "thread")
        bodies = many(len(stopped), "body", "bodies")
        cut_off = "cut off: others may soon take over what the lease %s holds; %s stopped, %s left running"
        logger.warning(cut_off, self._incarnation, bodies, threads)
        for holding in stopped:
            self._stop(holding)

    def _stop(self, holding: Holding) -> None:
        assert holding.body is not None
        holding.drop()
        holding.body.add_done_callback(lambda _: self._take(holding))

    def _take(self, holding: Holding) -> None:
        self._stopped.append(holding)
        self._filled.set()

    async def run(self) -> None:
        """Hand back the jobs of bodies that were stopped here and left no outcome, until cancelled."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            stopped, self._stopped = self._stopped, []
            ended = self._settler.unsettled | self._settler.settled
            claims = {holding.claim.id: holding.claim.token for holding in stopped if holding.claim.id not in ended}
            if claims:
                await persistently("release jobs", partial(self._driver.release, self._incarnation, claims))
            for job_id, token in claims.items():
                self._holdings.remove(job_id, token)
