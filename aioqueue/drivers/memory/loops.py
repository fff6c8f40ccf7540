"""Calls into the event loops of several threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVarTuple

Args = TypeVarTuple("Args")


def call_on(loop: asyncio.AbstractEventLoop, call: Callable[[*Args], object], *args: *Args) -> bool:
    """Have `loop` call something soon, from whichever loop runs here; answer whether the loop is still open."""
    try:
        if loop is asyncio.get_running_loop():
            loop.call_soon(call, *args)
        else:
            loop.call_soon_threadsafe(call, *args)
    except RuntimeError:
        return False
    return True
