"""A worker is killed with SIGKILL exactly where something has been committed, or is about to be."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from aioqueue import Result
from tests.faults.audit import Report
from tests.faults.processes import Process
from tests.faults.receipts import Enqueued, FailedAt, Started, WorkerBegan
from tests.faults.scale import scaled
from tests.faults.trial import LEASE, SWEEP, Row, Trial, trial, until

pytestmark = pytest.mark.asyncio

NAP = 0.02
JOBS = scaled(24, 200)
LATEST = scaled(2, 12)
RECOVERED_WITHIN = LEASE + 2 * SWEEP + 1
AT_ONCE = 1.0
A_DAY = 86_400.0


async def fail(run: Trial, point: str, **orders: object) -> FailedAt:
    """Start a worker and wait until it has died at its failpoint."""
    return await failure_of(run, await run.start_worker(failpoint=point, **orders))


async def failure_of(run: Trial, victim: Process) -> FailedAt:
    await until(lambda: not victim.is_alive)
    (failure,) = run.receipts_of(victim, FailedAt)
    return failure


async def survive(run: Trial, results: list[Result[str]]) -> tuple[Report, Process]:
    """Let another worker do what is left."""
    heir = await run.start_worker()
    await run.learn(results)
    return await run.conclude(), heir


def delay_of(run: Trial, heir: Process, job_ids: list[str]) -> float:
    """Return how long after it was ready to claim a worker started the last of these jobs."""
    (began,) = run.receipts_of(heir, WorkerBegan)
    return max(start.at for start in run.receipts_of(heir, Started) if start.id in job_ids) - began.at


def nth(run: Trial) -> int:
    return run.random.randint(1, LATEST)


async def test_between_claim_and_start_nothing_runs_twice(store_url: str, tmp_path: Path, seed: int) -> None:
    async with trial(store_url, tmp_path, Row(2, "between claim and start", seed)) as run:
        results = await run.enqueue_many(JOBS, run.app.nap, NAP)
        failure = await fail(run, f"after:claim:{nth(run)}")
        report, heir = await survive(run, results)
        assert failure.jobs
        assert all(report.executions[job] == 1 for job in failure.jobs)
        assert report.repeats <= len(run.in_hand(run.processes[0]))
        # They are suspects, and suspects run one at a time.
        assert delay_of(run, heir, failure.jobs) <= RECOVERED_WITHIN + report.reaped * NAP


async def test_between_body_end_and_settle_only_that_runs_twice(store_url: str, tmp_path: Path, seed: int) -> None:
    async with trial(store_url, tmp_path, Row(2, "between body end and settle", seed)) as run:
        results = await run.enqueue_many(JOBS, run.app.nap, NAP)
        failure = await fail(run, f"before:settle:{nth(run)}")
        in_hand = run.in_hand(run.processes[0])
        report, heir = await survive(run, results)
        assert failure.jobs
        assert all(report.executions[job] == 2 for job in failure.jobs)
        assert report.repeats <= len(in_hand)
        assert delay_of(run, heir, failure.jobs) <= RECOVERED_WITHIN + report.reaped * NAP


async def test_after_settle_nothing_runs_twice(store_url: str, tmp_path: Path, seed: int) -> None:
    async with trial(store_url, tmp_path, Row(2, "after settle", seed)) as run:
        results = await run.enqueue_many(JOBS, run.app.nap, NAP)
        failure = await fail(run, f"after:settle:{nth(run)}")
        in_hand = run.in_hand(run.processes[0]) - set(failure.jobs)
        report, _ = await survive(run, results)
        assert failure.jobs
        assert all(report.executions[job] == 1 for job in failure.jobs)
        assert report.repeats <= len(in_hand)


@pytest.mark.parametrize("when", scaled(["after"], ["before", "after"]))
async def test_an_enqueue_without_acknowledgement(store_url: str, tmp_path: Path, seed: int, when: str) -> None:
    async with trial(store_url, tmp_path, Row(2, f"{when} enqueue", seed)) as run:
        n = nth(run)
        failure = await fail(run, f"{when}:enqueue:{n}", own_jobs=JOBS, nap=NAP)
        (stored,) = failure.jobs
        if when == "after":
            run.answer_for([stored])
        report, _ = await survive(run, [run.app.nap.result(receipt.id) for receipt in run.all_of(Enqueued)])
        assert report.enqueued == (n if when == "after" else n - 1)
        assert report.executions[stored] >= (when == "after")
        assert report.repeats <= len(run.in_hand(run.processes[0]))


@pytest.mark.parametrize("when", scaled(["after"], ["before", "after"]))
async def test_a_renewal(store_url: str, tmp_path: Path, seed: int, when: str) -> None:
    async with trial(store_url, tmp_path, Row(2, f"{when} renew", seed)) as run:
        results = await run.enqueue_many(4, run.app.linger)
        # The first one tells that the worker is ready.
        failing = await fail(run, f"{when}:renew:{nth(run) + 1}")
        in_hand = run.in_hand(run.processes[0])
        report, heir = await survive(run, results)
        assert failing.jobs == []
        assert report.repeats == len(in_hand)
        assert delay_of(run, heir, [result.id for result in results]) <= RECOVERED_WITHIN


@pytest.mark.parametrize("when", scaled(["after"], ["before", "after"]))
async def test_a_release(store_url: str, tmp_path: Path, seed: int, when: str) -> None:
    async with trial(store_url, tmp_path, Row(2, f"{when} release", seed)) as run:
        victim = await run.start_worker(failpoint=f"{when}:release:1", concurrency=2)
        # Short ones first: then it takes more than it has slots for, and hands back what it cannot start.
        await run.learn(await run.enqueue_many(10, run.app.nap, 0.0))
        results = await run.enqueue_many(2, run.app.linger) + await run.enqueue_many(2, run.app.nap, NAP)
        failure = await failure_of(run, victim)
        in_hand = run.in_hand(victim)
        report, _ = await survive(run, results)
        assert failure.jobs
        assert all(report.executions[job] == 1 for job in failure.jobs)
        assert report.repeats == len(in_hand)
        if when == "after":
            # Redis may have claimed one more for the victim, which slept when it died.
            assert len(in_hand) <= report.reaped <= len(in_hand) + 1, "what was released counts no delivery"


@pytest.mark.parametrize("when", scaled(["after"], ["before", "after"]))
async def test_the_end_of_a_lease(store_url: str, tmp_path: Path, seed: int, when: str) -> None:
    async with trial(store_url, tmp_path, Row(2, f"{when} retire", seed)) as run:
        victim = await run.start_worker(failpoint=f"{when}:retire:1", shutdown_timeout=0.2)
        results = await run.enqueue_many(4, run.app.linger)
        await asyncio.gather(*(run.started(result) for result in results))
        victim.terminate()
        await failure_of(run, victim)
        report, heir = await survive(run, results)
        assert report.repeats == len(results)
        if when == "after":
            assert delay_of(run, heir, [result.id for result in results]) <= AT_ONCE
            assert report.reaps == 0, "what was handed back counts no delivery"


@pytest.mark.parametrize("when", scaled(["after"], ["before", "after"]))
async def test_a_slot_that_is_fired(store_url: str, tmp_path: Path, seed: int, when: str) -> None:
    async with trial(store_url, tmp_path, Row(2, f"{when} fire", seed)) as run:
        failure = await fail(run, f"{when}:fire:1", tick_at=time.time())
        heir = await run.start_worker(tick_at=time.time() + A_DAY)
        fired = failure.jobs if when == "after" else []
        await run.learn(run.answer_for(fired))
        report = await run.conclude()
        assert report.executions == dict.fromkeys(fired, 1)
        assert {start.pid for start in run.all_of(Started)} <= {heir.pid}


@pytest.mark.parametrize("when", scaled(["after"], ["before", "after"]))
async def test_a_promotion(store_url: str, tmp_path: Path, seed: int, when: str) -> None:
    async with trial(store_url, tmp_path, Row(2, f"{when} promote", seed)) as run:
        results = await run.enqueue_many(JOBS, run.app.nap.options(delay=0.5), NAP)
        await fail(run, f"{when}:promote:1")
        in_hand = run.in_hand(run.processes[0])
        report, _ = await survive(run, results)
        assert report.repeats <= len(in_hand)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_reap(store_url: str, tmp_path: Path, seed: int, when: str) -> None:
    async with trial(store_url, tmp_path, Row(2, f"{when} reap", seed)) as run:
        victim = await run.start_worker()
        results = await run.enqueue_many(4, run.app.linger)
        await asyncio.gather(*(run.started(result) for result in results))
        reaper = await run.start_worker(failpoint=f"{when}:reap:1")
        victim.kill()
        await failure_of(run, reaper)
        in_hand = len(run.in_hand(victim)) + len(run.in_hand(reaper))
        report, heir = await survive(run, results)
        # What the first reaper handed on it may have started itself, before it learned that it had.
        assert max(report.executions.values()) <= 2 + bool(run.receipts_of(reaper, Started))
        assert report.repeats <= in_hand
        assert delay_of(run, heir, [result.id for result in results]) <= RECOVERED_WITHIN
