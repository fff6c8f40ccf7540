"""Many results awaited at once in one process."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from statistics import median

import psutil  # type: ignore[import-untyped]
from aioqueue_peer import noop, queue
from caller import run

REGISTERED_SECONDS = 1.0


def awaiting(results: int, times: int) -> dict[str, object]:
    """How fast so many results arrive, first to last, each time anew; memory before, and after each time.

    `blocks` are those that Python has allocated: what is alive, whatever the system's allocator keeps for later. The
    queue is paused until all results are awaited, so that it is their delivery that is timed.
    """

    async def await_all() -> dict[str, object]:
        rates, resident, blocks = [], [], []
        async with queue:
            await noop.call(0)
            before, blocks_before = _resident(), sys.getallocatedblocks()
            for _ in range(times):
                rates.append(await _delivery(results))
                resident.append(_resident())
                blocks.append(sys.getallocatedblocks())
        memory = {"before": before, "first": resident[0], "last": resident[-1]}
        return {"rate": median(rates), **memory, "blocks_before": blocks_before, "blocks_last": blocks[-1]}

    return run(await_all())


async def _delivery(results: int) -> float:
    arrivals: list[float] = []

    async def arrive(result: object, number: int) -> None:
        assert await result == number  # type: ignore[misc]
        arrivals.append(time.perf_counter())

    await queue.pause()
    group = await noop.map(range(results))
    async with asyncio.TaskGroup() as waiting:
        for number, result in enumerate(group):
            waiting.create_task(arrive(result, number))
        await asyncio.sleep(REGISTERED_SECONDS)
        await queue.resume()
    return (len(arrivals) - 1) / (arrivals[-1] - arrivals[0])


def _resident() -> float:
    gc.collect()
    return float(psutil.Process().memory_info().rss)
