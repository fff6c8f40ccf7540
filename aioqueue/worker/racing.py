"""Wait for the first of several things."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def first_of(*coroutines: Coroutine[Any, Any, Any]) -> list[Any]:
    """Run all until one has ended, cancel and await the others; raise what the ended ones raised.

    Returns what each has returned, in their order; None for those that were cancelled.
    """
    racers = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        await asyncio.wait(racers, return_when=asyncio.FIRST_COMPLETED)
        ended = {racer for racer in racers if racer.done()}
    finally:
        for racer in racers:
            racer.cancel()
        await asyncio.gather(*racers, return_exceptions=True)
    return [racer.result() if racer in ended else None for racer in racers]
