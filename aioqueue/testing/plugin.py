"""The fixtures of aioqueue for pytest. None is used unless a test asks for it, and what each needs is imported then.

All are plain functions: they need no running loop, and no plugin that brings one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from aioqueue.testing.clock import Clocks
    from aioqueue.testing.enqueued import Enqueued
    from aioqueue.testing.stores import StoreSwap
    from aioqueue.testing.swapping import Swap
    from aioqueue.testing.workers import Workers

# ruff: noqa: PLC0415 -- a test run that uses no fixture of these is not to pay for them

REDIS_URL = "AIOQUEUE_TEST_REDIS_URL"
_CLOCKS: pytest.StashKey[Clocks] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what says where Redis is."""
    where = "URL of the Redis that aioqueue_driver uses; by default a server is started"
    parser.getgroup("aioqueue").addoption("--aioqueue-redis-url", metavar="URL", help=where)
    parser.addini("aioqueue_redis_url", where)


@pytest.fixture
def aioqueue_memory() -> Iterator[Swap]:
    """Put queues on a memory store of the test's own: `aioqueue_memory(queue)`."""
    from aioqueue.testing.swapping import swap_to_memory

    with swap_to_memory("aioqueue_memory") as swap:
        yield swap


@pytest.fixture
def aioqueue_immediate() -> Iterator[Swap]:
    """Have queues run each job as it is enqueued, in memory: `aioqueue_immediate(queue)`."""
    from aioqueue.testing.swapping import swap_to_memory

    with swap_to_memory("aioqueue_immediate", immediate=True) as swap:
        yield swap


@pytest.fixture
def aioqueue_enqueued() -> Iterator[Enqueued]:
    """Record what is enqueued, on any queue: `aioqueue_enqueued.assert_enqueued(task, 1)`, `.none()`."""
    from aioqueue.testing.enqueued import recording

    with recording() as enqueued:
        yield enqueued


@pytest.fixture
def aioqueue_worker() -> Workers:
    """Make a worker: `await aioqueue_worker(queue).drain(raise_errors=True)`, `async with aioqueue_worker(queue):`."""
    from aioqueue.testing.workers import Workers

    return Workers()


@pytest.fixture
def aioqueue_clock(request: pytest.FixtureRequest) -> Iterator[Clocks]:
    """Move the time of queues, on any store: `await aioqueue_clock(queue).advance(60)`."""
    from aioqueue.testing.clock import Clocks

    with Clocks() as clocks:
        request.node.stash[_CLOCKS] = clocks
        yield clocks


@pytest.fixture(params=["memory", "sqlite", "redis"])
def aioqueue_driver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreSwap]:
    """Put queues on each store in turn, three tests out of one: `aioqueue_driver(queue)`."""
    from aioqueue.testing.stores import StoreSwap, url_of

    url = url_of(request.param, tmp_path, lambda: request.getfixturevalue("_aioqueue_redis_url"))
    with StoreSwap(request.param, url) as swap:
        yield swap
        clocks = request.node.stash.get(_CLOCKS, None)
        if clocks is not None:
            clocks.put_back()  # while the store is there, whichever of the two fixtures was asked for first


@pytest.fixture(scope="session")
def _aioqueue_redis_url(pytestconfig: pytest.Config) -> Iterator[str]:
    """Where Redis is: as the option says, or the ini file, or the environment; else on a server for these tests."""
    said = pytestconfig.getoption("--aioqueue-redis-url") or pytestconfig.getini("aioqueue_redis_url")
    url = said or os.environ.get(REDIS_URL)
    if url:
        yield url
        return
    from aioqueue.testing.servers import redis_server

    with redis_server() as server:
        yield server.url
