"""The queues that these tests ask for."""

from __future__ import annotations

import pytest

from aioqueue import Queue
from tests.core.stores import MakeQueue, make_queue, memory_queue, shared_store_url, store_url

__all__ = ["log", "make_queue", "memory_queue", "queue", "shared_store_url", "store_url"]


@pytest.fixture
def queue(make_queue: MakeQueue) -> Queue:
    """One queue, on each store."""
    return make_queue()


@pytest.fixture
def log() -> list[str]:
    """What has happened, in order."""
    return []
