"""One worker's way to the store lets nothing through for three leases, while another worker reaches it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.faults.proxy import fault_proxy
from tests.faults.receipts import Dropped, SettleAnswered
from tests.faults.scale import scaled
from tests.faults.trial import LEASE, Row, trial

pytestmark = pytest.mark.asyncio

JOBS = scaled(3, 8)
CUT_FOR = 3 * LEASE


async def test_its_bodies_end_before_others_may_start_them(redis_url: str, tmp_path: Path, seed: int) -> None:
    port = urlsplit(redis_url).port
    assert port is not None
    row = Row(10, "one worker blackholed", seed)
    async with fault_proxy(port) as proxy, trial(redis_url, tmp_path, row) as run:
        cut_off = await run.start_worker(url=proxy.url)
        results = await run.enqueue_many(JOBS, run.app.linger)
        for result in results:
            await run.started(result)
        await asyncio.sleep(run.random.uniform(0, LEASE / 2))  # anywhere between two renewals
        heir = await run.start_worker()
        proxy.blackhole()
        cut_at = time.monotonic()
        await asyncio.sleep(CUT_FOR)
        proxy.heal()
        await run.learn(results)
        heir.terminate()
        assert await heir.ended() == 0
        (by_the_returned,) = await run.learn([await run.enqueue(run.app.nap, 0.0)])
        report = await run.conclude()
    dropped = {drop.id: drop.at for drop in run.receipts_of(cut_off, Dropped)}
    assert max(dropped.values()) < cut_at + LEASE
    for result in results:
        assert len(starts := run.starts(result)) == 2
        assert dropped[result.id] < starts[1].at, "never two bodies of one job at once"
    assert by_the_returned.partition(".")[0] == str(cut_off.pid)
    assert {answer.verdict for answer in run.all_of(SettleAnswered)} == {"settled"}
    assert "cut off: others may soon take over" in cut_off.log
    assert (report.repeats, report.reaps, report.reaped, report.deaths) == (JOBS, 1, JOBS, [])
