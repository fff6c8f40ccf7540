"""Cancelling a job whose only reader has gone away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

from aioqueue.errors import StoreUnavailable
from aioqueue.frameworks.endings import ended
from aioqueue.logtext import one_line
from aioqueue.result import Result

logger: Final = logging.getLogger("aioqueue")

_A_MOMENT: Final = 0.05

# Returns when the client has gone away: at once, if it has.
Leaving: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


@asynccontextmanager
async def cancelling(leaving: Leaving, result: Result[Any]) -> AsyncIterator[None]:
    """Cancel the job if the client goes away while the block runs; leave it alone however else the block ends.

    A handler that is cancelled because its client went away counts; one that is cancelled for another reason does not.
    """
    block: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    # In a task of its own: asking the store must not be cut short by what ends the handler.
    watching = asyncio.create_task(_cancel_if_left(leaving, block, result))
    was_cancelled = False
    try:
        yield
    except asyncio.CancelledError:
        was_cancelled = True
        raise
    finally:
        block.set_result(was_cancelled)
        await ended(watching)


async def _cancel_if_left(leaving: Leaving, block: asyncio.Future[bool], result: Result[Any]) -> None:
    if await _comes_first(leaving, block) or (block.done() and block.result() and await _has_left(leaving)):
        try:
            await result.cancel()
        except StoreUnavailable as error:
            job, why = one_line(result.id), one_line(str(error))
            logger.warning("job %s goes on although its client has gone away: %s", job, why)


async def _comes_first(leaving: Leaving, block: asyncio.Future[bool]) -> bool:
    """Whether the client goes away before the block has ended."""
    left = asyncio.create_task(leaving())
    either: tuple[asyncio.Future[Any], ...] = (left, block)
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    return await _answer_of(left)


async def _has_left(leaving: Leaving) -> bool:
    """Whether the client is away: asked for a moment, since who is away is known to be at once."""
    left = asyncio.create_task(leaving())
    await asyncio.wait({left}, timeout=_A_MOMENT)
    return await _answer_of(left)


async def _answer_of(left: asyncio.Task[None]) -> bool:
    answered = left.done()
    left.cancel()
    await ended(left)
    return answered
