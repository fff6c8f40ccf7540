"""Await something from where no loop runs, or a loop that is not to be touched: what cleans up behind a test."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def run_apart(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `work()` to its end on a loop of its own, in a thread of its own: `asyncio.run` here would replace a loop."""
    with ThreadPoolExecutor(1, "aioqueue-testing") as thread:
        return thread.submit(lambda: asyncio.run(work())).result()
