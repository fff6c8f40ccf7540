"""The application under simulation, the same in every process: tasks that leave receipts of each execution.

The value of a job is the name of the execution that gave it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aioqueue import Queue, current_job
from aioqueue.drivers.base import Driver
from aioqueue.errors import StoreUnavailable
from aioqueue.schedules import every
from aioqueue.session import Session
from tests.faults.receipts import Dropped, Ended
from tests.simulation.process import running_process

BEAT: Final = 10.0
POISON_DELIVERIES: Final = 2


class Broken(Exception):
    """What a task raises that is to fail."""


class SimulatedQueue(Queue):
    """A queue that belongs to whichever simulated process uses it."""

    def driver(self) -> Driver:
        return running_process.get().make_driver()

    async def session(self) -> Session:
        process = running_process.get()
        if process.session is None:
            process.session = Session(self.driver())
        if not process.session.is_open:
            await process.session.open()
        return process.session


queue = SimulatedQueue("memory://simulation", name="simulated")


@contextmanager
def execution() -> Iterator[str]:
    """Write down that a body started and how it ended; gives the execution's name."""
    process, job_id = running_process.get(), current_job().id
    history = process.history
    n = next(history.executions)
    name = f"{process.pid}.{n}"
    history.start(job_id, n, process)
    try:
        yield name
    except Exception:
        raise
    except BaseException:
        history.write(Dropped(id=job_id, n=n, pid=process.pid, at=history.now))
        history.tell(process.name, "drops", job_id)
        raise
    history.write(Ended(id=job_id, n=n, pid=process.pid, at=history.now))


@queue.task(name="nap")
async def nap(seconds: float) -> str:
    with execution() as name:
        await asyncio.sleep(seconds)
    return name


@queue.task(name="fail", retries=2, retry_delay=3)
async def fail(seconds: float) -> str:
    with execution():
        await asyncio.sleep(seconds)
        raise Broken


@queue.task(name="falter", retries=5, retry_delay=0.5, retry_backoff=1.2)
async def falter(failures: int) -> str:
    """Fail so many executions, then succeed: what comes too late for one of them meets the next."""
    with execution() as name:
        await asyncio.sleep(2)
        if running_process.get().history.started[current_job().id] <= failures:
            raise Broken
    return name


@queue.task(name="overrun", timeout=5, retries=1)
async def overrun(seconds: float) -> str:
    with execution() as name:
        await asyncio.sleep(seconds)
    return name


@queue.task(name="once", at_most_once=True)
async def once(seconds: float) -> str:
    with execution() as name:
        await asyncio.sleep(seconds)
    return name


@queue.task(name="poison", max_deliveries=POISON_DELIVERIES)
async def poison() -> str:
    with execution():
        process = running_process.get()
        process.history.tell(process.name, "*** is killed by its job", current_job().id)
        process.vanish()
        await asyncio.sleep(0)
    raise AssertionError("a process that has vanished goes on")


@queue.task(name="alone", retries=1_000, retry_delay=2)
@queue.lock_task("the door", ttl=15)
async def alone(seconds: float) -> str:
    with execution() as name:
        await asyncio.sleep(seconds)
    return name


@queue.task(name="parent", timeout=60)
async def parent(seconds: float) -> str:
    """Enqueue a job, always the same one, and end."""
    with execution() as name:
        await asyncio.sleep(seconds)
        job = nap.options(id=f"{current_job().id}-child")(seconds)
        history = running_process.get().history
        try:
            history.acknowledge((await job).id)
        except StoreUnavailable as error:
            raise Broken from error
    return name


@queue.task(name="stage")
async def stage(previous: str, seconds: float) -> str:
    with execution() as name:
        running_process.get().history.hand(current_job().id, [previous])
        await asyncio.sleep(seconds)
    return name


@queue.task(name="total")
async def total(values: list[str]) -> str:
    with execution() as name:
        running_process.get().history.hand(current_job().id, values)
        await asyncio.sleep(0.5)
    return name


@queue.periodic_task(every(seconds=BEAT), misfire="all", name="beat", results=True)
async def beat() -> str:
    with execution() as name:
        await asyncio.sleep(0.2)
    return name
