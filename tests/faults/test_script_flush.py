"""Redis forgets its scripts in mid-run, again and again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.faults.receipts import Ended
from tests.faults.scale import scaled
from tests.faults.trial import Row, trial

pytestmark = pytest.mark.asyncio

JOBS = scaled(300, 3_000)
LEAST_FLUSHES = scaled(40, 400)
LONGEST_PAUSE = 0.03


async def test_forgotten_scripts_are_noticed_by_nobody(redis_url: str, tmp_path: Path, seed: int) -> None:
    async with Redis.from_url(redis_url) as store, trial(redis_url, tmp_path, Row(21, "SCRIPT FLUSH", seed)) as run:
        await run.start_workers(2, concurrency=4)
        learning = asyncio.create_task(run.learn(await run.enqueue_many(JOBS // 2, run.app.nap, 0.02)))
        flushes = 0
        while not learning.done() or flushes < LEAST_FLUSHES:
            await store.script_flush()
            flushes += 1
            await asyncio.sleep(run.random.uniform(0.0, LONGEST_PAUSE))
            if len(run.all_of(Ended)) < JOBS // 2:
                await run.enqueue(run.app.nap, 0.0)
        await learning
        report = await run.conclude()
        logs = run.logs()
    assert (report.repeats, report.reaps, report.deaths) == (0, 0, [])
    assert "WARNING" not in logs
