"""Connections to one server, each serving one call at a time."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from redis.exceptions import NoScriptError, OutOfMemoryError, RedisError

from aioqueue.drivers.redis.exchange import CALL_TIMEOUT, Command, Exchange, close_all, packed
from aioqueue.drivers.redis.server import Server, refusal
from aioqueue.errors import StoreUnavailable


class Connections:
    """Up to `limit` connections, opened when needed and kept until `close`.

    A connection whose call did not end with a reply is dropped, so that no other call waits for what it left behind. So
    is one that was refused something: a server that has become a replica would refuse for ever, while its name leads to
    the new master by now.
    """

    def __init__(self, server: Server, limit: int) -> None:
        self._server = server
        self._places = asyncio.Semaphore(limit)
        self._idle: list[Exchange] = []
        self._busy: set[Exchange] = set()
        self._closed = False

    async def call(self, *command: str | bytes | float) -> Any:
        """Send one command and return its reply.

        The server may be silent for `CALL_TIMEOUT` seconds; a large command or reply may be longer on its way.
        Raises `StoreUnavailable`, `ConfigurationError` for refused credentials, and redis-py's `NoScriptError`.
        """
        try:
            return await (await self._start(packed(command), 1, 0.0))
        except NoScriptError:
            raise
        except (RedisError, OSError) as error:
            raise refusal(self._server, error) from error

    async def start(self, *commands: Command, blocks_for: float) -> asyncio.Future[Any]:
        """Send commands in one write and return what will be the reply to the last one, or a refusal on the way to it.

        The server may answer the first only after `blocks_for` seconds; it does all although nobody waits any more.
        Raises what `call` does; what ends the future are redis-py's errors and `TimeoutError`.
        """
        try:
            return await self._start(b"".join(map(packed, commands)), len(commands), blocks_for)
        except (RedisError, OSError) as error:
            raise refusal(self._server, error) from error

    async def close(self) -> None:
        """Close every connection; calls under way end with `StoreUnavailable`."""
        self._closed = True
        idle, self._idle = self._idle, []
        await close_all((*idle, *self._busy))

    async def _start(self, message: bytes, commands: int, blocks_for: float) -> asyncio.Future[Any]:
        await self._wait_for_place()
        exchange = None
        try:
            exchange = await self._take()
            reply = exchange.ask(message, commands, blocks_for)
        except BaseException:
            if exchange is not None:
                self._busy.discard(exchange)
            self._places.release()
            raise
        reply.add_done_callback(partial(self._give_back, exchange))  # before whoever awaits it goes on
        return reply

    async def _wait_for_place(self) -> None:
        if self._places.locked():
            async with asyncio.timeout(CALL_TIMEOUT):
                await self._places.acquire()
        else:
            await self._places.acquire()

    async def _take(self) -> Exchange:
        self._check_open()
        while self._idle:
            exchange = self._idle.pop()
            if exchange.is_open:
                self._busy.add(exchange)
                return exchange
        exchange = await Exchange.open(self._server)
        self._busy.add(exchange)
        if self._closed:
            exchange.drop()
        self._check_open()
        return exchange

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable(f"the driver of {self._server.address} is closed")

    def _give_back(self, exchange: Exchange, reply: asyncio.Future[Any]) -> None:
        self._places.release()
        self._busy.discard(exchange)
        if not self._closed and _is_over(reply):
            self._idle.append(exchange)
        else:
            exchange.drop()


def _is_over(reply: asyncio.Future[Any]) -> bool:
    """Whether a reply has come, and the server is of use."""
    return not reply.cancelled() and isinstance(reply.exception(), NoScriptError | OutOfMemoryError | None)
