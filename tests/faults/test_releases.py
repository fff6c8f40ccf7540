"""Processes of an older release and of this one work on one store, as they do while workers are replaced."""

from __future__ import annotations

import asyncio
import zipfile
from pathlib import Path

import pytest

from aioqueue import Result
from tests.faults.processes import Process
from tests.faults.producer import enqueue_every_kind
from tests.faults.receipts import Dropped, Enqueued, Started, WorkerBegan
from tests.faults.scale import scaled
from tests.faults.trial import Row, Trial, trial, until

pytestmark = pytest.mark.asyncio

WHEELS = sorted((Path(__file__).parent / "releases").glob("*.whl"))
THIS = ""
REPLACEMENTS = scaled(3, 15)
ONE_BY_ONE = scaled(100, 1_000)
NAP = 0.05
IN_LINE = 40
KILLED = 0.5
KINDS_EACH = scaled(2, 10)
KINDS = 8  # and a unique one, which is there already when it is enqueued again


@pytest.fixture(scope="module", params=WHEELS, ids=lambda wheel: wheel.name.split("-")[1])
def old(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The directory of an older release."""
    directory = tmp_path_factory.mktemp("release")
    with zipfile.ZipFile(request.param) as wheel:
        wheel.extractall(directory)
    return str(directory)


async def test_what_the_old_one_enqueued_the_new_one_runs(store_url: str, tmp_path: Path, seed: int, old: str) -> None:
    async with trial(store_url, tmp_path, Row(26, "enqueued by the old release, run by the new", seed)) as run:
        producer = run.start_producer("every kind", KINDS_EACH, release=old)
        assert await producer.ended() == 0, producer.log
        worker = await run.start_worker()
        await run.learn(enqueued(run))
        report = await run.conclude()
        assert report.enqueued >= KINDS_EACH * KINDS
        assert not code_of(run, worker).startswith(old)
    assert {start.pid for start in run.all_of(Started)} == {worker.pid}


async def test_what_the_new_one_enqueued_the_old_one_runs(store_url: str, tmp_path: Path, seed: int, old: str) -> None:
    async with trial(store_url, tmp_path, Row(26, "enqueued by the new release, run by the old", seed)) as run:
        worker = await run.start_worker(release=old)
        for _ in range(KINDS_EACH):
            await run.learn([run.adopt(result) for result in await enqueue_every_kind(run.app)])
        await run.conclude()
        assert code_of(run, worker).startswith(old)
    assert {start.pid for start in run.all_of(Started)} == {worker.pid}


async def test_workers_are_replaced_one_by_one(store_url: str, tmp_path: Path, seed: int, old: str) -> None:
    async with trial(store_url, tmp_path, Row(26, "workers replaced one by one, some killed", seed)) as run:
        workers = await run.start_workers(2, release=old)
        producers = [run.start_producer("every kind", KINDS_EACH, release=release) for release in (THIS, old)]
        producers += [run.start_producer("one by one", ONE_BY_ONE, release=release) for release in (THIS, old)]
        enough = asyncio.Event()
        working = asyncio.create_task(run.keep_busy(enough, IN_LINE, run.app.nap, NAP))
        in_hand = 0
        for release in releases_in_turn(run, old):
            workers += await run.start_workers(1, release=release)
            in_hand += await take_one_away(run, workers)
        enough.set()
        await working
        # Only then is every acknowledgement on record that somebody has to answer for.
        assert [await producer.ended() for producer in producers] == [0] * len(producers)
        await run.learn(enqueued(run))
        report = await run.conclude()
        dropped = run.all_of(Dropped)
    assert report.deaths == []
    assert report.repeats <= in_hand + len(dropped)


def releases_in_turn(run: Trial, old: str) -> list[str]:
    """There and back again, in an order drawn by lot: a release is withdrawn sometimes."""
    releases = [THIS, *run.random.choices([THIS, old], k=REPLACEMENTS - 2), THIS]
    run.random.shuffle(releases)
    return releases


async def take_one_away(run: Trial, workers: list[Process]) -> int:
    """Stop or kill a worker that is at work; returns how many jobs were running when it was killed."""
    worker = workers.pop(run.random.randrange(len(workers)))
    await until(lambda: run.in_hand(worker))
    if run.random.random() < KILLED:
        worker.kill()
        return len(run.in_hand(worker))
    worker.terminate()
    assert await worker.ended() == 0, worker.log
    return 0


def enqueued(run: Trial) -> list[Result[str]]:
    return [run.app.nap.result(receipt.id) for receipt in run.all_of(Enqueued)]


def code_of(run: Trial, worker: Process) -> str:
    """Return where the aioqueue is that a worker runs on."""
    (began,) = run.receipts_of(worker, WorkerBegan)
    return began.code
