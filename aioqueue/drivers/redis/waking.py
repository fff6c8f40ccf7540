"""Waiting for work: a blocking pop of the one token that says there may be some. It never takes a job."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from itertools import count
from typing import Any, Final

from aioqueue.drivers.redis.connections import CALL_TIMEOUT, Connections
from aioqueue.drivers.redis.scripts import load, run
from aioqueue.drivers.redis.server import Server
from aioqueue.errors import AioqueueError, StoreUnavailable

WAITS_AT_ONCE: Final = 64
SHORTEST_WAIT: Final = 0.01  # to Redis 0 is for ever, and so is a millisecond before Redis 7
LATEST: Final = 1.0  # after its timeout, for which Redis needs up to a tenth of a second, and the way back
CALLED_OFF_TTL: Final = 60_000

_CALL_OFF, _WAKE_ANOTHER = load("call_off"), load("wake_another")


class Waking:
    """Waits on connections of their own, so that a blocked one holds up no other call.

    A cancelled wait may have taken the token already, or take it before the server notices. It is therefore not cut
    off but called off, by a second list on which it blocks, and a token it turns out to have taken is put back.
    """

    def __init__(self, server: Server, calls: Connections, prefix: str) -> None:
        self._server = server
        self._waits = Connections(server, WAITS_AT_ONCE)
        self._calls = calls
        self._prefix = prefix
        self._names = (f"{secrets.token_hex(8)}-{number}" for number in count())
        self._calling_off: set[asyncio.Task[None]] = set()

    async def wait(self, timeout: float) -> None:
        """Return at a wake-up, or after `timeout` seconds. A cancelled wait takes no wake-up with it.

        Raises `StoreUnavailable` soon after these if no answer comes: nothing may arrive here any more.
        """
        name = next(self._names)
        popping = asyncio.create_task(self._pop(name, max(timeout, SHORTEST_WAIT)), name="aioqueue redis wait")
        try:
            async with asyncio.timeout(timeout + LATEST):
                await asyncio.shield(popping)
        except TimeoutError as error:
            self._start_calling_off(name, popping)
            raise StoreUnavailable(f"Redis at {self._server.address} did not answer in time") from error
        except asyncio.CancelledError:
            self._start_calling_off(name, popping)
            raise

    async def close(self) -> None:
        """Close the connections; waits under way end with `StoreUnavailable`."""
        try:
            await asyncio.gather(*self._calling_off, return_exceptions=True)
        finally:
            await self._waits.close()

    def _start_calling_off(self, name: str, popping: asyncio.Task[Any]) -> None:
        calling_off = asyncio.create_task(self._call_off(name, popping), name="aioqueue redis wait, called off")
        self._calling_off.add(calling_off)
        calling_off.add_done_callback(self._calling_off.discard)

    async def _pop(self, name: str, seconds: float) -> Any:
        """Return the key whose element was popped and the element, None after the timeout."""
        keys = (f"{self._prefix}wake", f"{self._prefix}off:{name}")
        return await self._waits.call("BLPOP", *keys, f"{seconds:.3f}", blocks_for=seconds)

    async def _call_off(self, name: str, popping: asyncio.Task[Any]) -> None:
        try:
            with suppress(AioqueueError, TimeoutError):
                await run(self._calls, _CALL_OFF, self._prefix, name, CALLED_OFF_TTL)
                async with asyncio.timeout(CALL_TIMEOUT):
                    popped = await popping
                if popped and popped[0].endswith(b":wake"):
                    await run(self._calls, _WAKE_ANOTHER, self._prefix)
        finally:
            popping.cancel()
            await asyncio.wait([popping])
