"""A worker in another process with the periodic task of the tests; it stops when its input ends."""

from __future__ import annotations

import asyncio
import os
import sys

from aioqueue import Queue
from aioqueue.schedules import every

queue = Queue(os.environ["AIOQUEUE_TESTS_STORE"], name=os.environ["AIOQUEUE_TESTS_QUEUE"])


@queue.periodic_task(every(seconds=0.2), name="beat")
async def beat() -> None:
    await queue.kv.increment("runs")


async def main() -> None:
    """Work until told to stop."""
    async with queue, queue.worker():
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(main())
