"""Every request takes 200 ms more, alone and while some of them are reset."""

from __future__ import annotations

import random
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.faults.audit import Report
from tests.faults.dice import Dice
from tests.faults.proxy import Fate, Judge, Request, fault_proxy
from tests.faults.scale import scaled
from tests.faults.trial import Row, Trial, trial

pytestmark = pytest.mark.asyncio

LATENCY = 0.2
ROUNDS = scaled(4, 20)
JOBS_A_ROUND = 20
SHARE = scaled(0.05, 0.01)  # few requests are to have some that break, too


def nothing_breaks(_: Request) -> Fate:
    return Fate.PASS


async def test_a_slow_way_runs_nothing_twice(redis_url: str, tmp_path: Path, seed: int) -> None:
    report = await live(redis_url, tmp_path, Row(12, "200 ms latency", seed), nothing_breaks)
    assert (report.repeats, report.reaps, report.deaths) == (0, 0, [])


async def test_nor_does_one_that_breaks_now_and_then(redis_url: str, tmp_path: Path, seed: int) -> None:
    dice = Dice(random.Random(seed), SHARE)
    report = await live(redis_url, tmp_path, Row(12, "200 ms latency and requests reset", seed), dice.judge)
    print(f"broken: {dice.broken}")
    assert dice.broken
    assert report.repeats <= len(dice.broken)
    assert (report.reaps, report.deaths) == (0, [])


async def live(redis_url: str, directory: Path, row: Row, judge: Judge) -> Report:
    """Run some rounds of jobs by a way that is slow, and that `judge` rules."""
    port = urlsplit(redis_url).port
    assert port is not None
    async with fault_proxy(port) as proxy, trial(proxy.url, directory, row, store=redis_url) as run:
        await run.start_workers(2)
        await run.app.queue.session()
        proxy.delay, proxy.judge = LATENCY, judge
        for _ in range(ROUNDS):
            await one_round(run)
        return await run.conclude()


async def one_round(run: Trial) -> None:
    results = [await run.enqueue(run.app.nap, run.random.uniform(0.0, 0.1)) for _ in range(2)]
    results += await run.enqueue_many(JOBS_A_ROUND - 2, run.app.nap, 0.01)
    await run.learn(results)
