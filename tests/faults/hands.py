"""A worker for a trial on any store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aioqueue import Worker
from tests.faults.trial import LEASE, Trial


@asynccontextmanager
async def at_work(run: Trial, *, concurrency: int = 8) -> AsyncIterator[None]:
    """Have a worker: in a process of its own until the trial ends, or in this one where no other can see the store."""
    if run.url.startswith("memory:"):
        async with Worker(run.app.queue, concurrency=concurrency, lease=LEASE):
            yield
    else:
        await run.start_worker(concurrency=concurrency)
        yield
