"""Worker processes, a producer and its waiters on one Redis, with a fault every few seconds, for as long as wanted.

`AIOQUEUE_SOAK_MINUTES` says for how long; else it is long enough for each fault to come once.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import mean

import pytest

from aioqueue.drivers.redis.driver import CALLS_AT_ONCE
from tests.faults.audit import Report
from tests.faults.gauges import HEAD, Reading, read_gauges, slope
from tests.faults.misfortunes import Misfortunes
from tests.faults.paced_producer import Pace
from tests.faults.processes import Process, start_program
from tests.faults.proxy import fault_proxy
from tests.faults.scale import scaled
from tests.faults.trial import Row, Trial, trial
from tests.servers import redis_server

pytestmark = pytest.mark.asyncio

WORKERS = 3
PROCESSES = WORKERS + 1
SECONDS = 60 * float(os.environ.get("AIOQUEUE_SOAK_MINUTES") or scaled(0.3, 2.0))
A_SECOND = 40.0
QUIET = max(3.0, SECONDS / 40)  # at the beginning and at the end: what faults and their repair cost is not a leak
LOOK_EVERY = max(0.5, SECONDS / 400)
FAULT_EVERY = (0.5, 1.5) if SECONDS < 60 else (2.0, 5.0)

# Memory is judged over the second half, and only where that is long: what a store remembers of a finished job is kept
# for ten minutes, and allocators and caches take some minutes until they stop to grow. The least that can be forgotten
# of a job, its id in some container, takes about a hundred bytes; what the fit of a process that leaks nothing has been
# seen to wander is a quarter of that.
JUDGED_FROM = 1_000.0
BYTES_A_JOB = 50.0


async def test_soak(tmp_path: Path, seed: int) -> None:
    with redis_server(appendonly="yes", appendfsync="always") as server:
        async with (
            fault_proxy(server.port) as proxy,
            trial(server.url, tmp_path, Row(27, f"soak of {SECONDS / 60:g} minutes", seed)) as run,
        ):
            misfortunes = Misfortunes(run, server, proxy)
            await run.start_workers(WORKERS, url=proxy.url)
            pace = Pace(proxy.url, run.app.queue.name, str(run.receipts), seed, A_SECOND)
            producer = start_program("tests.faults.paced_producer", pace, tmp_path, run.receipts)
            try:
                async with watched(run, producer) as readings:
                    await live(misfortunes, run)
                producer.terminate()
                assert await producer.ended() == 0, producer.log
            finally:
                producer.clear_away()
            report = await run.conclude()
    show(readings, misfortunes, report)
    assert "Traceback" not in producer.log
    assert report.deaths == []
    expect_few_connections(readings)
    if SECONDS >= JUDGED_FROM:
        expect_constant_connections(readings)
        expect_flat_memory(readings)


async def live(misfortunes: Misfortunes, run: Trial) -> None:
    """Let faults happen, with some quiet before and after."""
    await asyncio.sleep(QUIET)
    end = time.monotonic() + SECONDS - 2 * QUIET
    while time.monotonic() < end:
        await misfortunes.befall()
        await asyncio.sleep(run.random.uniform(*FAULT_EVERY))
    await asyncio.sleep(QUIET)


@asynccontextmanager
async def watched(run: Trial, producer: Process) -> AsyncIterator[list[Reading]]:
    """Read the gauges for the length of a block."""
    readings: list[Reading] = []

    async def watch() -> None:
        while True:
            reading = await read_gauges(run.url, run.processes[0].pid, producer.pid)
            readings.extend([reading] if reading is not None else [])
            await asyncio.sleep(LOOK_EVERY)

    watching = asyncio.create_task(watch())
    try:
        yield readings
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def expect_few_connections(readings: Sequence[Reading]) -> None:
    """A pool opens a connection when it needs one, up to its limit, and keeps it until that is cut."""
    began = [reading.connections for reading in readings if reading.at <= readings[0].at + QUIET]
    ended = [reading.connections for reading in readings if reading.at >= readings[-1].at - QUIET / 2]
    assert max(ended) <= max(began) + PROCESSES * CALLS_AT_ONCE


def expect_constant_connections(readings: Sequence[Reading]) -> None:
    """Not one a process more in the last quarter than in the second."""
    quarter = len(readings) // 4
    second, last = readings[quarter : 2 * quarter], readings[-quarter:]
    assert mean(r.connections for r in last) <= mean(r.connections for r in second) + PROCESSES


def expect_flat_memory(readings: Sequence[Reading]) -> None:
    half = second_half(readings)
    for of in (lambda r: r.worker, lambda r: r.producer, lambda r: r.redis):
        assert slope(half, of) <= BYTES_A_JOB * A_SECOND * 60


def second_half(readings: Sequence[Reading]) -> list[Reading]:
    middle = (readings[0].at + readings[-1].at) / 2
    return [reading for reading in readings if reading.at >= middle]


def show(readings: Sequence[Reading], misfortunes: Misfortunes, report: Report) -> None:
    """Print what there is to know."""
    print(f"\n{HEAD}")
    for reading in [*readings[:: max(1, len(readings) // 20)], readings[-1]]:
        print(reading.line(readings[0].at))
    for name, of in {
        "worker": lambda r: r.worker,
        "producer": lambda r: r.producer,
        "redis": lambda r: r.redis,
    }.items():
        print(f"{name}: {slope(second_half(readings), of) / 1024:+.1f} KiB a minute over the second half")
    print(f"faults: {', '.join(f'{name} {count}' for name, count in sorted(misfortunes.count.items()))}")
    print(
        f"jobs {report.enqueued}, lost {len(report.lost)}, contradictions {len(report.contradictions)}, "
        f"repeated {report.repeats}, reaps {report.reaps}, deaths {len(report.deaths)}, "
        f"slowest recovery {report.slowest_recovery:.1f} s"
    )
