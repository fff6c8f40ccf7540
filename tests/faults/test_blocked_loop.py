"""A coroutine task blocks its worker's loop for three leases, in a call that lets threads run, or in none such."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.faults.processes import Process
from tests.faults.receipts import SettleAnswered
from tests.faults.trial import Row, Trial, trial, until

pytestmark = pytest.mark.asyncio

LEASE = 1.5


async def test_a_task_that_blocks_the_loop_is_not_run_twice(store_url: str, tmp_path: Path, seed: int) -> None:
    async with trial(store_url, tmp_path, Row(5, "time.sleep in a coroutine", seed)) as run:
        workers = await run.start_workers(2, lease=LEASE)
        result = await run.enqueue(run.app.block, 3 * LEASE)
        started = await run.started(result)
        await the_other_works_on(run)
        assert len(run.starts(result)) == 1
        await run.learn([result])
        report = await run.conclude()
        log = process_of(workers, started.pid).log
    assert report.executions[result.id] == 1
    assert (report.repeats, report.reaps, report.deaths) == (0, 0, [])
    assert "is blocked" in log
    assert "time.sleep(seconds)" in log


async def test_one_that_holds_the_gil_is_fenced(store_url: str, tmp_path: Path, seed: int) -> None:
    async with trial(store_url, tmp_path, Row(5, "the GIL held in a coroutine", seed)) as run:
        workers = await run.start_workers(2, lease=LEASE)
        result = await run.enqueue(run.app.seize, math.ceil(3 * LEASE))
        first = await run.started(result)
        await the_other_works_on(run)
        second = await run.started(result, times=2)
        await run.learn([result])
        await until(lambda: "was lost" in process_of(workers, first.pid).log)
        report = await run.conclude()
        answers = run.all_of(SettleAnswered)
        log = process_of(workers, first.pid).log
    assert first.pid != second.pid
    assert report.executions[result.id] == 2
    assert {answer.verdict for answer in answers if answer.id == result.id and answer.pid == first.pid} <= {"lost"}
    assert (report.repeats, report.reaped, report.deaths) == (1, 1, [])
    assert f"by job {result.id} of seize" in log
    assert "in seize" in log


async def the_other_works_on(run: Trial) -> None:
    await run.learn(await run.enqueue_many(20, run.app.nap, 0.01))


def process_of(workers: list[Process], pid: int) -> Process:
    return next(process for process in workers if process.pid == pid)
