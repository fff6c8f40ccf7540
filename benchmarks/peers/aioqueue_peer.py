"""aioqueue, on the store its URL names, with leases and results on."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from functools import partial

import heartbeat
import spans
import tally
from caller import AsyncCaller
from command import become

from aioqueue import Queue

queue = Queue(os.environ["BENCH_URL"])
queue.on_startup(heartbeat.start)


@queue.task
async def noop(number: int) -> int:
    tally.count()
    return number


@queue.task
def plain(number: int) -> int:
    tally.count()
    return number


@queue.task
async def nap(_number: int) -> None:
    """Sleep for a second."""
    spans.begin()
    await asyncio.sleep(1)
    spans.end()


@queue.task
async def burn(_number: int) -> None:
    """Take a millisecond of the processor."""
    spans.begin()
    until = time.thread_time() + 0.001
    while time.thread_time() < until:
        pass
    spans.end()


@queue.task
async def weigh(text: str) -> int:
    tally.count()
    return len(text)


async def weigh_many(size: int, numbers: Sequence[int]) -> None:
    text = "x" * size
    at_once = 1 + 10_000_000 // size
    for first in range(0, len(numbers), at_once):
        await weigh.map([text] * len(numbers[first : first + at_once]))


def work() -> None:
    """Become the worker: as many jobs at once, threads and processes as the environment says."""
    said = {option: os.environ.get(name) for option, name in OPTIONS.items()}
    options = [part for option, value in said.items() if value for part in (option, value)]
    become("aioqueue", "worker", f"{os.environ.get('BENCH_APP', 'aioqueue_peer')}:queue", *options, "-q")


OPTIONS = {"-c": "BENCH_CONCURRENCY", "-t": "BENCH_THREADS", "-w": "BENCH_PROCESSES"}
SIZES = (1_000, 10_000, 100_000)
KINDS = {"plain": plain.map, "nap": nap.map, "burn": burn.map}
caller = AsyncCaller(
    session=lambda: queue,
    enqueue=noop,
    call=noop.call,
    many=noop.map,
    kinds={**KINDS, **{f"payload-{size}": partial(weigh_many, size) for size in SIZES}},
)
