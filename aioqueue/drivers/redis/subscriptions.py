"""One connection that hears what is published on any number of channels, and comes back by itself when it is lost."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias, cast

from hiredis import pack_command
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from aioqueue.drivers.redis.connections import CALL_TIMEOUT, connect, disconnect, send
from aioqueue.drivers.redis.server import Server, refusal
from aioqueue.errors import StoreUnavailable

SILENCE: Final = 15.0
LONGEST_PAUSE: Final = 2.0

HearMessage: TypeAlias = Callable[[bytes], None]
Command: TypeAlias = Literal["SUBSCRIBE", "UNSUBSCRIBE"]

logger: Final = logging.getLogger("aioqueue")


class Subscriptions:
    """Calls, for each message on a channel, what was given for that channel.

    Only the reader reads. Whatever the server confirms is compared with what is wanted, and put right where they
    differ: so a call that is cancelled half-way, or a lost connection, leaves nothing subscribed that nobody wants.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connection = server.connection()
        self._wanted: dict[bytes, HearMessage] = {}
        self._confirmations: dict[tuple[Command, bytes], asyncio.Future[None]] = {}
        self._gaps: list[Callable[[], None]] = []
        self._starting = asyncio.Lock()
        self._reading: asyncio.Task[None] | None = None
        self._up = False
        self._closed = False

    async def add(self, channel: str, hear: HearMessage) -> None:
        """Hear what is published on a channel from the return on; `StoreUnavailable` if that is not possible now."""
        name = channel.encode()
        self._wanted[name] = hear
        try:
            await self._start()
            await self._ask("SUBSCRIBE", name)
        except BaseException:
            self._wanted.pop(name, None)
            raise

    async def remove(self, channel: str) -> None:
        """Hear no more of a channel; a connection that is lost just now comes back without it."""
        name = channel.encode()
        if self._wanted.pop(name, None) is not None and self._up:
            await self._ask("UNSUBSCRIBE", name)

    def tell_of_gaps(self, gap: Callable[[], None]) -> None:
        """Have `gap` called after the connection was lost and is back: anything may have been missed."""
        self._gaps.append(gap)

    async def stop(self) -> None:
        """End the reading and close the connection; calls under way end with `StoreUnavailable`."""
        self._closed, self._up = True, False
        reading, self._reading = self._reading, None
        try:
            if reading is not None:
                reading.cancel()
                await asyncio.wait([reading])
        finally:
            await disconnect([self._connection])
            for confirmation in self._confirmations.values():
                if not confirmation.done():
                    confirmation.set_exception(RedisConnectionError("the driver was closed"))
                    confirmation.exception()  # whoever asked may have gone

    async def _start(self) -> None:
        """Connect, unless that was done before; the reader then keeps the connection."""
        async with self._starting:
            if self._reading is not None:
                return
            try:
                async with asyncio.timeout(CALL_TIMEOUT):
                    await connect(self._connection)
            except (RedisError, OSError) as error:
                raise refusal(self._server, error) from error
            if self._closed:
                await disconnect([self._connection])
                raise StoreUnavailable(f"the driver of {self._server.address} is closed")
            self._up = True
            self._reading = asyncio.create_task(self._read(), name="aioqueue redis subscriptions")

    async def _ask(self, command: Command, channel: bytes) -> None:
        """Send, and wait until the reader hears that it is done, or that the connection is back."""
        confirmation = self._confirmations.setdefault((command, channel), asyncio.get_running_loop().create_future())
        try:
            async with asyncio.timeout(CALL_TIMEOUT):
                await self._send(command, channel)
                await asyncio.shield(confirmation)
        except (RedisError, OSError) as error:
            raise refusal(self._server, error) from error

    async def _send(self, command: Command, *channels: bytes) -> None:
        # While the connection is lost it is the reader's to connect, and it will ask for all that is wanted.
        if channels and self._up and self._connection.is_connected:
            await send(self._connection, pack_command(cast("Any", (command, *channels))))

    async def _read(self) -> None:
        while True:
            try:
                await self._take(await self._next())
            except (RedisError, OSError):
                await self._come_back()
                for gap in self._gaps:
                    self._shield(gap)

    async def _next(self) -> Any:
        """Return the next message; a server that has been silent for long is asked for a sign of life."""
        message = await self._connection.read_response(timeout=SILENCE)
        if message is None:
            await send(self._connection, pack_command(("PING",)))
            message = await self._connection.read_response(timeout=CALL_TIMEOUT)
        if message is None:
            raise RedisConnectionError("no sign of life")
        return message

    async def _come_back(self) -> None:
        self._up = False
        for command, channel in list(self._confirmations):
            if command == "UNSUBSCRIBE":
                self._confirm(command, channel)  # a new connection subscribes to nothing
        pause = 0.05
        while True:
            await self._connection.disconnect(nowait=True)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
            try:
                async with asyncio.timeout(CALL_TIMEOUT):
                    return await self._resubscribe()
            except (RedisError, OSError):
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _resubscribe(self) -> None:
        await connect(self._connection)
        self._up = True
        missing = set(self._wanted)
        await self._send("SUBSCRIBE", *missing)
        while missing:
            message: Any = await self._connection.read_response()
            await self._take(message)
            if message[0] == b"subscribe":
                missing.discard(message[1])

    async def _take(self, message: Any) -> None:
        match message:
            case [b"message", channel, data] if channel in self._wanted:
                self._shield(self._wanted[channel], data)
            case [b"subscribe", channel, _]:
                self._confirm("SUBSCRIBE", channel)
                if channel not in self._wanted:
                    await self._send("UNSUBSCRIBE", channel)
            case [b"unsubscribe", channel, _]:
                self._confirm("UNSUBSCRIBE", channel)
                if channel in self._wanted:
                    await self._send("SUBSCRIBE", channel)

    def _confirm(self, command: Command, channel: bytes) -> None:
        confirmation = self._confirmations.pop((command, channel), None)
        if confirmation is not None and not confirmation.done():
            confirmation.set_result(None)

    def _shield(self, callback: Callable[..., None], *arguments: Any) -> None:
        """Call; an error in there must not end the listening of all others."""
        try:
            callback(*arguments)
        except Exception:
            logger.exception("what Redis published could not be passed on")
