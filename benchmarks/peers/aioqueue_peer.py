"""aioqueue, on the store its URL names, with leases and results on."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

import tally
from caller import AsyncCaller, percentiles, run
from command import become

from aioqueue import Queue

STEP = 1_000
DAYS_AWAY = 5 * 86_400

queue = Queue(os.environ["BENCH_URL"])


@queue.task
async def noop(number: int) -> int:
    tally.count()
    return number


@queue.task
async def late(due: float) -> float:
    return time.time() - due


def lateness(jobs: int) -> dict[str, object]:
    """How late jobs begin that are scheduled, one after another, for a moment that is no round one."""

    async def schedule_each() -> dict[str, object]:
        found: list[float] = []
        async with queue:
            for number in range(jobs):
                due = time.time() + 0.05 + number % 17 * 0.003
                found.append(await late.options(eta=datetime.fromtimestamp(due, UTC)).call(due))
        return percentiles(found)

    return run(schedule_each())


def schedule(jobs: int) -> dict[str, object]:
    """Schedule jobs for times that differ and are days away."""

    async def schedule_all() -> dict[str, object]:
        async with queue:
            for first in range(0, jobs, STEP):
                numbers = range(first, min(first + STEP, jobs))
                await queue.enqueue_all([noop.options(delay=DAYS_AWAY + number).s(number) for number in numbers])
        return {"jobs": jobs}

    return run(schedule_all())


def work() -> None:
    become("aioqueue", "worker", "aioqueue_peer:queue", "-c", "100", "-q")


caller = AsyncCaller(session=lambda: queue, enqueue=noop, call=noop.call)
