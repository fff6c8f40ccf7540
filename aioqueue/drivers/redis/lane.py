"""One connection whose calls take effect in the order in which they were begun, without waiting for each other."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from redis.exceptions import NoScriptError, OutOfMemoryError, RedisError

from aioqueue.drivers.redis.exchange import Exchange, close_all, packed
from aioqueue.drivers.redis.server import Server, refusal
from aioqueue.errors import StoreUnavailable

CALLS_UNDER_WAY: Final = 3  # two enqueues, of which the server does one while the next is made, and a question


class Lane:
    """Sends each call at once; connected when needed and kept until `close`.

    A call that is refused takes the connection with it, and with that the call behind it, as a lost connection does:
    they end with `StoreUnavailable`, and may have happened. One that is cancelled does not.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._places = asyncio.Semaphore(CALLS_UNDER_WAY)
        self._connecting = asyncio.Lock()
        self._exchange: Exchange | None = None
        self._closed = False

    async def call(self, *command: str | bytes | float) -> Any:
        """Send one command and return its reply.

        Raises what `Connections.call` does.
        """
        message = packed(command)
        async with self._places:
            exchange = self._exchange
            try:
                if exchange is None or not exchange.is_open:
                    exchange = await self._connected()
                return await exchange.ask(message)
            except NoScriptError:
                raise
            except (RedisError, OSError) as error:
                if exchange is not None and not isinstance(error, OutOfMemoryError):
                    exchange.drop()
                raise refusal(self._server, error) from error

    async def close(self) -> None:
        """Close the connection; calls under way end with `StoreUnavailable`."""
        self._closed = True
        if self._exchange is not None:
            await close_all([self._exchange])

    async def _connected(self) -> Exchange:
        async with self._connecting:
            if self._exchange is None or not self._exchange.is_open:
                self._check_open()
                self._exchange = await Exchange.open(self._server)
            if self._closed:
                self._exchange.drop()
            self._check_open()
            return self._exchange

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable(f"the driver of {self._server.address} is closed")
