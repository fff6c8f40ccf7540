"""Redis goes away and comes back, or stands still, under a worker and under waiters."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.faults.audit import Report
from tests.faults.receipts import Ended, SettleAnswered
from tests.faults.scale import scaled
from tests.faults.trial import LEASE, Row, Trial, trial, until
from tests.servers import RedisServer, redis_server

pytestmark = pytest.mark.asyncio

CONSUMING_WITHIN = 3.0
AWAY = LEASE + 1.5  # long enough for a worker's pauses between tries to have become long, and for leases to run out
STALLED = 3 * LEASE  # longer than a lease, and longer than a client waits for a reply
CONCURRENCY = 4

ENDS = {"killed": RedisServer.kill, "stopped": RedisServer.stop}


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A server that forgets nothing when it is killed."""
    with redis_server(appendonly="yes", appendfsync="always") as server:
        yield server


@pytest.mark.parametrize("end", ENDS)
async def test_a_restart_while_workers_are_busy(server: RedisServer, tmp_path: Path, end: str, seed: int) -> None:
    async with trial(server.url, tmp_path, Row(7, f"Redis {end} and restarted, workers busy", seed)) as run:
        await run.start_workers(2, concurrency=CONCURRENCY)
        waiting = asyncio.create_task(run.learn(await run.enqueue_many(scaled(80, 400), run.app.nap, 0.1)))
        enough = run.random.randint(5, 30)
        await until(lambda: len(run.all_of(Ended)) >= enough)
        await be_away(server, ENDS[end])
        known = len(run.all_of(SettleAnswered))
        await until(lambda: len(run.all_of(SettleAnswered)) > known + 2 * CONCURRENCY, within=CONSUMING_WITHIN)
        await waiting
        report = await run.conclude()
    assert_nobody_was_reaped(run, report)


@pytest.mark.parametrize("end", ENDS)
async def test_a_restart_while_the_worker_is_idle(server: RedisServer, tmp_path: Path, end: str, seed: int) -> None:
    async with trial(server.url, tmp_path, Row(7, f"Redis {end} and restarted, worker idle", seed)) as run:
        await run.start_worker()
        await run.learn([await run.enqueue(run.app.nap, 0.0)])
        await asyncio.sleep(run.random.uniform(0.0, LEASE / 2))
        await be_away(server, ENDS[end])
        async with asyncio.timeout(CONSUMING_WITHIN):
            await run.learn([await run.enqueue(run.app.nap, 0.0)])
        report = await run.conclude()
    assert_nobody_was_reaped(run, report)
    assert report.repeats == 0


async def test_a_stall_while_workers_are_busy(server: RedisServer, tmp_path: Path, seed: int) -> None:
    async with trial(server.url, tmp_path, Row(7, "Redis stalled for three leases, workers busy", seed)) as run:
        await run.start_workers(2, concurrency=CONCURRENCY)
        long = await run.enqueue_many(2, run.app.nap, 1.5 * LEASE)
        waiting = asyncio.create_task(run.learn(await run.enqueue_many(scaled(60, 300), run.app.nap, 0.1)))
        enough = run.random.randint(5, 30)
        await until(lambda: len(run.all_of(Ended)) >= enough)
        await stall(server)
        known = len(run.all_of(SettleAnswered))
        await until(lambda: len(run.all_of(SettleAnswered)) > known + CONCURRENCY, within=CONSUMING_WITHIN)
        await waiting
        await run.learn(long)
        report = await run.conclude()
    assert_nobody_was_reaped(run, report)


async def test_a_stall_while_the_worker_is_idle(server: RedisServer, tmp_path: Path, seed: int) -> None:
    async with trial(server.url, tmp_path, Row(7, "Redis stalled for three leases, worker idle", seed)) as run:
        await run.start_worker()
        await run.learn([await run.enqueue(run.app.nap, 0.0)])
        await asyncio.sleep(run.random.uniform(0.0, LEASE / 2))
        await stall(server)
        async with asyncio.timeout(CONSUMING_WITHIN):
            await run.learn([await run.enqueue(run.app.nap, 0.0)])
        report = await run.conclude()
    assert_nobody_was_reaped(run, report)
    assert report.repeats == 0


async def be_away(server: RedisServer, end: Callable[[RedisServer], None]) -> None:
    """End the server and start it again; returns at the first PONG."""
    await asyncio.to_thread(end, server)
    await asyncio.sleep(AWAY)
    await asyncio.to_thread(server.restart)
    await asyncio.to_thread(until_pong, server)


async def stall(server: RedisServer) -> None:
    """Let the server stand still for a while; returns at the first PONG."""
    server.pause()
    try:
        await asyncio.sleep(STALLED)
    finally:
        server.resume()
    await asyncio.to_thread(until_pong, server)


def until_pong(server: RedisServer) -> None:
    """Ask until the server answers; while it loads its file it refuses."""
    with Redis.from_url(server.url) as client:
        while True:
            try:
                client.ping()
            except RedisError:
                continue
            return


def assert_nobody_was_reaped(run: Trial, report: Report) -> None:
    """No worker died or was taken for dead; what was running at most ran once more.

    A worker that was cut off for nearly a lease cannot know that nobody has its jobs, and drops their bodies.
    """
    assert (report.reaps, report.deaths) == (0, [])
    assert max(report.executions.values()) <= 2
    assert report.repeats <= len(run.processes) * CONCURRENCY
