"""Redis forgets its scripts in mid-run."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from redis import Redis

from tests.faults.receipts import Ended
from tests.faults.trial import trial, until

pytestmark = pytest.mark.asyncio

FLUSHES = 5


async def test_forgotten_scripts_are_noticed_by_nobody(redis_url: str, tmp_path: Path) -> None:
    with Redis.from_url(redis_url) as store:
        async with trial(redis_url, tmp_path) as run:
            worker = await run.start_worker(concurrency=4)
            learning = asyncio.create_task(run.learn(await run.enqueue_many(200, run.app.nap, 0.01)))
            for n in range(1, FLUSHES + 1):
                await until(lambda: len(run.all_of(Ended)) >= 30 * n)  # noqa: B023
                store.script_flush()
            await learning
            report = await run.conclude()
    assert (report.repeats, report.reaps, report.deaths) == (0, 0, [])
    assert "WARNING" not in worker.log
