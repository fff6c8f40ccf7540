"""Workers are killed with SIGKILL in mid-run."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults.processes import Process
from tests.faults.scale import scaled
from tests.faults.trial import LEASE, SWEEP, Row, Trial, trial, until

pytestmark = pytest.mark.asyncio

KILLS = scaled(4, 20)
WORKERS = 3
SLOTS = 4
NAP = 0.05
IN_LINE = 40
LONGEST_PAUSE = 0.5
RECOVERED_WITHIN = LEASE + 2 * SWEEP + 1
# What a worker had claimed is suspect when it is dead, and suspects run one at a time: those of two deaths at most.
SUSPECTS = 2 * 2 * SLOTS * NAP


async def test_killed_workers_lose_nothing(store_url: str, tmp_path: Path, seed: int) -> None:
    async with trial(store_url, tmp_path, Row(1, "kill -9 while tasks run", seed)) as run:
        await run.start_worker(concurrency=SLOTS)  # it sees every death
        workers = await run.start_workers(WORKERS - 1, concurrency=SLOTS)
        enough = asyncio.Event()
        working = asyncio.create_task(run.keep_busy(enough, IN_LINE, run.app.nap, NAP))
        in_hand = 0
        for n in range(KILLS):
            in_hand += await kill_one(run, workers)
            if n < KILLS - 1:
                workers += await run.start_workers(1, concurrency=SLOTS)
        enough.set()
        await working
        report = await run.conclude()
    assert report.repeats <= in_hand
    assert report.deaths == []
    assert report.recoveries
    assert report.slowest_recovery <= RECOVERED_WITHIN + SUSPECTS


async def kill_one(run: Trial, workers: list[Process]) -> int:
    """Kill a worker that is at work, at a moment drawn by lot; returns how many jobs were running in it."""
    victim = workers.pop(run.random.randrange(len(workers)))
    await until(lambda: run.in_hand(victim))
    await asyncio.sleep(run.random.uniform(0, LONGEST_PAUSE))
    victim.kill()
    return len(run.in_hand(victim))


async def test_a_death_is_noticed_where_nothing_else_happens(store_url: str, tmp_path: Path, seed: int) -> None:
    async with trial(store_url, tmp_path, Row(25, "reap on a queue that is idle", seed)) as run:
        victims = await run.start_workers(scaled(1, 4), concurrency=SLOTS)
        results = await run.enqueue_many(SLOTS * len(victims), run.app.linger)
        await asyncio.gather(*(run.started(result) for result in results))
        await run.start_worker(concurrency=SLOTS)
        await asyncio.sleep(run.random.uniform(0, LEASE))
        for victim in victims:
            victim.kill()
        await run.learn(results)
        report = await run.conclude()
    assert report.repeats == len(results)
    assert report.deaths == []
    assert len(report.recoveries) == len(results)
    assert report.slowest_recovery <= RECOVERED_WITHIN
