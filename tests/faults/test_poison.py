"""A job kills whatever process runs it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults.application import POISON_DELIVERIES
from tests.faults.receipts import WorkerKilled
from tests.faults.scale import scaled
from tests.faults.trial import Row, Trial, trial

pytestmark = pytest.mark.asyncio

NEIGHBOURS = scaled(100, 300)
LEASE = 1.0


async def supervise(run: Trial) -> None:
    """Start a worker whenever the one before it has died, as a supervisor would."""
    while True:
        worker = await run.start_worker(lease=LEASE)
        await worker.ended()


async def test_a_killer_is_given_up_and_its_neighbours_live(store_url: str, tmp_path: Path, seed: int) -> None:
    async with trial(store_url, tmp_path, Row(14, "a poison job among neighbours", seed)) as run:
        place = run.random.randint(0, NEIGHBOURS)
        before = await run.enqueue_many(place, run.app.bystander, 0.01)
        poison = await run.enqueue(run.app.poison)
        after = await run.enqueue_many(NEIGHBOURS - place, run.app.bystander, 0.01)
        supervising = asyncio.create_task(supervise(run))
        try:
            (outcome,) = await run.learn([poison])
            values = await run.learn([*before, *after])
        finally:
            supervising.cancel()
            await asyncio.gather(supervising, return_exceptions=True)
        dead = await run.app.queue.dead()
        report = await run.conclude()
    assert [letter.id for letter in dead] == [poison.id]
    assert outcome == "TaskLost"
    assert report.executions[poison.id] == POISON_DELIVERIES
    assert len(run.all_of(WorkerKilled)) == POISON_DELIVERIES
    assert report.deaths == []
    assert all(value[0].isdigit() for value in values)
