"""The application under fault: tasks that leave receipts, and whose value is the name of the execution that gave it."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aioqueue import Queue, Task, current_job
from tests.faults.receipts import Dropped, Ended, Reader, Started, write
from tests.faults.witness import WitnessedQueue

POISON_DELIVERIES: Final = 3
_executions = itertools.count(1)


@dataclass(frozen=True)
class Application:
    """A queue and its tasks.

    `nap` waits, and so does `bystander`, which may be in one worker that dies and in no second; `linger` waits in its
    first execution only, for ever; `block` keeps the whole loop from turning; `poison` ends the process that runs it.
    """

    queue: Queue
    nap: Task[[float], str]
    bystander: Task[[float], str]
    linger: Task[[], str]
    block: Task[[float], str]
    poison: Task[[], str]


def application(url: str, name: str, receipts: Path) -> Application:
    """Make the application on the queue `name` of the store at `url`; the same in every process."""
    queue = WitnessedQueue(url, name, receipts)

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

    @queue.task(name="linger")
    async def linger() -> str:
        is_first = not _was_started(receipts, current_job().id)
        with _execution(receipts) as execution:
            if is_first:
                await asyncio.Event().wait()
        return execution

    @queue.task(name="block")
    async def block(seconds: float) -> str:
        with _execution(receipts) as execution:
            time.sleep(seconds)  # noqa: ASYNC251 -- this is the fault
        return execution

    @queue.task(name="poison", max_deliveries=POISON_DELIVERIES)
    async def poison() -> str:
        with _execution(receipts):
            os._exit(1)

    return Application(queue, nap, bystander, linger, block, poison)


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
