"""Jobs that no worker here can read: bytes that are no job, unknown tasks, a newer format."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from aioqueue import JobState, Result
from aioqueue.drivers.base import Driver, NewJob, StoredJob
from aioqueue.ids import new_id
from aioqueue.record import FORMAT, Record, encode_record
from tests.faults.garbage import garbage
from tests.faults.hands import at_work
from tests.faults.scale import scaled
from tests.faults.trial import PATIENCE, Row, Trial, trial

pytestmark = pytest.mark.asyncio

GARBAGE = scaled(100, 1_000)
NEIGHBOURS = scaled(40, 400)
STRANGERS = scaled(4, 20)
TEN_MINUTES = 600.0
NAP = 0.001


async def test_garbage_is_dead_at_once_and_stops_nobody(every_store_url: str, tmp_path: Path, seed: int) -> None:
    async with trial(every_store_url, tmp_path, Row(15, "garbage bytes among jobs", seed)) as run:
        payloads = [garbage(run.random) for _ in range(GARBAGE)]
        neighbours, refused = await mix(run, payloads)
        async with at_work(run):
            values = await run.learn(neighbours)
            outcomes = await run.learn(refused)
            dead = await dead_letters(await driver_of(run))
        report = await run.conclude()
    assert set(outcomes) == {"TaskException"}
    assert {job.id: job.payload for job in dead} == dict(zip((job.id for job in refused), payloads, strict=True))
    assert all("cannot be read" in job.dead_reason for job in dead)
    expect_unharmed(values)
    assert (report.repeats, report.deaths) == (0, [])
    assert report.executions.keys() == {neighbour.id for neighbour in neighbours}


async def test_what_another_release_may_know_is_dead_after_ten_minutes(
    every_store_url: str, tmp_path: Path, seed: int
) -> None:
    async with trial(every_store_url, tmp_path, Row(15, "unknown tasks, jobs in a newer format", seed)) as run:
        driver = await driver_of(run)
        born = await driver.now()
        strangers = [run.adopt(await put(run, stranger(run))) for _ in range(STRANGERS)]
        values: list[str] = []
        async with at_work(run):
            while waiting := await deferred(driver, strangers):
                await driver.shift(max(job.due_at for job in waiting) - await driver.now())
                # Moving the clock wakes nobody; enqueueing does.
                values += await run.learn(await run.enqueue_many(3, run.app.nap, NAP))
            outcomes = await run.learn(strangers)
            dead = await dead_letters(driver)
        report = await run.conclude()
    assert set(outcomes) == {"TaskException"}
    assert {job.id for job in dead} == {stranger.id for stranger in strangers}
    assert all(TEN_MINUTES <= job.died_at - born <= 1.2 * TEN_MINUTES for job in dead)
    assert len(values) >= 30, "there were neighbours in every round"
    expect_unharmed(values)
    assert (report.repeats, report.deaths) == (0, [])


async def driver_of(run: Trial) -> Driver:
    return (await run.app.queue.session()).driver


async def put(run: Trial, payload: bytes) -> Result[str]:
    """Store a payload as whatever wrote it would have."""
    job_id = new_id()
    await (await driver_of(run)).enqueue([NewJob(job_id, "nap", payload)])
    return run.app.nap.result(job_id)


async def mix(run: Trial, payloads: Sequence[bytes]) -> tuple[list[Result[str]], list[Result[str]]]:
    """Enqueue garbage and jobs in an order of chance; returns the jobs, and the garbage in its own order."""
    neighbours: list[Result[str]] = []
    refused: list[Result[str]] = []
    places = [True] * NEIGHBOURS + [False] * len(payloads)
    run.random.shuffle(places)
    for is_neighbour in places:
        if is_neighbour:
            neighbours.append(await run.enqueue(run.app.nap, NAP))
        else:
            refused.append(run.adopt(await put(run, payloads[len(refused)])))
    return neighbours, refused


def stranger(run: Trial) -> bytes:
    """Return a job of a task that is unknown here, or in a format newer than ours."""
    task = f"unknown{run.random.randrange(100)}"
    newer = {"v": FORMAT + run.random.randrange(1, 100), "t": "nap", "a": {"not": "bytes"}}
    return run.random.choice([encode_record(Record(FORMAT, task, b"")), msgspec.msgpack.encode(newer)])


async def deferred(driver: Driver, results: Sequence[Result[str]]) -> list[StoredJob]:
    """Return those of the jobs that are put back for later, when all are either that or dead."""
    async with asyncio.timeout(PATIENCE):
        while True:
            jobs = [job for result in results if (job := await driver.job(result.id)) is not None]
            now = await driver.now()
            waiting = [job for job in jobs if job.state is not JobState.FAILED]
            if all(job.state is JobState.SCHEDULED and job.due_at > now for job in waiting):
                return waiting
            await asyncio.sleep(0.01)


async def dead_letters(driver: Driver) -> list[StoredJob]:
    page = await driver.jobs("dead", limit=2 * (GARBAGE + STRANGERS))
    assert page.cursor == ""
    return page.jobs


def expect_unharmed(values: Sequence[str]) -> None:
    assert all(value[0].isdigit() for value in values)
