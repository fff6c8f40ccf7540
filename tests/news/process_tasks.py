"""A queue that other processes know by their environment, and a script that works on it."""

from __future__ import annotations

import asyncio
import os

from aioqueue import Queue, Worker, current_job

STORE = "AIOQUEUE_TESTS_STORE"
NAME = "AIOQUEUE_TESTS_QUEUE"

queue = Queue(os.environ.get(STORE, "memory://"), name=os.environ.get(NAME, "default"))


@queue.task(executor="process")
def counted(steps: int) -> int:
    for step in range(1, steps + 1):
        queue.sync(current_job().progress(step, steps))
    return steps


@queue.task
async def add(a: int, b: int) -> int:
    return a + b


@queue.task(retries=1)
async def fails() -> None:
    raise ValueError("uh-oh")


async def main() -> None:
    """Enqueue and work."""
    async with queue:
        await add(1, 2)
        await fails()
        await add.options(delay=3600)(1, 2)
        await add.revoke()
        await add(1, 2)
        await Worker(queue, concurrency=1).drain()


if __name__ == "__main__":
    asyncio.run(main())
