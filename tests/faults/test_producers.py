"""Producers are killed with SIGKILL in the middle of a bulk enqueue."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aioqueue import JobState
from tests.faults.producer import Manner
from tests.faults.receipts import Enqueued, Submitted
from tests.faults.scale import scaled
from tests.faults.trial import Row, Trial, trial, until

pytestmark = pytest.mark.asyncio

STEP = 250
KILLS = scaled(1, 5)
SOON = 0.05
SIZES: dict[Manner, tuple[int, int]] = {"one by one": (200, 1), "in one turn": (2, 4 * STEP), "map": (2, 4 * STEP)}


@pytest.mark.parametrize("manner", SIZES)
async def test_a_killed_producer(store_url: str, tmp_path: Path, seed: int, manner: Manner) -> None:
    calls, size = SIZES[manner]
    async with trial(store_url, tmp_path, Row(3, f"kill -9 in a bulk enqueue: {manner}", seed)) as run:
        for _ in range(KILLS):
            producer = run.start_producer(manner, calls, size)
            await until(lambda: run.receipts_of(producer, Submitted))  # noqa: B023
            await asyncio.sleep(run.random.uniform(0, SOON))
            producer.kill()
        await judge(run)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_producer_killed_at_the_commit(store_url: str, tmp_path: Path, seed: int, when: str) -> None:
    async with trial(store_url, tmp_path, Row(3, f"kill -9 {when} the commit of a bulk enqueue", seed)) as run:
        producer = run.start_producer("map", 2, STEP, failpoint=f"{when}:enqueue:2")
        await until(lambda: not producer.is_alive)
        await judge(run)
        assert len(run.all_of(Enqueued)) == STEP
        (last,) = [call.jobs for call in run.receipts_of(producer, Submitted)[1:]]
        assert set(await states(run, last)) == {JobState.SUCCEEDED if when == "after" else JobState.UNKNOWN}


async def test_more_than_one_step_is_stored_in_order(store_url: str, tmp_path: Path, seed: int) -> None:
    async with trial(store_url, tmp_path, Row(3, "kill -9 in a bulk enqueue of several steps", seed)) as run:
        producer = run.start_producer("map", 1, scaled(4, 20) * STEP)
        await until(lambda: run.receipts_of(producer, Submitted))
        await asyncio.sleep(run.random.uniform(0, SOON))
        producer.kill()
        await judge(run)


async def judge(run: Trial) -> None:
    """Each step of each call is stored whole or not at all, and what is stored runs once."""
    stored = [job for call in run.all_of(Submitted) for job in await stored_of(run, call.jobs)]
    acknowledged = [receipt.id for receipt in run.all_of(Enqueued)]
    assert set(acknowledged) <= set(stored)
    await run.start_worker(concurrency=100)
    await run.learn([run.app.nap.result(job) for job in stored])
    report = await run.conclude()
    assert report.executions == dict.fromkeys(stored, 1)


async def stored_of(run: Trial, call: list[str]) -> list[str]:
    """Return what is stored of one call of the driver: its first steps, each whole."""
    known = [state is not JobState.UNKNOWN for state in await states(run, call)]
    stored = sum(known)
    assert known == [n < stored for n in range(len(call))], "a job is stored before one that goes before it"
    assert stored % STEP == 0 or stored == len(call), f"{stored} of {len(call)} jobs are stored"
    return call[:stored]


async def states(run: Trial, jobs: list[str]) -> list[JobState]:
    return await asyncio.gather(*(run.app.nap.result(job).state() for job in jobs))
