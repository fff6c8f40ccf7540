"""Redis goes away and comes back, or stands still, under a worker and under waiters."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.receipts import Ended
from tests.faults.trial import LEASE, trial, until
from tests.servers import RedisServer, redis_server

pytestmark = pytest.mark.asyncio

CONSUMING_WITHIN = 3.0
AWAY = LEASE + 1.5  # long enough for a worker's pauses between tries to have become long
STALLED = 3 * LEASE  # longer than a lease, and longer than a client waits for a reply


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A server that forgets nothing when it is killed."""
    with redis_server(appendonly="yes", appendfsync="always") as server:
        yield server


async def test_a_restart_while_the_worker_is_busy(server: RedisServer, tmp_path: Path) -> None:
    async with trial(server.url, tmp_path) as run:
        await run.start_worker(concurrency=4)
        results = await run.enqueue_many(60, run.app.nap, 0.1)
        waiting = asyncio.create_task(run.learn(results))
        await until(lambda: len(run.all_of(Ended)) >= 10)
        server.kill()
        done = len(run.all_of(Ended))
        await asyncio.sleep(AWAY)
        await asyncio.to_thread(server.restart)
        await until(lambda: len(run.all_of(Ended)) > done + 8, within=CONSUMING_WITHIN)
        await waiting
        report = await run.conclude()
    assert (report.repeats, report.reaps, report.deaths) == (0, 0, [])


async def test_a_restart_while_the_worker_is_idle(server: RedisServer, tmp_path: Path) -> None:
    async with trial(server.url, tmp_path) as run:
        await run.start_worker()
        await run.learn([await run.enqueue(run.app.nap, 0.0)])
        server.kill()
        await asyncio.sleep(AWAY)
        await asyncio.to_thread(server.restart)
        result = await run.enqueue(run.app.nap, 0.0)
        async with asyncio.timeout(CONSUMING_WITHIN):
            await run.learn([result])
        report = await run.conclude()
    assert (report.repeats, report.reaps, report.deaths) == (0, 0, [])


async def test_a_stall_condemns_nobody(server: RedisServer, tmp_path: Path) -> None:
    async with trial(server.url, tmp_path) as run:
        await run.start_workers(2, concurrency=4)
        long = await run.enqueue_many(2, run.app.nap, STALLED + LEASE)
        waiting = asyncio.create_task(run.learn(await run.enqueue_many(60, run.app.nap, 0.1)))
        await until(lambda: len(run.all_of(Ended)) >= 10)
        await stall(server)
        await waiting
        await run.learn(long)
        report = await run.conclude()
    assert (report.repeats, report.reaps, report.deaths) == (0, 0, [])


async def stall(server: RedisServer) -> None:
    server.pause()
    try:
        await asyncio.sleep(STALLED)
    finally:
        server.resume()
