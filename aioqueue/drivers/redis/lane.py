"""One connection whose calls take effect in the order in which they were begun, without waiting for each other."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from redis.exceptions import NoScriptError, OutOfMemoryError, RedisError

from aioqueue.drivers.redis.exchange import CALL_TIMEOUT, Exchange, close_all, packed
from aioqueue.drivers.redis.server import Server, refusal
from aioqueue.errors import StoreUnavailable

CALLS_UNDER_WAY: Final = 4  # three enqueues, of which the server does one while the next is made, and a question


class Lane:
    """Sends each call at once; connected when needed and kept until `close`.

    A call that is refused takes the connection with it, and with that the call behind it, as a lost connection does:
    they end with `StoreUnavailable`, and may have happened. One that is cancelled does not.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._places = asyncio.Semaphore(CALLS_UNDER_WAY)
        self._turn = asyncio.Lock()
        self._connecting = 0  # calls that wait for a connection, or for their turn after that
        self._exchange: Exchange | None = None
        self._closed = False

    async def call(self, *command: str | bytes | float) -> Any:
        """Send one command and return its reply.

        Raises what `Connections.call` does. Cancelled, it holds its place until the server has answered.
        """
        try:
            return await self._call(packed(command))
        except NoScriptError:
            raise
        except (RedisError, OSError) as error:
            raise refusal(self._server, error) from error

    async def _call(self, message: bytes) -> Any:
        await self._places.acquire()
        try:
            exchange, reply = await self._begin(message)
        except BaseException:
            self._places.release()
            raise
        try:
            return await reply
        except (RedisError, OSError) as error:
            if not isinstance(error, NoScriptError | OutOfMemoryError):
                exchange.drop()
            raise
        finally:
            left = exchange.in_place_of(reply) if reply.cancelled() else reply
            self._leave_when(left)

    async def _begin(self, message: bytes) -> tuple[Exchange, asyncio.Future[Any]]:
        exchange = self._exchange
        if self._connecting or exchange is None or not exchange.is_open:
            return await self._begin_connected(message)
        return exchange, exchange.ask(message, 1, CALL_TIMEOUT)

    async def _begin_connected(self, message: bytes) -> tuple[Exchange, asyncio.Future[Any]]:
        self._connecting += 1
        try:
            async with self._turn:  # without it, whoever comes when a connection is made overtakes who waited for that
                exchange = await self._connected()
                return exchange, exchange.ask(message, 1, CALL_TIMEOUT)
        finally:
            self._connecting -= 1

    def _leave_when(self, reply: asyncio.Future[Any]) -> None:
        if reply.done():
            self._places.release()
        else:
            reply.add_done_callback(lambda _: self._places.release())

    async def close(self) -> None:
        """Close the connection; calls under way end with `StoreUnavailable`."""
        self._closed = True
        if self._exchange is not None:
            await close_all([self._exchange])

    async def _connected(self) -> Exchange:
        exchange = self._exchange
        if exchange is not None and exchange.is_open:
            return exchange
        self._check_open()
        exchange = self._exchange = await Exchange.open(self._server)
        if self._closed:
            exchange.drop()
        self._check_open()
        return exchange

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable(f"the driver of {self._server.address} is closed")
