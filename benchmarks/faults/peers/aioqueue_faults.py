"""aioqueue: one lease a worker; a job may be delivered five times, its default."""

from __future__ import annotations

import os

import bodies
from command import become

from aioqueue import Queue

queue = Queue(os.environ["FAULTS_URL"])


@queue.task
async def job(number: int, seconds: float, what: str) -> None:
    await bodies.nap(number, seconds, what)


def session() -> Queue:
    return queue


enqueue = job


def work() -> None:
    become("aioqueue", "worker", "aioqueue_faults:queue", "-c", "4", "--lease", str(bodies.TIMEOUT))
