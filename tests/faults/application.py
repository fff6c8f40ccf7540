"""The application under fault: tasks that leave receipts, and whose value is the name of the execution that gave it."""

from __future__ import annotations

import asyncio
import ctypes
import itertools
import math
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from aioqueue import Queue, Task, current_job
from aioqueue.periodic import Periodic
from aioqueue.schedules import Schedule
from tests.faults.beats import Beats
from tests.faults.receipts import Dropped, Ended, Reader, Started, WorkerKilled, write
from tests.faults.witness import WitnessedQueue

POISON_DELIVERIES: Final = 3
_A_LIFETIME: Final = timedelta(days=36_525)
_sleep_and_keep_the_gil: Final = ctypes.PyDLL(None).sleep
_executions = itertools.count(1)


@dataclass(frozen=True)
class Application:
    """A queue and its tasks.

    `nap` waits, and so does `bystander`, which may be in one worker that dies and in no second; `relay` takes anything.
    In its first execution `linger` waits for ever, `stumble` for too long, so that it is tried again, and `seize` keeps
    the whole process from going on; `block` keeps the loop from turning; `poison` ends the process that runs it.
    """

    queue: Queue
    nap: Task[[float], str]
    bystander: Task[[float], str]
    linger: Task[[], str]
    block: Task[[float], str]
    seize: Task[[int], str]
    poison: Task[[], str]
    stumble: Task[[], str]
    relay: Task[[Any], str]


def application(url: str, name: str, receipts: Path, failpoint: str = "") -> Application:
    """Make the application on the queue `name` of the store at `url`; the same in every process.

    One that is given a failpoint dies there (see `failpoints`).
    """
    queue = WitnessedQueue(url, name, receipts, failpoint)
    return Application(queue, **_harmless_tasks(queue, receipts), **_faulty_tasks(queue, receipts))


def _harmless_tasks(queue: Queue, receipts: Path) -> dict[str, Any]:
    @queue.task(name="nap")
    async def nap(seconds: float) -> str:
        with _execution(receipts) as execution:
            await asyncio.sleep(seconds)
        return execution

    @queue.task(name="bystander", max_deliveries=2)
    async def bystander(seconds: float) -> str:
        with _execution(receipts) as execution:
            await asyncio.sleep(seconds)
        return execution

    @queue.task(name="relay")
    async def relay(given: Any) -> str:
        with _execution(receipts) as execution:
            return execution

    return {"nap": nap, "bystander": bystander, "relay": relay}


def _faulty_tasks(queue: Queue, receipts: Path) -> dict[str, Any]:
    @queue.task(name="linger")
    async def linger() -> str:
        return await _but_first(receipts, asyncio.Event().wait)

    @queue.task(name="stumble", timeout=0.5, retries=1, retry_delay=0.1)
    async def stumble() -> str:
        return await _but_first(receipts, asyncio.Event().wait)

    @queue.task(name="block")
    async def block(seconds: float) -> str:
        with _execution(receipts) as execution:
            time.sleep(seconds)  # noqa: ASYNC251 -- this is the fault
        return execution

    @queue.task(name="seize")
    async def seize(seconds: int) -> str:
        async def keep_the_gil() -> None:
            _sleep_and_keep_the_gil(seconds)
            time.sleep(0.1)  # noqa: ASYNC251 -- here at the latest other threads can look on

        return await _but_first(receipts, keep_the_gil)

    @queue.task(name="poison", max_deliveries=POISON_DELIVERIES)
    async def poison() -> str:
        with _execution(receipts):
            write(receipts, WorkerKilled(pid=os.getpid()))
            os._exit(1)

    return {"linger": linger, "stumble": stumble, "block": block, "seize": seize, "poison": poison}


async def _but_first(receipts: Path, do: Callable[[], Awaitable[object]]) -> str:
    """Do something in a job's first execution only."""
    is_first = not _was_started(receipts, current_job().id)
    with _execution(receipts) as execution:
        if is_first:
            await do()
    return execution


def add_tick(queue: Queue, receipts: Path, at: float) -> None:
    """Add a periodic task with one slot, at the Unix time `at`."""
    _add_ticking(queue, receipts, _Once(at))


def add_ticks(queue: Queue, receipts: Path, first: float) -> None:
    """Add a periodic task with a slot each second from the Unix time `first` on."""
    _add_ticking(queue, receipts, _EachSecond(first))


def _add_ticking(queue: Queue, receipts: Path, schedule: Schedule) -> None:
    @queue.periodic_task(schedule, name="tick", results=True)
    async def tick() -> str:
        with _execution(receipts) as execution:
            return execution


def add_beat(queue: Queue, receipts: Path, beats: Beats) -> Periodic:
    """Add a periodic task that is to run for each slot, however late."""

    @queue.periodic_task(beats, misfire="all", name="beat", results=True)
    async def beat() -> str:
        with _execution(receipts) as execution:
            return execution

    return queue.periodic[-1]


class _Once:
    """One slot, and no other within a lifetime."""

    def __init__(self, at: float) -> None:
        self._at = datetime.fromtimestamp(at, UTC)

    def next(self, after: datetime) -> datetime:
        return self._at if after < self._at else after + _A_LIFETIME


class _EachSecond:
    def __init__(self, first: float) -> None:
        self._first = first

    def next(self, after: datetime) -> datetime:
        return datetime.fromtimestamp(max(self._first, math.floor(after.timestamp()) + 1), UTC)


@contextmanager
def _execution(receipts: Path) -> Iterator[str]:
    """Write down that a body started and how it ended; gives the execution's name."""
    job_id, n = current_job().id, next(_executions)
    write(receipts, Started(id=job_id, n=n))
    try:
        yield f"{os.getpid()}.{n}"
    except BaseException:
        write(receipts, Dropped(id=job_id, n=n))
        raise
    write(receipts, Ended(id=job_id, n=n))


def _was_started(receipts: Path, job_id: str) -> bool:
    return any(isinstance(receipt, Started) and receipt.id == job_id for receipt in Reader(receipts).read())
