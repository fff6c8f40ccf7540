"""A job kills whatever process runs it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults.application import POISON_DELIVERIES
from tests.faults.trial import Trial, trial

pytestmark = pytest.mark.asyncio

NEIGHBOURS = 100
LEASE = 1.0


async def supervise(run: Trial) -> None:
    """Start a worker whenever the one before it has died, as a supervisor would."""
    while True:
        worker = await run.start_worker(lease=LEASE)
        await worker.ended()


async def test_a_killer_is_given_up_and_its_neighbours_live(store_url: str, tmp_path: Path) -> None:
    async with trial(store_url, tmp_path) as run:
        before = await run.enqueue_many(NEIGHBOURS // 2, run.app.bystander, 0.01)
        poison = await run.enqueue(run.app.poison)
        after = await run.enqueue_many(NEIGHBOURS // 2, run.app.bystander, 0.01)
        supervising = asyncio.create_task(supervise(run))
        try:
            (outcome,) = await run.learn([poison])
            values = await run.learn([*before, *after])
        finally:
            supervising.cancel()
            await asyncio.gather(supervising, return_exceptions=True)
        report = await run.conclude()
    assert outcome == "TaskLost"
    assert report.executions[poison.id] == POISON_DELIVERIES
    assert len(report.deaths) == POISON_DELIVERIES
    assert all(value[0].isdigit() for value in values)
