"""Waiting for an asyncio.Task to end, however often whoever waits is cancelled meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def ended(*tasks: asyncio.Task[Any]) -> None:
    """Return when all have ended; raise what the first of them raised, or else the cancellation that came meanwhile.

    A cancelled scope of anyio, which frameworks use, cancels again at every await: so it is only noted.
    """
    cancelled = False
    while not all(task.done() for task in tasks):
        try:
            await asyncio.wait(tasks)
        except asyncio.CancelledError:
            cancelled = True
    for task in tasks:
        if not task.cancelled():
            task.result()
    if cancelled:
        raise asyncio.CancelledError


async def until_either(one: Coroutine[Any, Any, None], other: Coroutine[Any, Any, None]) -> None:
    """Run both until one has ended, end the other, raise what either raised; nothing of them runs on afterwards."""
    tasks = asyncio.create_task(one), asyncio.create_task(other)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await ended(*tasks)
