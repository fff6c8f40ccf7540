"""On arq: its worker polls for jobs, and whoever waits polls for the result."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import uvloop
from arq import ArqRedis, run_worker
from arq.connections import RedisSettings
from arq.jobs import Job
from fastapi import FastAPI
from reporting import PROCESSES, in_process, service

WORKER_POLL_SECONDS = 0.01
RESULT_CHECK_SECONDS = 0.02
pool = ArqRedis.from_url(os.environ["BENCH_URL"])


async def make_report(context: Any, upload: str, title: str) -> dict[str, Any]:
    return await in_process(context["pool"], upload, title)


async def startup(context: Any) -> None:
    context["pool"] = ProcessPoolExecutor(PROCESSES)


async def shutdown(context: Any) -> None:
    context["pool"].shutdown()


class WorkerSettings:
    functions = (make_report,)
    redis_settings = RedisSettings.from_dsn(os.environ["BENCH_URL"])
    max_jobs = 100
    poll_delay = WORKER_POLL_SECONDS
    log_results = False
    on_startup = startup
    on_shutdown = shutdown


class ArqReports:
    async def start(self, upload: str, title: str) -> Job:
        job = await pool.enqueue_job("make_report", upload, title)
        assert job is not None
        return job

    async def find(self, job_id: str) -> Job:
        return Job(job_id, pool)

    async def wait(self, job: Job, seconds: float) -> Any:
        return await job.result(timeout=seconds or 0.001, poll_delay=RESULT_CHECK_SECONDS)

    def id_of(self, job: Job) -> str:
        return job.job_id


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    yield
    await pool.aclose()


app = service(ArqReports(), lifespan)


def work() -> None:
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    run_worker(WorkerSettings)  # type: ignore[arg-type]
