"""Workers are killed with SIGKILL in mid-run."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults.receipts import Ended
from tests.faults.trial import LEASE, SWEEP, trial, until

pytestmark = pytest.mark.asyncio

KILLS = 4
NAP = 0.05


async def test_killed_workers_lose_nothing(store_url: str, tmp_path: Path) -> None:
    async with trial(store_url, tmp_path) as run:
        *victims, _ = await run.start_workers(KILLS + 1, concurrency=4)
        learning = asyncio.create_task(run.learn(await run.enqueue_many(200, run.app.nap, NAP)))
        in_hand = 0
        for n, victim in enumerate(victims, 1):
            await until(lambda: len(run.all_of(Ended)) >= 20 * n and run.in_hand(victim))  # noqa: B023
            victim.kill()
            in_hand += len(run.in_hand(victim))
        await learning
        report = await run.conclude()
    assert report.repeats <= in_hand
    assert report.deaths == []
    # What was in hand is suspect now, and suspects run one at a time.
    assert report.slowest_recovery <= LEASE + 2 * SWEEP + in_hand * NAP + 1
