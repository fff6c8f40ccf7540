"""A process that enqueues at an even pace and waits for every outcome, until SIGTERM; then it waits for the rest."""

from __future__ import annotations

import asyncio
import logging
import random
import signal
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from aioqueue import Result, StoreUnavailable, TaskException
from aioqueue.cli.loop import new_event_loop
from tests.faults.application import Application, application
from tests.faults.receipts import Enqueued, Learned, write

LONGEST_NAP: Final = 0.2
RESULT_TTL: Final = 60.0
AT_ONCE: Final = 500


class Pace(Struct, frozen=True):
    """What a producer is told: how many jobs a second, with naps that `seed` draws."""

    url: str
    name: str
    receipts: str
    seed: int
    a_second: float


def main(orders: str) -> None:
    """Produce as ordered."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-8s %(message)s")
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_produce(msgspec.json.decode(orders, type=Pace)))


async def _produce(pace: Pace) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    app = application(pace.url, pace.name, Path(pace.receipts))
    producer = _Producer(app, Path(pace.receipts), random.Random(pace.seed))
    async with app.queue, asyncio.TaskGroup() as group:
        while not stopping.is_set():
            await producer.enqueue(group)
            await asyncio.sleep(1 / pace.a_second)


class _Producer:
    def __init__(self, app: Application, receipts: Path, chance: random.Random) -> None:
        self._nap = app.nap.options(result_ttl=RESULT_TTL)
        self._receipts = receipts
        self._random = chance
        self._places = asyncio.Semaphore(AT_ONCE)

    async def enqueue(self, group: asyncio.TaskGroup) -> None:
        """Enqueue one job, and have its outcome awaited; one that was not acknowledged is nobody's promise."""
        await self._places.acquire()
        try:
            result = await self._nap(self._random.uniform(0.0, LONGEST_NAP))
        except StoreUnavailable:
            self._places.release()
            return
        write(self._receipts, Enqueued(id=result.id))
        group.create_task(self._learn(result))
        if self._random.random() < 0.1:
            group.create_task(self._lose_patience(result, self._random.uniform(0.0, LONGEST_NAP)))

    async def _learn(self, result: Result[str]) -> None:
        try:
            outcome = await result
        except TaskException as error:
            outcome = type(error).__name__
        write(self._receipts, Learned(id=result.id, outcome=outcome))
        self._places.release()

    async def _lose_patience(self, result: Result[str], seconds: float) -> None:
        """Wait for the same job a second time, but not for long."""
        waiting = asyncio.create_task(result.get())
        await asyncio.wait({waiting}, timeout=seconds)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
