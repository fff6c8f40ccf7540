"""A driver that writes down what the store answers where a job's fate is decided."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from aioqueue import Queue
from aioqueue.drivers.base import Driver, Finished, Outcome, Verdict
from tests.faults.receipts import Reaped, SettleAnswered, write


class WitnessedQueue(Queue):
    """A queue whose drivers leave receipts."""

    def __init__(self, url: str, name: str, receipts: Path) -> None:
        super().__init__(url, name=name)
        self._receipts = receipts

    def driver(self) -> Driver:
        return cast("Driver", _Witness(super().driver(), self._receipts))


class _Witness:
    def __init__(self, driver: Driver, receipts: Path) -> None:
        self._driver = driver
        self._receipts = receipts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    def __repr__(self) -> str:
        return repr(self._driver)

    async def settle(self, incarnation: str, outcomes: Sequence[Outcome]) -> list[Verdict]:
        verdicts = await self._driver.settle(incarnation, outcomes)
        for outcome, verdict in zip(outcomes, verdicts, strict=True):
            terminal = isinstance(outcome, Finished)
            answer = SettleAnswered(id=outcome.id, token=outcome.token, verdict=verdict, terminal=terminal)
            write(self._receipts, answer)
        return verdicts

    async def reap(self, incarnation: str, counter: int) -> int | None:
        jobs = await self._driver.reap(incarnation, counter)
        if jobs is not None:
            write(self._receipts, Reaped(incarnation=incarnation, jobs=jobs))
        return jobs
