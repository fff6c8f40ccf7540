"""streaq on Redis, on uvloop."""

from __future__ import annotations

import os

import tally
from caller import AsyncCaller
from streaq import Worker

worker = Worker(redis_url=os.environ["BENCH_URL"], concurrency=100, anyio_kwargs={"use_uvloop": True})


@worker.task()
async def noop(number: int) -> int:
    tally.count()
    return number


async def enqueue(number: int) -> None:
    await noop.enqueue(number)


async def call(number: int) -> object:
    task = await noop.enqueue(number)
    return (await task.result(timeout=30)).result


caller = AsyncCaller(session=lambda: worker, enqueue=enqueue, call=call)
work = worker.run_sync
