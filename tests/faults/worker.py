"""What a worker process under fault does: the same as `aioqueue worker`, with a short lease and with receipts."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from pathlib import Path

import msgspec
from msgspec import Struct

import aioqueue
from aioqueue import Worker
from aioqueue.cli.loop import new_event_loop
from tests.faults.application import Application, add_beat, add_ticks, application
from tests.faults.beats import Beats
from tests.faults.receipts import Enqueued, WorkerBegan, WorkerStopped, write


class Orders(Struct, frozen=True):
    """What a worker process is told.

    It enqueues `own_jobs` naps of `nap` seconds one by one while it works. It dies at its `failpoint`, and fires a
    periodic task each second from `tick_at` on, another for each of its `beats`. `release` is a directory with another
    aioqueue, which it runs on.
    """

    url: str
    name: str
    receipts: str
    lease: float
    concurrency: int
    shutdown_timeout: float
    own_jobs: int = 0
    nap: float = 0.0
    failpoint: str = ""
    tick_at: float = 0.0
    release: str = ""
    max_delay: float = 10.0
    beats: Beats | None = None


def main(orders: str) -> None:
    """Work as ordered until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-8s %(message)s")
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_work(msgspec.json.decode(orders, type=Orders)))
    # A thread that is stuck in a body would keep Python from exiting.
    logging.shutdown()
    os._exit(0)


async def _work(orders: Orders) -> None:
    receipts = Path(orders.receipts)
    app = application(orders.url, orders.name, receipts, orders.failpoint)
    if orders.tick_at:
        add_ticks(app.queue, receipts, orders.tick_at)
    if orders.beats is not None:
        add_beat(app.queue, receipts, orders.beats)
    worker = Worker(
        app.queue,
        concurrency=orders.concurrency,
        shutdown_timeout=orders.shutdown_timeout,
        lease=orders.lease,
        max_delay=orders.max_delay,
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
    async with app.queue, asyncio.TaskGroup() as group:
        group.create_task(worker.run(started=lambda: write(receipts, WorkerBegan(code=aioqueue.__file__))))
        group.create_task(_enqueue_own_jobs(app, orders, receipts))
    write(receipts, WorkerStopped())


async def _enqueue_own_jobs(app: Application, orders: Orders, receipts: Path) -> None:
    for _ in range(orders.own_jobs):
        result = await app.nap(orders.nap)
        write(receipts, Enqueued(id=result.id))
