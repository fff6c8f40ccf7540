"""aioqueue, on the store its URL names, with leases and results on."""

from __future__ import annotations

import os

import tally
from caller import AsyncCaller
from command import become

from aioqueue import Queue

queue = Queue(os.environ["BENCH_URL"])


@queue.task
async def noop(number: int) -> int:
    tally.count()
    return number


def work() -> None:
    become("aioqueue", "worker", "aioqueue_peer:queue", "-c", "100", "-q")


caller = AsyncCaller(session=lambda: queue, enqueue=noop, call=noop.call)
