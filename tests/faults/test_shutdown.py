"""`aioqueue worker` is told to stop (SIGTERM) while tasks run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.processes import Process
from tests.faults.receipts import Dropped
from tests.faults.trial import Trial, trial

pytestmark = pytest.mark.asyncio

ELSEWHERE_WITHIN = 1.0


async def test_a_task_that_ends_in_time_is_finished(store_url: str, tmp_path: Path) -> None:
    async with trial(store_url, tmp_path) as run:
        worker = await run.start_command(shutdown_timeout=30)
        result = await run.enqueue(run.app.nap, 0.5)
        await run.started(result)
        worker.terminate()
        assert await worker.ended() == 0, worker.log
        await run.learn([result])
        report = await run.conclude()
    assert report.executions[result.id] == 1


async def test_a_task_that_takes_too_long_is_handed_back(store_url: str, tmp_path: Path) -> None:
    async with trial(store_url, tmp_path) as run:
        await stop_while_it_lingers(run, Process.terminate, shutdown_timeout=0.3)


async def test_a_second_signal_hands_everything_back_at_once(store_url: str, tmp_path: Path) -> None:
    async with trial(store_url, tmp_path) as run:
        # Two signals of one kind are one to a process that has not yet taken the first.
        await stop_while_it_lingers(run, Process.terminate, Process.interrupt, shutdown_timeout=60)


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
