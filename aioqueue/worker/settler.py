"""Settling: outcomes of one turn of the loop go to the store together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from aioqueue.drivers.base import Driver, Finished, Outcome, Verdict
from aioqueue.logtext import many, one_line
from aioqueue.worker.holdings import Holdings
from aioqueue.worker.persistence import persistently
from aioqueue.worker.tally import Tally

logger: Final = logging.getLogger("aioqueue")

_BATCH: Final = 1_000
_WRITTEN: Final[tuple[Verdict, ...]] = ("settled", "already")


class Settler:
    """Settles outcomes in batches, for as long as the store takes to answer: a body is never run again for that.

    What waits here is bounded by what the incarnation holds.
    """

    def __init__(self, driver: Driver, incarnation: str, holdings: Holdings, tally: Tally) -> None:
        self._driver = driver
        self._incarnation = incarnation
        self._holdings = holdings
        self._tally = tally
        self._outcomes: list[Outcome] = []
        self._batch: list[Outcome] = []
        self._news: dict[tuple[str, int], Callable[[], Awaitable[None]]] = {}
        self._marked: dict[tuple[str, int], asyncio.Future[bool]] = {}
        self._telling: dict[asyncio.Task[None], str] = {}
        self._filled = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()

    @property
    def unsettled(self) -> set[str]:
        """The ids of jobs whose outcomes the store has not taken yet."""
        return {outcome.id for outcome in (*self._batch, *self._outcomes)}

    @property
    def settled(self) -> set[str]:
        """The ids of jobs that are in hand for nothing but being told of."""
        return set(self._telling.values())

    def put(self, outcome: Outcome, tell: Callable[[], Awaitable[None]] | None = None) -> None:
        """Add an outcome to the next batch; `tell` is called when it has been settled, so that it is readable then."""
        self._outcomes.append(outcome)
        if tell is not None:
            self._news[outcome.id, outcome.token] = tell
        self._settled.clear()
        self._filled.set()

    async def put_marked(self, outcome: Finished, tell: Callable[[], Awaitable[None]] | None = None) -> bool:
        """Settle an outcome that uses up a mark; False if the mark is gone: then nothing was settled or is told."""
        accepted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._marked[outcome.id, outcome.token] = accepted
        self.put(outcome, tell)
        return await accepted

    async def run(self) -> None:
        """Settle whatever comes, until cancelled."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._outcomes:
                self._batch, self._outcomes = self._outcomes[:_BATCH], self._outcomes[_BATCH:]
                await self._settle(self._batch)
                self._batch = []
            self._settled.set()

    async def finish(self) -> None:
        """Wait until everything that was put has been settled."""
        await self._settled.wait()

    async def tell_rest(self, timeout: float) -> None:
        """Wait up to `timeout` seconds until what was settled has been told."""
        if self._telling:
            await asyncio.wait(self._telling, timeout=timeout)

    async def abandon(self) -> None:
        """Stop telling; handlers that are still at it are cancelled."""
        if self._telling:
            jobs = many(len(self._telling), "job that has ended", "jobs that have ended")
            logger.warning("signal handlers of %s do not end: they are cancelled", jobs)
        for telling in self._telling:
            telling.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)

    async def _settle(self, batch: list[Outcome]) -> None:
        settle = partial(self._driver.settle, self._incarnation, batch)
        verdicts = await persistently("settle", settle)
        pairs = list(zip(batch, verdicts, strict=True))
        self._tally.add([outcome for outcome, verdict in pairs if verdict in _WRITTEN])
        for outcome, verdict in pairs:
            if self._marked:
                self._answer(outcome, verdict)
            if verdict == "unmarked":
                self._news.pop((outcome.id, outcome.token), None)
                continue
            if verdict == "lost":
                logger.warning("the outcome of job %s is refused: its claim was taken over", one_line(outcome.id))
            tell = self._news.pop((outcome.id, outcome.token), None)
            if tell is None or verdict == "lost":
                self._holdings.remove(outcome.id, outcome.token)
            else:
                self._start_telling(outcome, tell)

    def _answer(self, outcome: Outcome, verdict: Verdict) -> None:
        accepted = self._marked.pop((outcome.id, outcome.token), None)
        if accepted is not None and not accepted.done():  # whoever waited may have been cancelled
            accepted.set_result(verdict != "unmarked")

    def _start_telling(self, outcome: Outcome, tell: Callable[[], Awaitable[None]]) -> None:
        """Tell what became of a job beside the settling of others, which a handler may wait for.

        The job is in hand until it has been told, so that slow handlers slow down the claiming.
        """
        telling = asyncio.create_task(self._tell(outcome, tell))
        self._telling[telling] = outcome.id
        telling.add_done_callback(self._telling.pop)

    async def _tell(self, outcome: Outcome, tell: Callable[[], Awaitable[None]]) -> None:
        try:
            await tell()
        finally:
            self._holdings.remove(outcome.id, outcome.token)
