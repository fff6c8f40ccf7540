"""A worker is told to stop while tasks run: by SIGTERM, or by `stop` where the store is in its own process."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from aioqueue import Worker
from tests.faults.processes import Process
from tests.faults.receipts import Dropped, Started
from tests.faults.scale import scaled
from tests.faults.trial import LEASE, SWEEP, Row, Trial, trial, until

pytestmark = pytest.mark.asyncio

ELSEWHERE_WITHIN = 1.0
NAP = 0.8
IN_HAND = scaled(3, 6)


# ------------------------------------------------------------------ worker processes
async def test_a_task_that_ends_in_time_is_finished(store_url: str, tmp_path: Path, seed: int) -> None:
    async with trial(store_url, tmp_path, Row(18, "SIGTERM, task shorter than G", seed)) as run:
        worker = await run.start_command(shutdown_timeout=30)
        result = await run.enqueue(run.app.nap, run.random.uniform(0.3, 1.0))
        await run.started(result)
        worker.terminate()
        assert await worker.ended() == 0, worker.log
        assert await result.get(timeout=0), "it was settled before the worker ended"
        report = await run.conclude()
    assert report.executions[result.id] == 1


async def test_a_task_that_takes_too_long_is_handed_back(store_url: str, tmp_path: Path, seed: int) -> None:
    async with trial(store_url, tmp_path, Row(18, "SIGTERM, task longer than G", seed)) as run:
        await stop_while_it_lingers(run, Process.terminate, shutdown_timeout=run.random.uniform(0.1, 0.5))


async def test_a_second_signal_hands_everything_back_at_once(store_url: str, tmp_path: Path, seed: int) -> None:
    async with trial(store_url, tmp_path, Row(18, "SIGTERM twice", seed)) as run:
        # Two signals of one kind are one to a process that has not yet taken the first.
        await stop_while_it_lingers(run, Process.terminate, Process.interrupt, shutdown_timeout=60)


async def test_a_worker_killed_while_it_stops_loses_nothing(store_url: str, tmp_path: Path, seed: int) -> None:
    async with trial(store_url, tmp_path, Row(18, "SIGKILL in the drain", seed)) as run:
        victim = await run.start_worker(concurrency=IN_HAND, shutdown_timeout=60)
        results = await run.enqueue_many(2 * IN_HAND, run.app.nap, NAP)
        await until(lambda: len(run.receipts_of(victim, Started)) == IN_HAND)
        heir = await run.start_worker()
        victim.terminate()
        await until(lambda: "stopping:" in victim.log)
        await asyncio.sleep(run.random.uniform(0.0, NAP / 2))
        victim.kill()
        in_hand = len(run.in_hand(victim))
        await run.learn(results)
        report = await run.conclude()
    assert in_hand, "nothing was in hand when it was killed, so this shows nothing"
    assert len(run.receipts_of(victim, Started)) == IN_HAND, "a worker that stops starts no more"
    assert report.repeats <= in_hand
    assert report.deaths == []
    assert "stopping:" not in heir.log
    # What was in hand is suspect now, and suspects run one at a time.
    assert report.slowest_recovery <= LEASE + 2 * SWEEP + in_hand * NAP + 1


async def stop_while_it_lingers(run: Trial, *signals: Callable[[Process], None], shutdown_timeout: float) -> None:
    """Stop a worker in mid-task: it exits in order, and another one has the job at once. No lease has to run out."""
    worker = await run.start_command(shutdown_timeout=shutdown_timeout)
    result = await run.enqueue(run.app.linger)
    await run.started(result)
    heir = await run.start_worker(lease=60)
    for send in signals:
        send(worker)
    assert await worker.ended() == 0, worker.log
    again = await run.started(result, times=2)
    (dropped,) = run.all_of(Dropped)
    await run.learn([result])
    report = await run.conclude()
    assert (dropped.pid, again.pid) == (worker.pid, heir.pid)
    assert again.at - dropped.at <= ELSEWHERE_WITHIN
    assert report.executions[result.id] == 2
    assert report.reaps == 0


# ------------------------------------------------------------------ a worker beside its store, in one process
@pytest.fixture
def memory_url() -> str:
    return f"memory://{uuid.uuid4().hex}"


async def test_a_task_that_ends_in_time_is_finished_in_memory(memory_url: str, tmp_path: Path, seed: int) -> None:
    async with trial(memory_url, tmp_path, Row(18, "SIGTERM, task shorter than G", seed)) as run:
        async with Worker(run.app.queue, shutdown_timeout=30) as worker:
            result = await run.enqueue(run.app.nap, run.random.uniform(0.1, 0.5))
            await run.started(result)
            worker.stop()
        assert await result.get(timeout=0), "it was settled before the worker ended"
        report = await run.conclude()
    assert not worker.left_undone
    assert report.executions[result.id] == 1


@pytest.mark.parametrize(
    ("scenario", "stops", "grace"),
    [("SIGTERM, task longer than G", 1, 0.2), ("SIGTERM twice", 2, 60)],
    ids=["once", "twice"],
)
async def test_a_task_is_handed_back_in_memory(
    memory_url: str, tmp_path: Path, seed: int, scenario: str, stops: int, grace: float
) -> None:
    async with trial(memory_url, tmp_path, Row(18, scenario, seed)) as run:
        async with Worker(run.app.queue, shutdown_timeout=grace) as worker:
            result = await run.enqueue(run.app.linger)
            await run.started(result)
            async with Worker(run.app.queue, lease=60):
                for _ in range(stops):
                    worker.stop()
                again = await run.started(result, times=2)
                await run.learn([result])
        (dropped,) = run.all_of(Dropped)
        report = await run.conclude()
    assert not worker.left_undone
    assert again.at - dropped.at <= ELSEWHERE_WITHIN
    assert (report.executions[result.id], report.reaps) == (2, 0)
