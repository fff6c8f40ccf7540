"""SAQ on Redis, on uvloop; its command line has no switch for that, so its own entry point is called here.

`queue.apply` polls and takes a second, so results are waited for with `job.refresh`, which listens. A notification sent
before it listens is lost; it then looks again after `LOST_SECONDS`. It stores many jobs as its own `queue.map` begins:
with `gather` over `enqueue`; there is no call for many, and `map` itself waits for every value.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import tally
import uvloop
from caller import AsyncCaller
from saq import Queue, Status
from saq.worker import start

LOST_SECONDS = 1.0
queue = Queue.from_url(os.environ["BENCH_URL"], max_concurrent_ops=100)


async def noop(_context: object, *, number: int) -> int:
    tally.count()
    return number


settings = {"queue": queue, "functions": [noop], "concurrency": 100}


@asynccontextmanager
async def session() -> AsyncIterator[None]:
    await queue.connect()
    yield
    await queue.disconnect()


async def enqueue(number: int) -> None:
    await queue.enqueue("noop", number=number)


async def enqueue_many(numbers: Sequence[int]) -> None:
    await asyncio.gather(*(queue.enqueue("noop", number=number) for number in numbers))


async def call(number: int) -> object:
    while True:
        job = await queue.enqueue("noop", number=number)
        assert job is not None
        while not job.completed:
            with contextlib.suppress(asyncio.TimeoutError):
                await job.refresh(until_complete=LOST_SECONDS)
        if job.status != Status.ABORTED:  # a worker that has just started may sweep the first one
            return job.result


def work() -> None:
    uvloop.install()
    start("saq_peer.settings")


caller = AsyncCaller(session=session, enqueue=enqueue, call=call, many=enqueue_many)
