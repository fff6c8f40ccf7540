"""taskiq-redis with the list broker and Redis results, on uvloop (its worker takes it when it is installed)."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import tally
from caller import AsyncCaller
from command import become
from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend

RESULT_CHECK_SECONDS = 0.001
url = os.environ["BENCH_URL"]
broker = ListQueueBroker(url).with_result_backend(RedisAsyncResultBackend(url))


@broker.task(task_name="noop")
async def noop(number: int) -> int:
    tally.count()
    return number


@asynccontextmanager
async def session() -> AsyncIterator[None]:
    await broker.startup()
    yield
    await broker.shutdown()


async def enqueue(number: int) -> None:
    await noop.kiq(number)


async def call(number: int) -> object:
    task = await noop.kiq(number)
    result = await task.wait_result(check_interval=RESULT_CHECK_SECONDS, timeout=30)
    return result.return_value


def work() -> None:
    options = ("--workers", "1", "--max-async-tasks", "100", "--max-prefetch", "100", "--log-level", "WARNING")
    become("taskiq", "worker", *options, "taskiq_peer:broker")


caller = AsyncCaller(session=session, enqueue=enqueue, call=call)
