"""docket (pydocket): what a worker has not renewed for `redelivery_timeout` goes to another."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta

import bodies
from docket import Docket, Worker

RECONNECTION = timedelta(seconds=1)
docket = Docket(name="faults", url=os.environ["FAULTS_URL"])


async def job(number: int, seconds: float, what: str) -> None:
    await bodies.nap(number, seconds, what)


docket.register(job)


def session() -> Docket:
    return docket


async def enqueue(number: int, seconds: float, what: str) -> None:
    await docket.add(job)(number, seconds, what)


async def run_worker() -> None:
    redelivery = timedelta(seconds=bodies.TIMEOUT)
    worker = Worker(docket, concurrency=4, redelivery_timeout=redelivery, reconnection_delay=RECONNECTION)
    async with docket, worker:
        await worker.run_forever()


def work() -> None:
    asyncio.run(run_worker())
