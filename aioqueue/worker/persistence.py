"""Keep asking a store that is away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from aioqueue.errors import StoreUnavailable
from aioqueue.retry import reconnect_delays

T = TypeVar("T")

logger: Final = logging.getLogger("aioqueue")


async def persistently(what: str, operation: Callable[[], Awaitable[T]]) -> T:
    """Repeat `operation` until the store answers, with backoff; log once when it goes and once when it is back."""
    delays = reconnect_delays()
    away = False
    while True:
        try:
            answer = await operation()
        except StoreUnavailable as error:
            if not away:
                logger.warning("cannot %s, trying on: %s", what, error)
            away = True
            await asyncio.sleep(next(delays))
        else:
            if away:
                logger.warning("the store is back: can %s again", what)
            return answer
