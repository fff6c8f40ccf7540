"""Connections to one server, each serving one call at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, cast

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, OutOfMemoryError, RedisError

from aioqueue.drivers.redis.server import Server, refusal
from aioqueue.errors import StoreUnavailable

CALL_TIMEOUT: Final = 5.0
SLOWEST_LINK: Final = 250_000  # bytes a second; what is sent may take that long


class Connections:
    """Up to `limit` connections, opened when needed and kept until `close`.

    A connection whose call did not end with a reply is dropped, so that no other call can read what it left behind. So
    is one that was refused something: a server that has become a replica would refuse for ever, while its name leads to
    the new master by now.
    """

    def __init__(self, server: Server, limit: int) -> None:
        self._server = server
        self._places = asyncio.Semaphore(limit)
        self._idle: list[AbstractConnection] = []
        self._busy: set[AbstractConnection] = set()
        self._closed = False

    async def call(self, *command: str | bytes | float, blocks_for: float = 0.0) -> Any:
        """Send one command, which the server may answer only after `blocks_for` seconds, and return its reply.

        The server may be silent for `CALL_TIMEOUT` seconds; a large command or reply may be longer on its way.
        Raises `StoreUnavailable`, `ConfigurationError` for refused credentials, and redis-py's `NoScriptError`.
        """
        packed = pack_command(cast("Any", command))  # hiredis declares a tuple of one
        try:
            await self._wait_for_place()
            try:
                return await self._call(packed, CALL_TIMEOUT + blocks_for + len(packed) / SLOWEST_LINK)
            finally:
                self._places.release()
        except NoScriptError:
            raise
        except (RedisError, OSError) as error:
            raise refusal(self._server, error) from error

    async def close(self) -> None:
        """Close every connection; calls under way end with `StoreUnavailable`."""
        self._closed = True
        idle, self._idle = self._idle, []
        await disconnect((*idle, *self._busy))

    async def _wait_for_place(self) -> None:
        if self._places.locked():
            async with asyncio.timeout(CALL_TIMEOUT):
                await self._places.acquire()
        else:
            await self._places.acquire()

    async def _call(self, packed: bytes, patience: float) -> Any:
        connection = None
        try:
            try:
                async with asyncio.timeout(patience):
                    connection = await self._take()
                    await send(connection, packed)
                    reply = await connection.read_response(disconnect_on_error=False)
            except TimeoutError:
                if connection is None:
                    raise
                reply = await _rest_of_reply(connection)
        except (NoScriptError, OutOfMemoryError):
            if connection is not None:
                await self._give_back(connection)
            raise
        except BaseException:
            if connection is not None:
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
            await connect(connection)
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


# uvloop calls a write to a lost connection a RuntimeError, and redis-py passes that on. It looks before it writes, but
# the loss may come in the turn of the loop in which it looks.
async def connect(connection: AbstractConnection) -> None:
    """Connect; redis-py's errors if that fails."""
    try:
        await connection.connect()  # type: ignore[no-untyped-call] # redis-py
    except RuntimeError as error:
        raise RedisConnectionError(str(error)) from error


async def send(connection: AbstractConnection, packed: bytes) -> None:
    """Send one packed command; redis-py's `ConnectionError` if the connection has just been lost."""
    try:
        await connection.send_packed_command(packed)
    except RuntimeError as error:
        raise RedisConnectionError(str(error)) from error


async def _is_usable(connection: AbstractConnection) -> bool:
    """Tell whether an idle connection is open and silent: the server may have closed it meanwhile."""
    try:
        return connection.is_connected and not await connection.can_read()
    except RedisConnectionError:
        return False


async def _rest_of_reply(connection: AbstractConnection) -> Any:
    """Read on as long as bytes come: only silence is a failure, while a large reply takes its time on a slow link."""
    heard = 0
    while (bytes_here := _bytes_here(connection)) != heard:
        heard = bytes_here
        with suppress(TimeoutError):
            async with asyncio.timeout(CALL_TIMEOUT):
                return await connection.read_response(disconnect_on_error=False)
    raise TimeoutError


def _bytes_here(connection: AbstractConnection) -> int:
    """Return how much has come of a reply that is not complete; redis-py itself tells nobody."""
    return cast("int", cast("Any", connection)._parser._reader.len())  # noqa: SLF001


async def disconnect(connections: Iterable[AbstractConnection]) -> None:
    """Close connections and wait until they are closed; that a broken one cannot be closed in order is no matter.

    Cancelled, it waits no more, but closes the others all the same.
    """
    left = list(connections)
    try:
        while left:
            try:
                await left[0].disconnect()
            except (RedisError, OSError):
                await left[0].disconnect(nowait=True)
            del left[0]
    finally:
        for connection in left:
            await connection.disconnect(nowait=True)
