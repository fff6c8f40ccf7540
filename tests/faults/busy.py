"""A process that does everything at once until it is killed: it enqueues, works, and waits for the outcomes."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Final

import msgspec

from aioqueue import Worker
from aioqueue.cli.loop import new_event_loop
from tests.faults.application import Application, application
from tests.faults.receipts import Enqueued, Learned, WorkerBegan, write
from tests.faults.worker import Orders

CALLERS: Final = 6
NAPS: Final = (0.0, 0.02, 0.2)


def main(orders: str) -> None:
    """Be busy as ordered."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-8s %(message)s")
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_live(msgspec.json.decode(orders, type=Orders)))


async def _live(orders: Orders) -> None:
    receipts = Path(orders.receipts)
    app = application(orders.url, orders.name, receipts)
    worker = Worker(app.queue, concurrency=orders.concurrency, lease=orders.lease)
    async with app.queue, asyncio.TaskGroup() as group:
        group.create_task(worker.run(started=lambda: write(receipts, WorkerBegan())))
        for _ in range(CALLERS):
            group.create_task(_call(app, receipts))


async def _call(app: Application, receipts: Path) -> None:
    while True:
        for seconds in NAPS:
            result = await app.nap(seconds)
            write(receipts, Enqueued(id=result.id))
        write(receipts, Learned(id=result.id, outcome=await result))
