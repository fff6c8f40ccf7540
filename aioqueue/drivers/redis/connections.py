"""Connections to one server, each serving one call at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final, cast

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError, ResponseError

from aioqueue.drivers.redis.server import Server, refusal
from aioqueue.errors import StoreUnavailable

CALL_TIMEOUT: Final = 5.0


class Connections:
    """Up to `limit` connections, opened when needed and kept until `close`.

    A connection whose call did not end with a reply is dropped, so that no other call can read what it left behind.
    """

    def __init__(self, server: Server, limit: int) -> None:
        self._server = server
        self._places = asyncio.Semaphore(limit)
        self._idle: list[AbstractConnection] = []
        self._busy: set[AbstractConnection] = set()
        self._closed = False

    async def call(self, *command: str | bytes | float, blocks_for: float = 0.0) -> Any:
        """Send one command, which the server may answer only after `blocks_for` seconds, and return its reply.

        Raises `StoreUnavailable`, `ConfigurationError` for refused credentials, and redis-py's `NoScriptError`.
        """
        try:
            async with self._places, asyncio.timeout(CALL_TIMEOUT + blocks_for):
                return await self._call(command)
        except NoScriptError:
            raise
        except (RedisError, OSError) as error:
            raise refusal(self._server, error) from error

    async def close(self) -> None:
        """Close every connection; calls under way end with `StoreUnavailable`."""
        self._closed = True
        idle, self._idle = self._idle, []
        await disconnect((*idle, *self._busy))

    async def _call(self, command: tuple[str | bytes | float, ...]) -> Any:
        connection = await self._take()
        try:
            packed = pack_command(cast("Any", command))  # hiredis declares a tuple of one
            await connection.send_packed_command(packed)
            reply = await connection.read_response()
        except ResponseError:
            await self._give_back(connection)
            raise
        except BaseException:
            await self._drop(connection)
            raise
        await self._give_back(connection)
        return reply

    async def _take(self) -> AbstractConnection:
        while self._idle:
            connection = self._idle.pop()
            self._busy.add(connection)
            if await _is_usable(connection):
                return connection
            await self._drop(connection)
        return await self._connect()

    async def _connect(self) -> AbstractConnection:
        connection = self._server.connection()
        self._busy.add(connection)
        try:
            self._check_open()
            await connection.connect()  # type: ignore[no-untyped-call] # redis-py
            self._check_open()
        except BaseException:
            await self._drop(connection)
            raise
        return connection

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable(f"the driver of {self._server.address} is closed")

    async def _give_back(self, connection: AbstractConnection) -> None:
        if self._closed:
            await self._drop(connection)
            return
        self._busy.discard(connection)
        self._idle.append(connection)

    async def _drop(self, connection: AbstractConnection) -> None:
        self._busy.discard(connection)
        await connection.disconnect(nowait=True)


async def _is_usable(connection: AbstractConnection) -> bool:
    """Tell whether an idle connection is open and silent: the server may have closed it meanwhile."""
    try:
        return connection.is_connected and not await connection.can_read()
    except RedisConnectionError:
        return False


async def disconnect(connections: Iterable[AbstractConnection]) -> None:
    """Close connections and wait until they are closed; that a broken one cannot be closed in order is no matter."""
    for connection in connections:
        try:
            await connection.disconnect()
        except (RedisError, OSError):
            await connection.disconnect(nowait=True)
