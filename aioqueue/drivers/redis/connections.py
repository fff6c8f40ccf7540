"""Connections to one server, each serving one call at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final, TypeAlias, cast

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, OutOfMemoryError, RedisError

from aioqueue.drivers.redis.server import Server, refusal
from aioqueue.errors import StoreUnavailable

CALL_TIMEOUT: Final = 5.0
Command: TypeAlias = tuple[str | bytes | float, ...]
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
        return await self._send(packed(command), 1, blocks_for)

    async def call_after(self, first: Command, command: Command, blocks_for: float) -> Any:
        """Send two commands in one write and return the reply to the second, which the server does after the first.

        The server may answer the first only after `blocks_for` seconds; it does both although nobody waits any more.
        Raises what `call` does.
        """
        return await self._send(packed(first) + packed(command), 2, blocks_for)

    async def close(self) -> None:
        """Close every connection; calls under way end with `StoreUnavailable`."""
        self._closed = True
        idle, self._idle = self._idle, []
        await disconnect((*idle, *self._busy))

    async def _send(self, packed: bytes, replies: int, blocks_for: float) -> Any:
        try:
            await self._wait_for_place()
            try:
                return await self._call(packed, replies, CALL_TIMEOUT + blocks_for + len(packed) / SLOWEST_LINK)
            finally:
                self._places.release()
        except NoScriptError:
            raise
        except (RedisError, OSError) as error:
            raise refusal(self._server, error) from error

    async def _wait_for_place(self) -> None:
        if self._places.locked():
            async with asyncio.timeout(CALL_TIMEOUT):
                await self._places.acquire()
        else:
            await self._places.acquire()

    async def _call(self, packed: bytes, replies: int, patience: float) -> Any:
        connection = None
        try:
            try:
                async with asyncio.timeout(patience):
                    connection = await self._take()
                    await send(connection, packed)
                    for _ in range(replies - 1):
                        await connection.read_response(disconnect_on_error=False)
                        replies -= 1
                    reply = await connection.read_response(disconnect_on_error=False)
            except TimeoutError:
                if connection is None:
                    raise
                for _ in range(replies - 1):
                    await _rest_of_reply(connection)
                    replies -= 1
                reply = await _rest_of_reply(connection)
        except BaseException as error:
            if connection is not None:
                is_read_up = replies == 1 and isinstance(error, NoScriptError | OutOfMemoryError)
                await (self._give_back(connection) if is_read_up else self._drop(connection))
            raise
        await self._give_back(connection)
        return reply

    async def _take(self) -> AbstractConnection:
        while self._idle:
            connection = self._idle.pop()
            self._busy.add(connection)
            if await is_usable(connection):
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


def packed(command: Command) -> bytes:
    """Return a command as it travels."""
    return cast("bytes", pack_command(cast("Any", command)))  # hiredis declares a tuple of one


# uvloop calls a use of a lost connection a RuntimeError, and redis-py passes that on.
async def connect(connection: AbstractConnection) -> None:
    """Connect; redis-py's errors if that fails."""
    try:
        await connection.connect()  # type: ignore[no-untyped-call] # redis-py
    except RuntimeError as error:
        raise RedisConnectionError(str(error)) from error


async def send(connection: AbstractConnection, message: bytes) -> None:
    """Send one packed command; redis-py's `ConnectionError` if the connection has just been lost.

    Nothing is written to a transport that is closing: asyncio's `writelines` does not look, and in Python 3.12 that
    leaves a writer behind for a socket which the next connection may get.
    """
    writer = cast("Any", connection)._writer  # noqa: SLF001 -- redis-py itself does not ask
    if writer is None or writer.transport.is_closing():
        await connection.disconnect(nowait=True)
        raise RedisConnectionError("the connection has just been lost")
    try:
        await connection.send_packed_command(message)
    except RuntimeError as error:
        raise RedisConnectionError(str(error)) from error


async def is_usable(connection: AbstractConnection) -> bool:
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
