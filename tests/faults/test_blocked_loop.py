"""A coroutine task blocks its worker's loop for three leases."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.trial import trial

pytestmark = pytest.mark.asyncio

LEASE = 1.5


async def test_a_task_that_blocks_the_loop_is_not_run_twice(store_url: str, tmp_path: Path) -> None:
    async with trial(store_url, tmp_path) as run:
        workers = await run.start_workers(2, lease=LEASE)
        result = await run.enqueue(run.app.block, 3 * LEASE)
        started = await run.started(result)
        # The other one works on meanwhile.
        await run.learn(await run.enqueue_many(20, run.app.nap, 0.01))
        assert len(run.starts(result)) == 1
        await run.learn([result])
        report = await run.conclude()
        log = next(process.log for process in workers if process.pid == started.pid)
    assert report.executions[result.id] == 1
    assert (report.repeats, report.reaps, report.deaths) == (0, 0, [])
    assert "is blocked" in log
    assert "time.sleep(seconds)" in log
