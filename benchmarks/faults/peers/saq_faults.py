"""SAQ with a heartbeat that the job itself keeps up, swept every second, and five attempts."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import bodies
from saq import Queue
from saq.worker import start

queue = Queue.from_url(os.environ["FAULTS_URL"])


async def job(context: Any, *, number: int, seconds: float, what: str) -> None:
    await bodies.nap(number, seconds, what, context["job"].update)


settings = {"queue": queue, "functions": [job], "concurrency": 4, "timers": {"sweep": 1}}


@asynccontextmanager
async def session() -> AsyncIterator[None]:
    await queue.connect()
    yield
    await queue.disconnect()


async def enqueue(number: int, seconds: float, what: str) -> None:
    alive = {"heartbeat": int(bodies.TIMEOUT), "timeout": 0, "retries": bodies.DELIVERIES}
    await queue.enqueue("job", number=number, seconds=seconds, what=what, **alive)


def work() -> None:
    start("saq_faults.settings")
