"""Waiting for an asyncio.Task to end, however often whoever waits is cancelled meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def ended(*tasks: asyncio.Task[Any]) -> None:
    """Return when all have ended; raise what the first of them raised, or else the first cancellation that came.

    A cancelled scope of anyio, which frameworks use, cancels again at every turn of the loop: it is kept off until this
    returns, and cancels at the next await.
    """
    from anyio import CancelScope  # noqa: PLC0415 -- as in `offload`: workers may import this too

    cancelled: asyncio.CancelledError | None = None
    with CancelScope(shield=True):
        while not all(task.done() for task in tasks):
            try:
                await asyncio.wait(tasks)
            except asyncio.CancelledError as error:
                cancelled = cancelled or error
    for task in tasks:
        if not task.cancelled():
            task.result()
    if cancelled is not None:
        raise cancelled


async def until_either(one: Coroutine[Any, Any, None], other: Coroutine[Any, Any, None]) -> None:
    """Run both until one has ended, end the other, raise what either raised; nothing of them runs on afterwards."""
    tasks = asyncio.create_task(one), asyncio.create_task(other)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await ended(*tasks)
