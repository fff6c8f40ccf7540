"""The lines of a queue on Redis hold ids only: whatever stands there, a job is given to one worker."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis import Redis

from aioqueue.drivers.base import Finished, NewJob
from aioqueue.drivers.redis import RedisDriver
from aioqueue.ids import new_id
from aioqueue.states import JobState

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def driver(redis_url: str) -> AsyncIterator[RedisDriver]:
    driver = RedisDriver(redis_url, new_id())
    await driver.open()
    for worker in ("one", "other"):
        await driver.register(worker, 30, b"")
    yield driver
    await driver.close()


def push(driver: RedisDriver, redis_url: str, *ids: str) -> None:
    """Put ids at the back of the line of ordinary jobs, whatever the store knows of them."""
    with Redis.from_url(redis_url) as client:
        client.rpush(f"{driver._prefix}ready:0", *ids)


async def claimed(driver: RedisDriver, worker: str, batch: int) -> list[str]:
    return [claim.id for claim in (await driver.claim(worker, batch, 10, 1)).jobs]


async def test_an_id_that_stands_twice_is_given_once(driver: RedisDriver, redis_url: str) -> None:
    await driver.enqueue([NewJob("a", "task", b""), NewJob("b", "task", b"")])
    push(driver, redis_url, "a", "b")
    assert await claimed(driver, "one", 1) == ["a", "b"]
    assert await driver.counts() == {"queued": 0, "scheduled": 0, "running": 2, "dead": 0}


async def test_an_id_that_still_stands_when_its_job_runs_is_passed_over(driver: RedisDriver, redis_url: str) -> None:
    await driver.enqueue([NewJob("a", "task", b"")])
    (claim,) = (await driver.claim("one", 1, 10, 1)).jobs
    push(driver, redis_url, "a")
    await driver.enqueue([NewJob("b", "task", b"")])
    assert await claimed(driver, "other", 1) == ["b"]
    assert await driver.claims("one") == {"a": claim.token}
    done = Finished("a", claim.token, JobState.SUCCEEDED, b"value", 60)
    assert await driver.settle("one", [done]) == ["settled"]


async def test_an_id_of_which_nothing_else_is_known_is_passed_over(driver: RedisDriver, redis_url: str) -> None:
    push(driver, redis_url, "never")
    await driver.enqueue([NewJob("a", "task", b"")])
    assert await claimed(driver, "one", 1) == ["a"]
