"""What aioqueue's schedule is asked: how late jobs begin, and what becomes of it when it is deep."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from aioqueue_peer import noop, queue
from caller import latencies_of, run

STEP = 1_000
DAYS_AWAY = 5 * 86_400


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
        return latencies_of(found)

    return run(schedule_each())


def schedule(jobs: int) -> dict[str, object]:
    """Schedule jobs for times that differ and are days away; how many seconds each thousand took."""

    async def schedule_all() -> dict[str, object]:
        steps: list[float] = []
        async with queue:
            for first in range(0, jobs, STEP):
                numbers = range(first, min(first + STEP, jobs))
                calls = [noop.options(delay=DAYS_AWAY + number * 7 % jobs).s(number) for number in numbers]
                started = time.perf_counter()
                await queue.enqueue_all(calls)
                steps.append(time.perf_counter() - started)
        return {"jobs": jobs, "step": STEP, "seconds": steps}

    return run(schedule_all())


def make_due(jobs: int) -> dict[str, object]:
    """Pause the queue, and move the store's clock to where every job of `schedule` is due."""

    async def pause_and_shift() -> dict[str, object]:
        async with queue:
            await queue.pause()
            session = await queue.session()
            await session.driver.shift(DAYS_AWAY + jobs + 1)
        return {}

    return run(pause_and_shift())


def resume() -> dict[str, object]:
    """End the pause."""

    async def resume_queue() -> dict[str, object]:
        async with queue:
            await queue.resume()
        return {}

    return run(resume_queue())
