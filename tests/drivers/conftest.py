"""The drivers under test, each on a store of its own or under a queue name of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aioqueue.drivers.base import Driver

pytest.register_assert_rewrite("aioqueue.testing.conformance", "tests.drivers.machine", "tests.drivers.agreement")

DRIVERS = ("memory", "sqlite", "redis")


@pytest.fixture(params=DRIVERS)
def make_driver(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Driver]:
    """Give unopened drivers on one store, by queue name."""
    return _makers[request.param](request, tmp_path)


def _on_memory(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Driver]:
    from aioqueue.drivers.memory import MemoryDriver, MemoryStore

    store = MemoryStore()
    return lambda queue: MemoryDriver(store, queue)


def _on_sqlite(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Driver]:
    from aioqueue.drivers.sqlite import SqliteDriver

    path = str(tmp_path / "queue.db")
    return lambda queue: SqliteDriver(path, queue)


def _on_redis(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Driver]:
    from aioqueue.drivers.redis import RedisDriver

    url: str = request.getfixturevalue("redis_url")
    return lambda queue: RedisDriver(url, queue)


_makers = {"memory": _on_memory, "sqlite": _on_sqlite, "redis": _on_redis}
