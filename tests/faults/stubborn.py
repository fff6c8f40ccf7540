"""A producer that enqueues again what was refused, until it is stored."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Final

import msgspec

from aioqueue import StoreUnavailable
from aioqueue.ids import new_id
from tests.faults.application import Application, application
from tests.faults.receipts import Enqueued, write
from tests.faults.worker import Orders

_PAUSE: Final = 0.05


def main(orders: str) -> None:
    """Enqueue as many jobs as ordered, one by one, and log each refusal."""
    logging.basicConfig(level=logging.INFO)
    asyncio.run(_produce(msgspec.json.decode(orders, type=Orders)))


async def _produce(orders: Orders) -> None:
    app = application(orders.url, orders.name, Path(orders.receipts))
    async with app.queue:
        for _ in range(orders.own_jobs):
            await _enqueue(app, orders)


async def _enqueue(app: Application, orders: Orders) -> None:
    job = new_id()
    while True:
        try:
            await app.nap.options(id=job)(orders.nap)
        except StoreUnavailable as refused:
            logging.info("%s", refused)  # noqa: LOG015 -- a program of its own
        else:
            write(Path(orders.receipts), Enqueued(id=job))
            return
        finally:
            await asyncio.sleep(_PAUSE)
