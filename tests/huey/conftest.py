"""One queue, on each store, and a worker that is run by hand."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from aioqueue import Queue
from tests.core.stores import MakeQueue, make_queue, memory_queue, shared_store_url, store_url
from tests.huey.workday import Workday

__all__ = ["make_queue", "memory_queue", "shared_store_url", "store_url"]


@pytest.fixture
def queue(make_queue: MakeQueue) -> Queue:
    """One queue, on each store."""
    return make_queue()


@pytest.fixture
def workday(queue: Queue) -> Workday:
    """A worker and a clock for it."""
    return Workday(queue)


def bounded(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Return a test that fails where it would wait for ever."""

    @wraps(test)
    async def run(**fixtures: Any) -> None:
        async with asyncio.timeout(30):
            await test(**fixtures)

    return run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bound every test of this directory."""
    for item in items:
        if isinstance(item, pytest.Function) and Path(__file__).parent in item.path.parents:
            item.obj = bounded(item.obj) if inspect.iscoroutinefunction(item.obj) else item.obj
