"""On a connection nothing comes in any more, and nobody says so: the safety poll behind it finds what was missed."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from aioqueue import Result
from aioqueue.listener import FIRST_POLL
from tests.faults.proxy import Proxy, fault_proxy
from tests.faults.receipts import Dropped, Learned, SettleAnswered
from tests.faults.scale import scaled
from tests.faults.trial import LEASE, Row, Trial, trial, until

pytestmark = pytest.mark.asyncio

POLL = 2.0  # the worker's longest wait, `max_delay`
LATE = 1.0  # how long the driver waits for the end of a wait that has run out
TIMES = scaled(2, 10)


async def test_a_worker_finds_jobs_that_it_was_not_told_of(redis_url: str, tmp_path: Path, seed: int) -> None:
    row = Row(11, "half-open blocking read", seed)
    async with fault_proxy(port_of(redis_url)) as proxy, trial(redis_url, tmp_path, row) as run:
        # A lease so long that it is not the reconciliation, twice a lease, which finds them.
        await run.start_worker(url=proxy.url, max_delay=POLL, lease=30.0)
        delays = [await delay_of_a_job(run, proxy) for _ in range(TIMES)]
        report = await run.conclude()
    assert max(delays) > POLL / 4, "nothing was missed, so this shows nothing"
    assert max(delays) <= POLL + LATE + 0.5
    assert (report.repeats, report.reaps, report.deaths) == (0, 0, [])


async def delay_of_a_job(run: Trial, proxy: Proxy) -> float:
    """Enqueue a job while the worker waits on a connection that has gone deaf; answer when it began."""
    asked = proxy.counts["BLPOP"]
    await run.learn([await run.enqueue(run.app.nap, 0.0)])
    await until(lambda: proxy.counts["BLPOP"] > asked)
    await asyncio.sleep(run.random.uniform(0.0, POLL / 4))
    assert proxy.deafen("BLPOP") >= 1
    enqueued_at = time.monotonic()
    result = await run.enqueue(run.app.nap, 0.0)
    return (await run.started(result)).at - enqueued_at


async def test_a_worker_finds_cancellations_that_it_was_not_told_of(redis_url: str, tmp_path: Path, seed: int) -> None:
    row = Row(11, "half-open pub/sub, worker", seed)
    async with fault_proxy(port_of(redis_url)) as proxy, trial(redis_url, tmp_path, row) as run:
        await run.start_worker(url=proxy.url)
        result = await run.enqueue(run.app.linger)
        await run.started(result)
        await asyncio.sleep(run.random.uniform(0.0, LEASE / 6))
        assert proxy.deafen("SUBSCRIBE") >= 1
        cancelled_at = time.monotonic()
        await result.cancel()
        (dropped,) = await until(lambda: run.all_of(Dropped))
        await run.learn([result])
        report = await run.conclude()
    assert dropped.at - cancelled_at <= LEASE / 6 + 0.5, "the next renewal tells"
    assert (report.repeats, report.reaps, report.deaths) == (0, 0, [])


async def test_a_waiter_finds_results_that_it_was_not_told_of(redis_url: str, tmp_path: Path, seed: int) -> None:
    row = Row(11, "half-open pub/sub, waiter", seed)
    async with (
        fault_proxy(port_of(redis_url)) as proxy,
        trial(proxy.url, tmp_path, row, store=redis_url) as run,
    ):
        await run.start_worker(url=redis_url)
        await run.learn([await run.enqueue(run.app.nap, 0.0)])  # so that there is a subscription
        assert proxy.deafen("SUBSCRIBE") == 1
        results = [await run.enqueue(run.app.nap, run.random.uniform(0.3, 0.9)) for _ in range(8)]
        await run.learn(results)
        delays = [delay_of_notice(run, result) for result in results]
        report = await run.conclude()
    assert max(delays) > FIRST_POLL / 8, "nothing was missed, so this shows nothing"
    assert max(delays) <= 2 * FIRST_POLL + 0.5  # who waits looks once a second for what has waited for a second
    assert (report.repeats, report.reaps, report.deaths) == (0, 0, [])


def delay_of_notice(run: Trial, result: Result[str]) -> float:
    """Return how long after its settle an outcome was learned first."""
    settled = next(answer.at for answer in run.all_of(SettleAnswered) if answer.id == result.id)
    return next(learned.at for learned in run.all_of(Learned) if learned.id == result.id) - settled


def port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port
