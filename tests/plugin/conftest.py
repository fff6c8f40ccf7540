"""The fixtures under test, on the Redis of these tests, and an application that is to be tested with them."""

from __future__ import annotations

import pytest

from aioqueue import Queue
from aioqueue.testing.plugin import (
    aioqueue_clock,
    aioqueue_driver,
    aioqueue_enqueued,
    aioqueue_immediate,
    aioqueue_memory,
    aioqueue_worker,
)

__all__ = [
    "aioqueue_clock",
    "aioqueue_driver",
    "aioqueue_enqueued",
    "aioqueue_immediate",
    "aioqueue_memory",
    "aioqueue_worker",
]


@pytest.fixture(scope="session")
def _aioqueue_redis_url(redis_url: str) -> str:
    return redis_url


@pytest.fixture
def queue() -> Queue:
    """A queue whose own store is away: whoever asks it hears of that at once."""
    return Queue("redis://127.0.0.1:1", name="app")
