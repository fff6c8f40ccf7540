"""What a producer process does: it enqueues jobs in bulk, each acknowledgement on record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from aioqueue import Result, chord
from tests.faults.application import Application, application
from tests.faults.receipts import Enqueued, write_all

Manner = Literal["one by one", "in one turn", "map", "every kind"]


class ProducerOrders(Struct, frozen=True):
    """What a producer process is told: `calls` times it enqueues `size` naps of no length in a `manner`.

    `every kind` is one job, pipeline and chord of each kind instead. `release` is a directory with another aioqueue,
    which it runs on.
    """

    url: str
    name: str
    receipts: str
    manner: Manner
    calls: int
    size: int
    failpoint: str = ""
    release: str = ""


def main(orders: str) -> None:
    """Produce as ordered."""
    asyncio.run(_produce(msgspec.json.decode(orders, type=ProducerOrders)))


async def _produce(orders: ProducerOrders) -> None:
    receipts = Path(orders.receipts)
    app = application(orders.url, orders.name, receipts, orders.failpoint)
    async with app.queue:
        for _ in range(orders.calls):
            async for acknowledged in _call(app, orders.manner, orders.size):
                write_all(receipts, [Enqueued(id=result.id) for result in acknowledged])


async def _call(app: Application, manner: Manner, size: int) -> AsyncIterator[list[Result[str]]]:
    nap = app.nap
    match manner:
        case "one by one":
            for _ in range(size):
                yield [await nap(0.0)]
        case "in one turn":
            yield await asyncio.gather(*(nap(0.0) for _ in range(size)))
        case "map":
            yield list(await nap.map([0.0] * size))
        case "every kind":
            yield await enqueue_every_kind(app)


async def enqueue_every_kind(app: Application) -> list[Result[str]]:
    """Enqueue one job, pipeline and chord of each kind; what a worker stores for it is of its own release."""
    nap, enqueue = app.nap, app.queue.enqueue
    stages = await enqueue(nap.s(0.0).then(app.relay).then(app.relay))
    return [
        await nap(0.0),
        await nap.schedule((0.0,), delay=0.3),
        await nap.options(priority=5, expires=60)(0.0),
        await nap.options(unique="once")(0.0),
        await app.stumble(),
        *stages,
        await enqueue(chord([nap.s(0.0), app.stumble.s(), nap.s(0.0).then(app.relay)], app.relay)),
    ]
