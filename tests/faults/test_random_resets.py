"""One request in a hundred breaks its connection, before it arrives or after it is done."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.faults.dice import Dice
from tests.faults.proxy import Judge, fault_proxy
from tests.faults.scale import scaled
from tests.faults.trial import Row, trial

pytestmark = pytest.mark.asyncio

JOBS = scaled(1_000, 10_000)
PRODUCERS = 10
SHARE = 0.01


async def test_resets_lose_nothing(redis_url: str, tmp_path: Path, seed: int) -> None:
    port = urlsplit(redis_url).port
    assert port is not None
    row = Row(12, "1 % of requests reset", seed)
    async with fault_proxy(port) as proxy, trial(proxy.url, tmp_path, row, store=redis_url) as run:
        dice = Dice(run.random, SHARE)
        await run.start_workers(2, concurrency=4)
        await run.app.queue.session()
        judge: Judge = dice.judge
        proxy.judge = judge

        async def produce() -> None:
            for _ in range(JOBS // PRODUCERS):
                await run.learn([await run.enqueue(run.app.nap, 0.001)])

        await asyncio.gather(*(produce() for _ in range(PRODUCERS)))
        report = await run.conclude()
        asked = proxy.counts.total()
    print(f"{len(dice.broken)} of {asked} requests were broken: {dice.broken}")
    assert report.enqueued == JOBS
    assert dice.broken
    assert report.repeats == report.reaps == 0
    assert report.deaths == []
