"""streaq: what a worker has not touched for `idle_timeout` goes to another; five tries."""

from __future__ import annotations

import os

import bodies
from streaq import Worker

worker = Worker(redis_url=os.environ["FAULTS_URL"], concurrency=4, idle_timeout=bodies.TIMEOUT)


@worker.task(max_tries=bodies.DELIVERIES)
async def job(number: int, seconds: float, what: str) -> None:
    await bodies.nap(number, seconds, what)


def session() -> Worker:
    return worker


async def enqueue(number: int, seconds: float, what: str) -> None:
    await job.enqueue(number, seconds, what)


work = worker.run_sync
