"""On SAQ: waiting is `job.refresh(until_complete=)`, which listens; for what it misses it asks again after a second."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import uvloop
from fastapi import FastAPI
from reporting import PROCESSES, in_process, service
from saq import Job, Queue
from saq.worker import start

LOST_SECONDS = 1.0
queue = Queue.from_url(os.environ["BENCH_URL"], max_concurrent_ops=100)


async def make_report(context: Any, *, upload: str, title: str) -> dict[str, Any]:
    return await in_process(context["pool"], upload, title)


async def startup(context: Any) -> None:
    context["pool"] = ProcessPoolExecutor(PROCESSES)


async def shutdown(context: Any) -> None:
    context["pool"].shutdown()


settings = {
    "queue": queue,
    "functions": [make_report],
    "concurrency": 100,
    "startup": startup,
    "shutdown": shutdown,
}


class SaqReports:
    async def start(self, upload: str, title: str) -> Job:
        job = await queue.enqueue("make_report", upload=upload, title=title)
        assert job is not None
        return job

    async def find(self, job_id: str) -> Job:
        job = await queue.job(job_id)
        assert job is not None
        return job

    async def wait(self, job: Job, seconds: float) -> Any:
        async with asyncio.timeout(seconds or 0.001):
            while not job.completed:
                with contextlib.suppress(asyncio.TimeoutError):
                    await job.refresh(until_complete=LOST_SECONDS)
        if job.error:
            raise RuntimeError(job.error)
        return job.result

    def id_of(self, job: Job) -> str:
        return job.key


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    await queue.connect()
    yield
    await queue.disconnect()


app = service(SaqReports(), lifespan)


def work() -> None:
    uvloop.install()
    start("saq_service.settings")
