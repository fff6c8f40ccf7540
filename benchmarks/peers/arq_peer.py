"""arq on Redis, on uvloop; its worker polls every 10 ms and its callers every millisecond; both default to 500."""

from __future__ import annotations

import os

import tally
import uvloop
from arq import ArqRedis, run_worker
from arq.connections import RedisSettings
from caller import AsyncCaller

WORKER_POLL_SECONDS = 0.01
RESULT_CHECK_SECONDS = 0.001
pool = ArqRedis.from_url(os.environ["BENCH_URL"])


async def noop(_context: object, number: int) -> int:
    tally.count()
    return number


class WorkerSettings:
    functions = (noop,)
    redis_settings = RedisSettings.from_dsn(os.environ["BENCH_URL"])
    max_jobs = 100
    poll_delay = WORKER_POLL_SECONDS
    log_results = False


async def enqueue(number: int) -> None:
    await pool.enqueue_job("noop", number)


async def call(number: int) -> object:
    job = await pool.enqueue_job("noop", number)
    assert job is not None
    return await job.result(timeout=30, poll_delay=RESULT_CHECK_SECONDS)


def work() -> None:
    uvloop.install()
    run_worker(WorkerSettings)  # type: ignore[arg-type]


caller = AsyncCaller(session=lambda: pool, enqueue=enqueue, call=call)
