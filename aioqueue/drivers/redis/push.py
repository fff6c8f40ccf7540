"""The listener: one subscription that hears of finished jobs, and comes back by itself when it is lost."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Any, Final

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from aioqueue.drivers.base import Hear
from aioqueue.drivers.redis.connections import CALL_TIMEOUT, disconnect
from aioqueue.drivers.redis.server import Server, refusal
from aioqueue.drivers.redis.wire import read_news

SILENCE: Final = 15.0
LONGEST_PAUSE: Final = 2.0

logger = logging.getLogger("aioqueue")


class Listener:
    """Reads one channel and calls `hear` for each job in it, and `gap` after the subscription was lost and is back."""

    def __init__(self, server: Server, channel: str, hear: Hear, gap: Callable[[], None]) -> None:
        self._server = server
        self._channel = channel
        self._hear = hear
        self._gap = gap
        self._connection: AbstractConnection = server.connection()
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Subscribe, and read from then on; `StoreUnavailable` if the server cannot be reached."""
        try:
            await self._subscribe()
        except (RedisError, OSError) as error:
            raise refusal(self._server, error) from error
        self._reading = asyncio.create_task(self._read(), name="aioqueue redis listener")

    async def stop(self) -> None:
        """End the reading and close the connection."""
        reading, self._reading = self._reading, None
        try:
            if reading is not None:
                reading.cancel()
                await asyncio.wait([reading])
        finally:
            await disconnect([self._connection])

    async def _subscribe(self) -> None:
        try:
            async with asyncio.timeout(CALL_TIMEOUT):
                await self._connection.send_command("SUBSCRIBE", self._channel)
                await self._connection.read_response()
        except BaseException:
            await self._connection.disconnect(nowait=True)
            raise

    async def _read(self) -> None:
        while True:
            try:
                self._shield(self._tell, await self._next())
            except (RedisError, OSError):
                await self._come_back()
                self._shield(self._gap)

    async def _next(self) -> Any:
        """Return the next message; a server that has been silent for long is asked for a sign of life."""
        message = await self._connection.read_response(timeout=SILENCE)
        if message is None:
            await self._connection.send_command("PING")
            message = await self._connection.read_response(timeout=CALL_TIMEOUT)
        if message is None:
            raise RedisConnectionError("no sign of life")
        return message

    async def _come_back(self) -> None:
        await self._connection.disconnect(nowait=True)
        pause = 0.05
        while True:
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
            try:
                return await self._subscribe()
            except (RedisError, OSError):
                pause = min(pause * 2, LONGEST_PAUSE)

    def _tell(self, message: list[Any]) -> None:
        if message[0] == b"message":
            for job_id, settled in read_news(message[2]):
                self._shield(self._hear, job_id, settled)

    def _shield(self, callback: Callable[..., None], *arguments: Any) -> None:
        """Call; an error in there must not end the listening of all others."""
        try:
            callback(*arguments)
        except Exception:
            logger.exception("what the Redis listener heard could not be passed on")
