"""Watching the store while clients press: how many connections there are, and who waits for what."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from redis.asyncio import Redis

EVERY = 0.25
UNUSED = "NULL"  # the last command of a connection that is still being made, and may be given up
REGISTRATIONS = "*:w:*"  # where aioqueue's Redis driver keeps who waits for a job


@dataclass
class Seen:
    """What each look saw, in order: connections, those ever made, and the registrations of aioqueue.

    `lost` are the connections that were in use at one look and not there at the next.
    """

    connections: list[int] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    received: list[int] = field(default_factory=list)
    registrations: list[int] = field(default_factory=list)

    @property
    def opened(self) -> int:
        """How many connections were made between the first look and the last."""
        return self.received[-1] - self.received[0]


@asynccontextmanager
async def watching(url: str) -> AsyncIterator[Seen]:
    """Look again and again for the length of a block; the connection that looks is not counted."""
    seen, over = Seen(), asyncio.Event()
    async with Redis.from_url(url, single_connection_client=True, protocol=2) as store:
        looking = asyncio.create_task(_look(store, seen, over))
        try:
            yield seen
        finally:
            over.set()  # not cancelled: a client of Redis may take a cancellation for a lost connection
            await looking


async def registrations(url: str) -> int:
    """Return how many jobs are waited for, as the store has it."""
    async with Redis.from_url(url, protocol=2) as store:
        return len([key async for key in store.scan_iter(match=REGISTRATIONS, count=1_000)])


async def connections(url: str) -> int:
    """Return how many connections there are, but for the one that looks."""
    async with Redis.from_url(url, protocol=2, single_connection_client=True) as store:
        return len(await store.client_list()) - 1


async def _look(store: Redis, seen: Seen, over: asyncio.Event) -> None:
    used: set[str] = set()
    while not over.is_set():
        async with store.pipeline(transaction=True) as both:
            clients, stats = await both.client_list().info("stats").execute()
        seen.connections.append(len(clients) - 1)
        seen.lost |= used - {client["id"] for client in clients}
        used = {client["id"] for client in clients if client["cmd"] != UNUSED}
        seen.received.append(int(stats["total_connections_received"]))
        seen.registrations.append(len([key async for key in store.scan_iter(match=REGISTRATIONS, count=1_000)]))
        with suppress(TimeoutError):
            async with asyncio.timeout(EVERY):
                await over.wait()
