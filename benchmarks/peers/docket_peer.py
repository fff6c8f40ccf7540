"""docket (pydocket) on Redis, on uvloop; checking for work every millisecond where its default is 250 ms.

More than 20 jobs at a time bring nothing, and near 100 its pool runs out of connections.
"""

from __future__ import annotations

import os
from datetime import timedelta

import tally
import uvloop
from caller import AsyncCaller
from docket import Docket, Worker

CHECK = timedelta(milliseconds=1)
docket = Docket(name="bench", url=os.environ["BENCH_URL"])


async def noop(number: int) -> int:
    tally.count()
    return number


docket.register(noop)


async def enqueue(number: int) -> None:
    await docket.add(noop)(number)


async def call(number: int) -> object:
    execution = await docket.add(noop)(number)
    return await execution.get_result(timeout=timedelta(seconds=30))


async def run_worker() -> None:
    async with docket, Worker(docket, concurrency=20, minimum_check_interval=CHECK) as worker:
        await worker.run_forever()


def work() -> None:
    uvloop.run(run_worker())


caller = AsyncCaller(session=lambda: docket, enqueue=enqueue, call=call)
