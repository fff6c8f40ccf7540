"""Queues on every store, for tests that do not care which one it is."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

from aioqueue import Queue

STORES = ("memory", "sqlite", "redis")


class MakeQueue(Protocol):
    """Gives a queue; every call gives another one on the same store and of the same name."""

    def __call__(self, **options: Any) -> Queue: ...


def url_of(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a store that this test has for itself."""
    if kind == "memory":
        return f"memory://{uuid.uuid4().hex}"
    if kind == "sqlite":
        return f"sqlite:///{tmp_path}/queue.db"
    url: str = request.getfixturevalue("redis_url")
    return url


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """One store after the other."""
    return url_of(request.param, request, tmp_path)


@pytest.fixture(params=["sqlite", "redis"])
def shared_store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """One store after the other, of those that several processes can share."""
    return url_of(request.param, request, tmp_path)


@pytest.fixture
def make_queue(store_url: str) -> MakeQueue:
    """Give queues on one store, under a name that no other test uses."""
    name = f"q{uuid.uuid4().hex}"
    return lambda **options: Queue(store_url, name=name, **options)


@pytest.fixture
def memory_queue() -> Queue:
    """A queue whose store makes no difference."""
    return Queue("memory://")


async def eventually(is_so: Callable[[], Awaitable[bool] | bool], seconds: float = 5.0) -> None:
    """Return when `is_so` answers True; fail after `seconds`. For what sends no event."""
    async with asyncio.timeout(seconds):
        while True:
            answer = is_so()
            if answer if isinstance(answer, bool) else await answer:
                return
            await asyncio.sleep(0.005)
