"""A worker is frozen (SIGSTOP) for three leases, and goes on when its jobs have long been handed on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults.processes import Process
from tests.faults.receipts import Dropped, Ended, SettleAnswered
from tests.faults.trial import LEASE, Row, Trial, trial, until

pytestmark = pytest.mark.asyncio

SHORT = 0.5  # the heir has settled it when the zombie comes back
LONG = 2.5 * LEASE  # the heir is still running it


async def test_a_zombie_settles_nothing(store_url: str, tmp_path: Path, seed: int) -> None:
    async with trial(store_url, tmp_path, Row(4, "frozen for three leases", seed)) as run:
        zombie = await run.start_worker()
        results = [await run.enqueue(run.app.nap, SHORT), await run.enqueue(run.app.nap, LONG)]
        taken_over = {result.id for result in results}
        for result in results:
            await run.started(result)
        await asyncio.sleep(run.random.uniform(0, SHORT / 2))
        zombie.freeze()
        long_enough = asyncio.create_task(asyncio.sleep(3 * LEASE))
        heir = await run.start_worker()
        await long_enough
        zombie.thaw()
        await until(lambda: bodies_over(run, zombie) == taken_over)
        values = await run.learn(results)
        heir.terminate()
        assert await heir.ended() == 0
        (by_the_returned,) = await run.learn([await run.enqueue(run.app.nap, 0.0)])
        report = await run.conclude()
        answers = run.receipts_of(zombie, SettleAnswered)
    assert {value.partition(".")[0] for value in values} == {str(heir.pid)}
    assert {answer.verdict for answer in answers if answer.id in taken_over} <= {"lost"}
    assert "was lost" in zombie.log
    assert by_the_returned.partition(".")[0] == str(zombie.pid)
    assert sorted(report.executions.values()) == [1, 2, 2]
    assert (report.reaps, report.reaped, report.deaths) == (1, 2, [])


def bodies_over(run: Trial, process: Process) -> set[str]:
    """Return the jobs whose bodies have ended in a process, or were dropped there."""
    ended, dropped = run.receipts_of(process, Ended), run.receipts_of(process, Dropped)
    return {end.id for end in ended} | {drop.id for drop in dropped}
