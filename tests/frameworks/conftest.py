"""An application of each framework, served."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from aioqueue import Queue
from tests.core.stores import MakeQueue, make_queue, memory_queue, store_url
from tests.frameworks.applications import MAKERS

__all__ = ["make_queue", "memory_queue", "store_url"]


@pytest.fixture(params=list(MAKERS))
def make_app(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Make the application, in one framework after the other."""
    return MAKERS[request.param]


@pytest.fixture
def queue(memory_queue: Queue) -> Queue:
    """A queue whose store makes no difference."""
    return memory_queue


@pytest_asyncio.fixture
async def stored_queue(make_queue: MakeQueue) -> AsyncIterator[Queue]:
    """A queue on each store, open."""
    async with make_queue() as queue:
        yield queue
