"""An application for the worker command: `test_consuming.py` starts it in processes of its own."""

from __future__ import annotations

import asyncio
import os

from aioqueue import Job, Queue, current_job, every

queue = Queue(name=os.environ.get("CONSUMED_QUEUE", "default"))


@queue.task(name="add")
async def add(a: int, b: int) -> int:
    """Add."""
    return a + b


@queue.task(name="flaky", retries=1, retry_delay=0.01, context=True)
async def flaky(job: Job[str]) -> str:
    """Fail once."""
    if job.tries == 0:
        raise ValueError("uh-oh")
    return "OK"


@queue.task(name="locked")
@queue.lock_task("consumed")
def locked() -> str:
    """Run alone."""
    return "alone"


@queue.task(name="forever", context=True)
async def forever(job: Job[None]) -> None:
    """Tell that it runs, and run until it is cancelled."""
    await job.progress(1)
    await asyncio.Event().wait()


opened: list[int] = []


@queue.on_startup(scope="process")
def open_connection() -> None:
    """Open the connection of this process."""
    opened.append(os.getpid())


@queue.task(name="query", executor="process")
def query() -> tuple[int, list[int]]:
    """Tell the process, and those in which the connection it sees was opened."""
    return os.getpid(), opened


@queue.periodic_task(every(seconds=0.2), name="beat")
async def beat() -> None:
    """Count how often each slot is run."""
    if os.environ.get("CONSUMED_BEATS"):
        await queue.kv.increment(f"runs of {current_job().id}")
        await queue.kv.increment("beats")
