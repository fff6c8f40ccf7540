"""Calls on one connection: each is sent at once, and the replies come in the same order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias, cast

from hiredis import pack_command
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from aioqueue.drivers.redis.link import Link, link
from aioqueue.drivers.redis.server import Server

CALL_TIMEOUT: Final = 5.0
SLOWEST_LINK: Final = 250_000  # bytes a second; what is sent may take that long

_LAST_LOOK: Final = 0.05  # for a loop that was late itself: what has come meanwhile is read first

Command: TypeAlias = tuple[str | bytes | float, ...]

# Returns a command as it travels; hiredis itself declares a tuple of one.
packed: Final = cast("Callable[[Command], bytes]", pack_command)


# Who waits since when, when the reply is late by the loop's clock, and the call's bytes if it is the last reply to it.
_Asked: TypeAlias = tuple[asyncio.Future[Any], float, float, int]


class Exchange:
    """The calls under way on one link; the server answers each, whether anybody still waits for it or not.

    A reply is late when its call has taken longer than it may, unless something has come meanwhile: a large one may be
    long on its way, with no silence of `CALL_TIMEOUT`. A late reply ends the connection, and so every call under way,
    which may have happened.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._asked: deque[_Asked] = deque()
        self._unheard: dict[asyncio.Future[Any], Any] = {}
        self._under_way = 0  # bytes
        self._looking: asyncio.TimerHandle | None = None
        self._link: Link | None = None

    @classmethod
    async def open(cls, server: Server) -> Exchange:
        """Connect; redis-py's errors, or `OSError`, if that fails or takes longer than `CALL_TIMEOUT`."""
        exchange = cls()
        async with asyncio.timeout(CALL_TIMEOUT):
            made = exchange._link = await link(server, exchange._hear)
        made.lost.add_done_callback(lambda lost: exchange._end(lost.result()))
        return exchange

    @property
    def is_open(self) -> bool:
        """Whether calls can be made."""
        return self._link is not None and self._link.is_open

    def ask(self, message: bytes, commands: int, answered_within: float) -> asyncio.Future[Any]:
        """Send packed commands, for which the server may take so long, and return what will be the last one's reply.

        It ends with what the server refuses, with redis-py's `ConnectionError` or with `TimeoutError`.
        """
        if self._link is None:
            raise RedisConnectionError("the connection has been closed")
        self._link.send(message)
        self._under_way += len(message)
        now = self._loop.time()
        late_at = now + answered_within + self._under_way / SLOWEST_LINK
        reply: asyncio.Future[Any] = self._loop.create_future()
        for _ in range(commands - 1):
            self._asked.append((reply, now, late_at, 0))
        self._asked.append((reply, now, late_at, len(message)))
        if self._looking is None or self._looking.when() > late_at:
            self._look_at(late_at)
        return reply

    def in_place_of(self, left: asyncio.Future[Any]) -> asyncio.Future[Any]:
        """Return what will be the reply to a call whose future was cancelled: the server answers it all the same.

        To be called in the turn of the loop after that; cancelled itself if the connection has ended.
        """
        reply: asyncio.Future[Any] = self._loop.create_future()
        if left in self._unheard:
            _answer(reply, self._unheard.pop(left))
        elif all(waiting is not left for waiting, *_ in self._asked):
            reply.cancel()
        self._asked = deque(
            (reply if waiting is left else waiting, asked_at, late_at, size)
            for waiting, asked_at, late_at, size in self._asked
        )
        return reply

    def drop(self) -> None:
        """Close the connection without waiting for that."""
        if self._link is not None:
            self._link.close()

    async def closed(self) -> None:
        """Wait until the connection is closed; calls under way have ended with `ConnectionError` then."""
        if self._link is not None:
            await asyncio.shield(self._link.lost)

    def _hear(self, reply: Any) -> None:
        if not self._asked:
            self.drop()
            return
        waiting, _, _, size = self._asked.popleft()
        self._under_way -= size
        if not size and not isinstance(reply, RedisError):
            return
        if waiting.cancelled():
            self._unheard.setdefault(waiting, reply)  # it was in this turn, and whoever cares is about to ask
        elif not waiting.done():
            _answer(waiting, reply)

    def _end(self, error: Exception) -> None:
        if self._looking is not None:
            self._looking.cancel()
        asked, self._asked = self._asked, deque()
        for waiting, *_ in asked:
            if not waiting.done():
                _fail(waiting, error)

    def _look_at(self, when: float) -> None:
        if self._looking is not None:
            self._looking.cancel()
        self._looking = self._loop.call_at(when, self._look)

    def _look(self) -> None:
        self._looking = None
        if not self._asked or self._link is None:
            return
        _, asked_at, late_at, _ = self._asked[0]
        if self._link.heard_at > asked_at:
            late_at = max(late_at, self._link.heard_at + CALL_TIMEOUT)
        if self._loop.time() < late_at:
            self._look_at(late_at)
        else:
            self._looking = self._loop.call_later(_LAST_LOOK, self._look_again, self._link.heard_at)

    def _look_again(self, heard_at: float) -> None:
        assert self._link is not None
        if self._link.heard_at != heard_at:
            self._look()
            return
        self._end(TimeoutError("no reply came"))
        self.drop()


async def close_all(exchanges: Iterable[Exchange]) -> None:
    """Close connections and wait until they are closed; cancelled, it waits no more."""
    closing = list(exchanges)
    for exchange in closing:
        exchange.drop()
    for exchange in closing:
        await exchange.closed()


def _answer(waiting: asyncio.Future[Any], reply: Any) -> None:
    if isinstance(reply, RedisError):
        _fail(waiting, reply)
    else:
        waiting.set_result(reply)


def _fail(reply: asyncio.Future[Any], error: Exception) -> None:
    reply.set_exception(error)
    reply.exception()  # whoever asked may have gone
