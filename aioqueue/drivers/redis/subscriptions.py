"""One connection that hears what is published on any number of channels, and comes back by itself when it is lost."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Literal, TypeAlias

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from aioqueue.drivers.redis.exchange import CALL_TIMEOUT, packed
from aioqueue.drivers.redis.link import Link, link
from aioqueue.drivers.redis.server import Server, refusal
from aioqueue.errors import StoreUnavailable

SILENCE: Final = 15.0
LONGEST_PAUSE: Final = 2.0
_PING: Final = packed(("PING",))

HearMessage: TypeAlias = Callable[[bytes], None]
Command: TypeAlias = Literal["SUBSCRIBE", "UNSUBSCRIBE"]

logger: Final = logging.getLogger("aioqueue")


class Subscriptions:
    """Calls, for each message on a channel, what was given for that channel.

    Whatever the server confirms is compared with what is wanted, and put right where they differ: so a call that is
    cancelled half-way, or a lost connection, leaves nothing subscribed that nobody wants.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._wanted: dict[bytes, HearMessage] = {}
        self._confirmations: dict[tuple[Command, bytes], asyncio.Future[None]] = {}
        self._gaps: list[Callable[[], None]] = []
        self._starting = asyncio.Lock()
        self._keeping: asyncio.Task[None] | None = None
        self._link: Link | None = None
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
            with suppress(RedisConnectionError):  # a new connection subscribes to nothing that nobody wants
                self._send("UNSUBSCRIBE", name)  # it may be confirmed already
            raise

    async def remove(self, channel: str) -> None:
        """Hear no more of a channel; a connection that is lost just now comes back without it."""
        name = channel.encode()
        if self._wanted.pop(name, None) is not None and self._link is not None and self._link.is_open:
            await self._ask("UNSUBSCRIBE", name)

    def tell_of_gaps(self, gap: Callable[[], None]) -> None:
        """Have `gap` called after the connection was lost and is back: anything may have been missed."""
        self._gaps.append(gap)

    async def stop(self) -> None:
        """End the listening and close the connection; calls under way end with `StoreUnavailable`."""
        self._closed = True
        keeping, self._keeping = self._keeping, None
        try:
            if keeping is not None:
                keeping.cancel()
                await asyncio.wait([keeping])
        finally:
            if self._link is not None:
                self._link.close()
            for confirmation in self._confirmations.values():
                if not confirmation.done():
                    confirmation.set_exception(RedisConnectionError("the driver was closed"))
                    confirmation.exception()  # whoever asked may have gone
        if self._link is not None:
            await asyncio.shield(self._link.lost)

    async def _start(self) -> None:
        """Connect, unless that was done before; the keeper then keeps the connection."""
        async with self._starting:
            if self._keeping is not None:
                return
            try:
                made = await self._connect()
            except (RedisError, OSError) as error:
                raise refusal(self._server, error) from error
            if self._closed:
                made.close()
                raise StoreUnavailable(f"the driver of {self._server.address} is closed")
            self._keeping = asyncio.create_task(self._keep(made), name="aioqueue redis subscriptions")

    async def _connect(self) -> Link:
        async with asyncio.timeout(CALL_TIMEOUT):
            self._link = await link(self._server, self._take)
        return self._link

    async def _ask(self, command: Command, channel: bytes) -> None:
        """Send, and wait until it is confirmed, or the connection is back."""
        confirmation = self._confirmation(command, channel)
        try:
            async with asyncio.timeout(CALL_TIMEOUT):
                self._send(command, channel)
                await asyncio.shield(confirmation)
        except (RedisError, OSError) as error:
            raise refusal(self._server, error) from error

    def _confirmation(self, command: Command, channel: bytes) -> asyncio.Future[None]:
        return self._confirmations.setdefault((command, channel), asyncio.get_running_loop().create_future())

    def _send(self, command: Command, *channels: bytes) -> None:
        # While the connection is lost it is the keeper's to connect, and it will ask for all that is wanted.
        if channels and self._link is not None and self._link.is_open:
            self._link.send(packed((command, *channels)))

    async def _keep(self, link: Link) -> None:
        while True:
            await _until_lost(link)
            link = await self._come_back()
            for gap in self._gaps:
                self._shield(gap)

    async def _come_back(self) -> Link:
        for command, channel in list(self._confirmations):
            if command == "UNSUBSCRIBE":
                self._confirm(command, channel)  # a new connection subscribes to nothing
        pause = 0.05
        while True:
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
            try:
                async with asyncio.timeout(CALL_TIMEOUT):
                    return await self._resubscribe()
            except (RedisError, OSError):
                pause = min(pause * 2, LONGEST_PAUSE)
                if self._link is not None:
                    self._link.close()

    async def _resubscribe(self) -> Link:
        link = await self._connect()
        wanted = list(self._wanted)
        confirmations = [self._confirmation("SUBSCRIBE", channel) for channel in wanted]
        self._send("SUBSCRIBE", *wanted)
        for confirmation in confirmations:
            either: list[asyncio.Future[Any]] = [confirmation, link.lost]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if link.lost.done():
            raise link.lost.result()
        return link

    def _take(self, message: Any) -> None:
        try:
            self._understand(message)
        except RedisConnectionError:
            return  # it was lost on the way to an answer, and comes back with all that is wanted

    def _understand(self, message: Any) -> None:
        match message:
            case [b"message", channel, data] if channel in self._wanted:
                self._shield(self._wanted[channel], data)
            case [b"subscribe", channel, _]:
                self._confirm("SUBSCRIBE", channel)
                if channel not in self._wanted:
                    self._send("UNSUBSCRIBE", channel)
            case [b"unsubscribe", channel, _]:
                self._confirm("UNSUBSCRIBE", channel)
                if channel in self._wanted:
                    self._send("SUBSCRIBE", channel)
            case RedisError() if self._link is not None:
                self._link.close()  # refused, as by a server that has become something else: begin anew

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


async def _until_lost(link: Link) -> None:
    """Wait for the end of a connection; a server that has been silent for long is asked for a sign of life."""
    while not link.lost.done():
        if await _hears_within(link, SILENCE) or link.lost.done():
            continue
        with suppress(RedisConnectionError):
            link.send(_PING)
        if not await _hears_within(link, CALL_TIMEOUT):
            link.close()


async def _hears_within(link: Link, seconds: float) -> bool:
    """Wait for so long, or for its end, and tell whether anything came."""
    heard_at = link.heard_at
    await asyncio.wait([link.lost], timeout=seconds)
    return link.heard_at != heard_at
