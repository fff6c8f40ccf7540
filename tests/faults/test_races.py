"""Cancels, settles, retries, reaps and repeated enqueues race each other; chance draws who comes when."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import pytest

from aioqueue import Result
from aioqueue.drivers import driver_for
from aioqueue.ids import new_id
from tests.faults.figures import Figures, publish
from tests.faults.hands import at_work
from tests.faults.melee import Melee, Odds
from tests.faults.remains import remains
from tests.faults.scale import scaled
from tests.faults.trial import PATIENCE, Row, trial

pytestmark = pytest.mark.asyncio

ROUNDS = scaled(8, 100)
JOBS = 12
WORKERS = 3
CANCELLED = scaled(60, 600)
AT_ONCE = 4
NAP = 0.015

SCENARIOS = {
    "cancel racing claim and settle": Odds(retries=0.2, releases=0.1, cancels=2.0),
    "cancel and re-enqueue of one id": Odds(retries=0.1, releases=0.1, cancels=1.5, repeats=4.0),
    "retry racing reap": Odds(retries=0.4, deaths=0.4),
    "all of these at once": Odds(retries=0.3, releases=0.1, deaths=0.2, cancels=1.0, repeats=2.0),
}


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_one_end_and_one_successor(every_store_url: str, seed: int, scenario: str) -> None:
    random, complaints, stuck = Random(seed), [], []
    for _ in range(ROUNDS):
        name = f"melee-{new_id()}"
        complaints += await melee(every_store_url, name, random, SCENARIOS[scenario])
        stuck += await remains(every_store_url, name)
    publish(
        Figures(
            row=24,
            scenario=scenario,
            store=every_store_url.partition(":")[0],
            seed=seed,
            jobs=ROUNDS * JOBS,
            lost=sum("has not ended" in complaint for complaint in complaints),
            repeated=0,
            outcomes_twice=sum("has not ended" not in complaint for complaint in complaints),
            deaths=0,
            stuck=len(stuck),
            recovery_p50=0.0,
            recovery_max=0.0,
        )
    )
    assert complaints == []
    assert stuck == []


async def melee(url: str, name: str, random: Random, odds: Odds) -> list[str]:
    """Have one melee on a queue of its own, each of those who take part on a driver of its own."""
    async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE):
        first = driver_for(url, name)
        drivers = [first, *(first.clone() for _ in range(WORKERS))]
        for driver in drivers:
            stack.push_async_callback(driver.close)
            await driver.open()
        fight = Melee(drivers, random, odds, [new_id() for _ in range(JOBS)])
        await fight.fight()
        return await fight.complaints()


async def test_whoever_cancels_and_whoever_waits_learn_of_one_end(
    every_store_url: str, tmp_path: Path, seed: int
) -> None:
    async with trial(every_store_url, tmp_path, Row(24, "cancel of what a worker runs", seed)) as run:
        async with at_work(run, concurrency=AT_ONCE):
            draw = run.random.uniform
            naps = [draw(0.0, 2 * NAP) for _ in range(CANCELLED)]
            results = await asyncio.gather(*(run.enqueue(run.app.nap, nap) for nap in naps))
            # About half of them come before the job's turn, or while it runs.
            moments = [draw(0.0, CANCELLED * NAP / AT_ONCE) for _ in results]
            cancels = [cancel_after(moment, result) for moment, result in zip(moments, results, strict=True)]
            answers, outcomes = await asyncio.gather(asyncio.gather(*cancels), run.learn(results))
        report = await run.conclude()
    assert 0 < outcomes.count("TaskCancelled") < CANCELLED, "otherwise nothing raced"
    for result, was_cancelled, outcome in zip(results, answers, outcomes, strict=True):
        assert was_cancelled or outcome != "TaskCancelled", f"{result}: cancelled by nobody"
        assert was_cancelled or report.executions[result.id] == 1
    assert (report.repeats, report.deaths) == (0, [])


async def cancel_after(seconds: float, result: Result[str]) -> bool:
    await asyncio.sleep(seconds)
    return await result.cancel()
