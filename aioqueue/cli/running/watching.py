"""Watching the code: `--reload`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from aioqueue.cli.exits import Failed
from aioqueue.cli.running.again import directory

logger: Final = logging.getLogger("aioqueue")


def refuse_without_watchfiles() -> None:
    """Raise `Failed` saying what to install."""
    try:
        import watchfiles  # noqa: F401, PLC0415 -- an extra, and only for this
    except ImportError:
        raise Failed("--reload needs watchfiles: pip install 'aioqueue[reload]'") from None


async def watch_code(changed: Callable[[], None]) -> None:
    """Call `changed` whenever Python files below the directory of the command have changed; never returns."""
    from watchfiles import PythonFilter, awatch  # noqa: PLC0415

    root = directory()
    logger.info("watching the Python files below %s", root)
    async for changes in awatch(root, watch_filter=PythonFilter()):
        names = sorted({path.removeprefix(f"{root}/") for _, path in changes})
        logger.info("changed: %s", ", ".join(names))
        changed()
    await asyncio.Event().wait()
