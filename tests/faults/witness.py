"""A driver that writes down what the store answers where a job's fate is decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from aioqueue import Queue
from aioqueue.drivers import base
from aioqueue.drivers.base import Driver, Finished, Outcome, Verdict
from tests.faults.failpoints import Failpoint, interrupted
from tests.faults.receipts import Claimed, Reaped, Released, SettleAnswered, Submitted, write

RESULT_TTL: Final = 24 * 3_600.0  # longer than any clock of a trial is put forward


class WitnessedQueue(Queue):
    """A queue whose drivers leave receipts; those of a process with a failpoint die there."""

    def __init__(self, url: str, name: str, receipts: Path, failpoint: str = "") -> None:
        super().__init__(url, name=name, result_ttl=RESULT_TTL)
        self._receipts = receipts
        self._failpoint = Failpoint(failpoint, receipts) if failpoint else None

    def driver(self) -> Driver:
        return cast("Driver", _Witness(interrupted(super().driver(), self._failpoint), self._receipts))


class _Witness:
    def __init__(self, driver: Driver, receipts: Path) -> None:
        self._driver = driver
        self._receipts = receipts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    def __repr__(self) -> str:
        return repr(self._driver)

    async def enqueue(self, jobs: Sequence[base.NewJob], chords: Sequence[base.NewChord] = ()) -> list[base.Admitted]:
        write(self._receipts, Submitted(jobs=[job.id for job in jobs]))
        return await self._driver.enqueue(jobs, chords)

    async def claim(self, incarnation: str, batch: int, limit: int, suspects: int) -> base.Claimed:
        return self._witnessed(await self._driver.claim(incarnation, batch, limit, suspects))

    async def claim_when_woken(
        self, incarnation: str, batch: int, limit: int, suspects: int, timeout: float
    ) -> base.Claimed:
        return self._witnessed(await self._driver.claim_when_woken(incarnation, batch, limit, suspects, timeout))

    def _witnessed(self, claimed: base.Claimed) -> base.Claimed:
        if claimed.jobs:
            write(self._receipts, Claimed(jobs={claim.id: claim.token for claim in claimed.jobs}))
        return claimed

    async def release(self, incarnation: str, claims: Mapping[str, int]) -> int:
        held = await self._driver.release(incarnation, claims)
        write(self._receipts, Released(jobs=list(claims)))
        return held

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
