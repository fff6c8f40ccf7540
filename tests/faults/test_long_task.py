"""A healthy task runs for twenty leases, while another worker looks on that would take it over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from aioqueue import Worker
from tests.faults.scale import scaled
from tests.faults.trial import Row, Trial, trial

pytestmark = pytest.mark.asyncio

LEASE = scaled(0.6, 1.5)


async def test_a_task_of_twenty_leases_starts_once(every_store_url: str, tmp_path: Path, seed: int) -> None:
    async with trial(every_store_url, tmp_path, Row(6, "a task of 20 leases", seed)) as run, two_at_work(run):
        result = await run.enqueue(run.app.nap, 20 * LEASE)
        await run.learn([result])
        assert len(run.starts(result)) == 1
        report = await run.conclude()
    assert (report.repeats, report.reaps, report.deaths) == (0, 0, [])


@asynccontextmanager
async def two_at_work(run: Trial) -> AsyncIterator[None]:
    """Have two workers, in processes of their own where the store can be seen from there."""
    if run.url.startswith("memory:"):
        async with Worker(run.app.queue, lease=LEASE), Worker(run.app.queue, lease=LEASE):
            yield
    else:
        await run.start_workers(2, lease=LEASE)
        yield
