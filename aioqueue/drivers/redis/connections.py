"""Connections to one server, each serving one call at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import Any

from redis.exceptions import NoScriptError, OutOfMemoryError, RedisError

from aioqueue.drivers.redis.exchange import CALL_TIMEOUT, Command, Exchange, close_all, packed
from aioqueue.drivers.redis.server import Server, refusal
from aioqueue.errors import StoreUnavailable


class Call:
    """A call under way; `reply` is what will be the server's answer, also when nobody waits for it any more."""

    def __init__(self, exchange: Exchange, reply: asyncio.Future[Any]) -> None:
        self._exchange = exchange
        self.reply: asyncio.Future[Any] = reply

    def leave(self) -> asyncio.Future[Any]:
        """Put another future in the place of a cancelled `reply`, and return it."""
        self.reply = self._exchange.in_place_of(self.reply)
        return self.reply

    def give_up(self) -> None:
        """Close the connection if the server has not answered: it is to do no more for this call."""
        if not self.reply.done():
            self._exchange.drop()


class Connections:
    """Up to `limit` connections, opened when needed and kept until `close`.

    A call that finds all of them busy has one more opened, or waits for the first that is free. A call that is
    cancelled leaves its connection busy until the server has answered, so that no other call waits for what it left
    behind. One whose call ends without an answer is dropped. So is one that was refused something: a server that has
    become a replica would refuse for ever, while its name leads to the new master by now.
    """

    def __init__(self, server: Server, limit: int) -> None:
        self._server = server
        self._limit = limit
        self._places = 0  # connections, and those that are being made
        self._idle: list[Exchange] = []
        self._busy: set[Exchange] = set()
        self._waiting: deque[asyncio.Future[Exchange | None]] = deque()
        self._closed = False

    async def call(self, *command: str | bytes | float) -> Any:
        """Send one command and return its reply.

        The server may be silent for `CALL_TIMEOUT` seconds; a large command or reply may be longer on its way.
        Raises `StoreUnavailable`, `ConfigurationError` for refused credentials, and redis-py's `NoScriptError`.
        """
        try:
            return await (await self._start(packed(command), 1, CALL_TIMEOUT)).reply
        except NoScriptError:
            raise
        except (RedisError, OSError) as error:
            raise refusal(self._server, error) from error

    async def start(self, *commands: Command, answered_within: float) -> Call:
        """Send commands in one write; the call ends with the reply to the last one, or a refusal on the way to it.

        The server may take `answered_within` seconds; it does all although nobody waits any more.
        Raises what `call` does; what ends the reply are redis-py's errors and `TimeoutError`.
        """
        try:
            return await self._start(b"".join(map(packed, commands)), len(commands), answered_within)
        except (RedisError, OSError) as error:
            raise refusal(self._server, error) from error

    async def close(self) -> None:
        """Close every connection; calls under way end with `StoreUnavailable`."""
        self._closed = True
        idle, self._idle = self._idle, []
        self._places -= len(idle)
        await close_all((*idle, *self._busy))

    async def _start(self, message: bytes, commands: int, answered_within: float) -> Call:
        exchange = self._take_idle() or await self._wait_for_one() or await self._open_one()
        try:
            call = Call(exchange, exchange.ask(message, commands, answered_within))
        except BaseException:
            self._drop(exchange)
            raise
        call.reply.add_done_callback(partial(self._ended, exchange, call))  # before whoever awaits it goes on
        return call

    def _take_idle(self) -> Exchange | None:
        while self._idle:
            exchange = self._idle.pop()
            if exchange.is_open:
                self._busy.add(exchange)
                return exchange
            self._places -= 1
        return None

    async def _wait_for_one(self) -> Exchange | None:
        """Return the first that is given back, or None, which is the place for a new one."""
        self._check_open()
        if self._places < self._limit:
            self._places += 1
            return None
        given: asyncio.Future[Exchange | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(given)
        try:
            async with asyncio.timeout(CALL_TIMEOUT):
                return self._if_open(await asyncio.shield(given))
        except BaseException:
            if given.done():
                self._hand_on(given.result())
            raise
        finally:
            given.cancel()

    def _if_open(self, exchange: Exchange | None) -> Exchange | None:
        if exchange is not None and not exchange.is_open:  # it has ended since it was given; its place is as good
            self._busy.discard(exchange)
            return None
        return exchange

    async def _open_one(self) -> Exchange:
        try:
            self._check_open()
            exchange = await Exchange.open(self._server)
            if self._closed:
                exchange.drop()
            self._check_open()
        except BaseException:
            self._hand_on(None)
            raise
        self._busy.add(exchange)
        return exchange

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable(f"the driver of {self._server.address} is closed")

    def _ended(self, exchange: Exchange, call: Call, reply: asyncio.Future[Any]) -> None:
        if reply.cancelled():
            reply = call.leave()
        if not reply.done():
            reply.add_done_callback(partial(self._ended, exchange, call))
        elif not self._closed and _is_over(reply):
            self._hand_on(exchange)  # whoever takes it sees whether it is open
        else:
            self._drop(exchange)

    def _drop(self, exchange: Exchange) -> None:
        self._busy.discard(exchange)
        exchange.drop()
        self._hand_on(None)

    def _hand_on(self, free: Exchange | None) -> None:
        """Give a connection, or the place for one, to whoever has waited longest."""
        while self._waiting:
            given = self._waiting.popleft()
            if not given.done():
                given.set_result(free)
                return
        if free is None:
            self._places -= 1
        else:
            self._busy.discard(free)
            self._idle.append(free)


def _is_over(reply: asyncio.Future[Any]) -> bool:
    """Whether a reply has come, and the server is of use."""
    return not reply.cancelled() and isinstance(reply.exception(), NoScriptError | OutOfMemoryError | None)
