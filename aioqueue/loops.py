"""The running loop, which has to be one of asyncio."""

from __future__ import annotations

import asyncio

from aioqueue.errors import ConfigurationError


def running_loop() -> asyncio.AbstractEventLoop:
    """Return the running loop; `ConfigurationError` where there is none, or another library's."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigurationError(
            "no asyncio loop runs here, and aioqueue works on nothing else: from code without one use queue.sync(...), "
            "and where anyio chooses trio, choose asyncio (in tests by the fixture anyio_backend)"
        ) from None
