"""One connection whose calls take effect in the order in which they were begun, without waiting for each other."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Final

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import NoScriptError, OutOfMemoryError, RedisError

from aioqueue.drivers.redis.connections import CALL_TIMEOUT, SLOWEST_LINK, connect, disconnect, is_usable, packed, send
from aioqueue.drivers.redis.server import Server, refusal
from aioqueue.errors import StoreUnavailable

CALLS_UNDER_WAY: Final = 2  # the server works on one while the next is made


class _Line:
    """One connection, how many commands went into it and how many replies have come out."""

    def __init__(self, connection: AbstractConnection) -> None:
        self.connection = connection
        self.sent = 0
        self.read = 0


class Lane:
    """Sends each call at once and reads the replies in turn; connected when needed and kept until `close`.

    The reply to a call that was cancelled is read by whoever comes next. One that fails otherwise takes the connection
    with it, and with that the calls behind it: they end with `StoreUnavailable`, and may have happened.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._places = asyncio.Semaphore(CALLS_UNDER_WAY)
        self._connecting = asyncio.Lock()
        self._reading = asyncio.Lock()
        self._line: _Line | None = None
        self._bytes = 0
        self._closed = False

    async def call(self, *command: str | bytes | float) -> Any:
        """Send one command and return its reply, which is to be a small one.

        Raises what `Connections.call` does.
        """
        message = packed(command)
        async with self._places:
            self._bytes += len(message)
            try:
                return await self._call(message, CALL_TIMEOUT + self._bytes / SLOWEST_LINK)
            except NoScriptError:
                raise
            except (RedisError, OSError) as error:
                raise refusal(self._server, error) from error
            finally:
                self._bytes -= len(message)

    async def close(self) -> None:
        """Close the connection; calls under way end with `StoreUnavailable`."""
        self._closed = True
        if self._line is not None:
            await disconnect([self._line.connection])

    async def _call(self, message: bytes, patience: float) -> Any:
        line = None
        try:
            async with asyncio.timeout(patience):
                async with self._connecting:
                    line = await self._connected()
                await send(line.connection, message)
                line.sent += 1
                return await self._reply(line, line.sent)
        except (NoScriptError, OutOfMemoryError, asyncio.CancelledError):
            raise
        except BaseException:
            if line is not None:
                await line.connection.disconnect(nowait=True)
            raise

    async def _reply(self, line: _Line, number: int) -> Any:
        async with self._reading:
            while line.read < number - 1:
                with suppress(RedisError):  # it was somebody's who is gone
                    await line.connection.read_response(disconnect_on_error=False)
                line.read += 1
            try:
                reply = await line.connection.read_response(disconnect_on_error=False)
            except RedisError:
                line.read += 1
                raise
            line.read += 1
            return reply

    async def _connected(self) -> _Line:
        line = self._line
        if line is not None and line.connection.is_connected:
            if line.read < line.sent or await is_usable(line.connection):
                return line
            await line.connection.disconnect(nowait=True)
        return await self._connect()

    async def _connect(self) -> _Line:
        connection = self._server.connection()
        try:
            self._check_open()
            await connect(connection)
            self._check_open()
        except BaseException:
            await connection.disconnect(nowait=True)
            raise
        self._line = line = _Line(connection)
        return line

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable(f"the driver of {self._server.address} is closed")
