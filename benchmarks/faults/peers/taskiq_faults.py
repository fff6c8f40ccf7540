"""taskiq-redis with its stream broker, acknowledged when the result is stored, which is the default.

A claimed message counts as idle while it runs and while it waits in the worker, so few are fetched at once.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import bodies
from command import become
from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

url = os.environ["FAULTS_URL"]
broker = RedisStreamBroker(
    url,
    consumer_id="0",
    idle_timeout=int(bodies.TIMEOUT * 1_000),
    unacknowledged_lock_timeout=bodies.TIMEOUT,
    xread_block=1_000,
    xread_count=4,
).with_result_backend(RedisAsyncResultBackend(url, result_ex_time=600))


@broker.task(task_name="job")
async def job(number: int, seconds: float, what: str) -> None:
    await bodies.nap(number, seconds, what)


@asynccontextmanager
async def session() -> AsyncIterator[None]:
    await broker.startup()
    yield
    await broker.shutdown()


async def enqueue(number: int, seconds: float, what: str) -> None:
    await job.kiq(number, seconds, what)


def work() -> None:
    options = ("--workers", "1", "--max-async-tasks", "4", "--max-prefetch", "0", "--ack-type", "when_saved")
    become("taskiq", "worker", *options, "taskiq_faults:broker")
