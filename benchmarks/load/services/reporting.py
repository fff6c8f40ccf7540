"""The report service once more, for queues that bring no parts for a web framework: reading and checking are the same.

What is left to each queue: storing a job, waiting for its value for so many seconds, and finding it again by its id.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from pathlib import PurePath
from typing import Any, Generic, Protocol, TypeVar

from anyio import to_thread
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from inside import add_inside

from report_service.receiving import uploaded
from report_service.report import report_on
from report_service.uploads import folder, keep

J = TypeVar("J")
PATIENCE = 10.0
PROCESSES = os.cpu_count() or 1


class Reports(Protocol, Generic[J]):
    """One queue."""

    async def start(self, upload: str, title: str) -> J:
        """Store a job."""

    async def find(self, job_id: str) -> J:
        """Return the job of an id."""

    async def wait(self, job: J, seconds: float) -> Any:
        """Return its value; TimeoutError if there is none in time."""

    def id_of(self, job: J) -> str:
        """Return its id."""


def service(reports: Reports[Any], lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]]) -> FastAPI:
    """Return the application."""
    app = FastAPI(lifespan=lifespan)

    async def answer(job: Any, patience: float) -> Response:
        try:
            return JSONResponse(await reports.wait(job, patience))
        except TimeoutError:
            link = f"/api/reports/{reports.id_of(job)}"
            return JSONResponse({"link": link}, 202, {"Location": link, "Retry-After": "1"})

    @app.post("/api/reports")
    async def upload(request: Request, patience: float = PATIENCE) -> Response:
        async with uploaded(request) as file:
            name = await to_thread.run_sync(keep, file.file)
        return await answer(await reports.start(name, PurePath(file.filename or name).name), patience)

    @app.get("/api/reports/{job_id}")
    async def report(job_id: str) -> Response:
        return await answer(await reports.find(job_id), PATIENCE)

    add_inside(app, lambda: 0)
    return app


def work(upload: str, title: str) -> dict[str, Any]:
    """Read a file, in a process of the worker."""
    return asdict(report_on(folder() / upload, title))


async def in_process(pool: ProcessPoolExecutor, upload: str, title: str) -> dict[str, Any]:
    """Have a process of the worker read a file."""
    return await asyncio.get_running_loop().run_in_executor(pool, work, upload, title)
