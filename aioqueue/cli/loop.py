"""The event loop of the command line: uvloop where it is installed."""

from __future__ import annotations

import asyncio


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a fresh uvloop event loop, or Python's own where uvloop does not exist."""
    try:
        import uvloop  # noqa: PLC0415 -- only where there is a wheel for it
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
