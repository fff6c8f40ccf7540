"""A worker's clock, or the store's, is an hour wrong, from the start or from one moment to the next.

Redis has a clock of its own, which the driver's offset for tests moves for one queue. SQLite has none: its time is that
of the process which asks, so a worker with a wrong clock is a store with two clocks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.faults.processes import Process, start_program
from tests.faults.receipts import WorkerBegan
from tests.faults.scale import scaled
from tests.faults.trial import LEASE, Row, Trial, trial, until
from tests.faults.wrong_clock import WrongClock

pytestmark = pytest.mark.asyncio

HOUR = 3_600
LONG = 3 * LEASE  # long enough for whoever goes by the time to take it over
SHORT = scaled(20, 200)


@pytest.mark.parametrize("ahead", [HOUR, -HOUR], ids=["ahead", "behind"])
async def test_a_workers_clock_is_wrong(store_url: str, tmp_path: Path, ahead: float, seed: int) -> None:
    row = Row(16, f"a worker's clock jumps {ahead:+} s", seed)
    async with trial(store_url, tmp_path, row) as run:
        clock = tmp_path / "ahead"
        clock.write_text("0")
        await start_by(run, clock)
        await run.start_worker()
        await work_on_while(run, lambda: set_clock(clock, ahead))
        # And one that is wrong from its start on.
        await start_by(run, clock)
        await run.learn(await run.enqueue_many(SHORT, run.app.nap, 0.01))
        report = await run.conclude()
    assert (report.repeats, report.reaps, report.deaths) == (0, 0, [])


@pytest.mark.parametrize("ahead", [HOUR, -HOUR], ids=["ahead", "behind"])
async def test_the_stores_clock_is_wrong(store_url: str, tmp_path: Path, ahead: float, seed: int) -> None:
    async with trial(store_url, tmp_path, Row(16, f"the store's clock jumps {ahead:+} s", seed)) as run:
        await run.start_workers(2)
        driver = (await run.app.queue.session()).driver
        await work_on_while(run, lambda: driver.shift(ahead))
        await run.learn(await run.enqueue_many(SHORT, run.app.nap, 0.01))
        report = await run.conclude()
    assert (report.repeats, report.reaps, report.deaths) == (0, 0, [])


async def work_on_while(run: Trial, jump: Callable[[], Awaitable[None]]) -> None:
    """Have long jobs under way, in both workers, when a clock jumps, and short ones before and after."""
    long = await run.enqueue_many(10, run.app.nap, LONG)
    for result in long:
        await run.started(result)
    await asyncio.sleep(run.random.uniform(0, LEASE / 2))
    await jump()
    await run.learn(await run.enqueue_many(SHORT, run.app.nap, 0.01))
    await run.learn(long)


async def set_clock(clock: Path, ahead: float) -> None:
    """Put a clock forward or back, in one step for who reads it."""
    new = clock.with_suffix(".new")
    new.write_text(str(ahead))
    new.rename(clock)


async def start_by(run: Trial, clock: Path) -> Process:
    """Start a worker that goes by this clock; returns when it is ready to claim."""
    orders = WrongClock(run.orders, str(clock))
    process = start_program("tests.faults.wrong_clock", orders, clock.parent, run.receipts)
    run.processes.append(process)
    await until(lambda: bool(run.receipts_of(process, WorkerBegan)) or not process.is_alive)
    assert process.is_alive, process.log
    return process
