"""arq: a job is given to another worker when its timeout and ten seconds have passed; five tries, its default."""

from __future__ import annotations

import os

import bodies
from arq import ArqRedis, run_worker
from arq.connections import RedisSettings
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError, TimeoutError  # noqa: A004 -- the names redis-py gives them

pool = ArqRedis.from_url(os.environ["FAULTS_URL"])
settings = RedisSettings.from_dsn(os.environ["FAULTS_URL"])
settings.retry_on_error = [ConnectionError, TimeoutError]
settings.retry = Retry(ExponentialBackoff(cap=1.0), retries=15)


async def job(_context: object, number: int, seconds: float, what: str) -> None:
    await bodies.nap(number, seconds, what)


class WorkerSettings:
    functions = (job,)
    redis_settings = settings
    max_jobs = 4
    poll_delay = 0.1
    job_timeout = bodies.TIMEOUT
    max_tries = bodies.DELIVERIES


def session() -> ArqRedis:
    return pool


async def enqueue(number: int, seconds: float, what: str) -> None:
    assert await pool.enqueue_job("job", number, seconds, what) is not None


def work() -> None:
    run_worker(WorkerSettings)  # type: ignore[arg-type]
