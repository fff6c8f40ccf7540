"""One connection whose calls follow each other: their order, their places, and how soon silence ends them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis import Redis

from aioqueue import Queue
from aioqueue.drivers.redis.exchange import CALL_TIMEOUT, SLOWEST_LINK
from aioqueue.drivers.redis.lane import CALLS_UNDER_WAY, Lane
from aioqueue.drivers.redis.server import server_of
from aioqueue.ids import new_id

pytestmark = pytest.mark.asyncio

LARGE = b"x" * 200_000


@pytest_asyncio.fixture
async def lane(redis_url: str) -> AsyncIterator[Lane]:
    lane = Lane(server_of(redis_url))
    yield lane
    await lane.close()


async def test_who_comes_when_a_connection_is_made_overtakes_nobody(redis_url: str) -> None:
    for _ in range(20):
        lane, key = Lane(server_of(redis_url)), new_id()
        calls = [asyncio.create_task(lane.call("RPUSH", key, name)) for name in "ab"]
        while lane._exchange is None or not lane._exchange._asked:  # noqa: ASYNC110 -- the very turn is meant
            await asyncio.sleep(0)
        calls.append(asyncio.create_task(lane.call("RPUSH", key, "c")))
        assert await asyncio.gather(*calls) == [1, 2, 3]
        await lane.call("DEL", key)
        await lane.close()


async def test_a_busy_lane_notices_silence_as_soon_as_an_idle_one(lane: Lane) -> None:
    key = new_id()

    async def keep_busy() -> None:
        for _ in range(100):
            await lane.call("SET", key, LARGE)

    feeders = [asyncio.create_task(keep_busy()) for _ in range(3)]
    latest = 0.0
    while not all(feeder.done() for feeder in feeders):
        asked = lane._exchange._asked if lane._exchange is not None else ()
        now = asyncio.get_running_loop().time()
        latest = max([latest, *(late_at - now for _, _, late_at, _ in asked)])
        await asyncio.sleep(0)
    await lane.call("DEL", key)
    assert 0 < latest < CALL_TIMEOUT + 4 * len(LARGE) / SLOWEST_LINK


async def test_a_call_that_is_left_keeps_its_place_until_the_server_answers(lane: Lane, redis_url: str) -> None:
    key = new_id()
    assert await lane.call("INCR", key) == 1
    with Redis.from_url(redis_url) as store:
        blocked = [asyncio.create_task(lane.call("INCR", key)) for _ in range(CALLS_UNDER_WAY)]
        store.client_pause(500, all=False)
        blocked += [asyncio.create_task(lane.call("INCR", key)) for _ in range(CALLS_UNDER_WAY)]
        await asyncio.sleep(0.05)
        for call in blocked:
            call.cancel()
        await asyncio.wait(blocked)
        assert lane._exchange is not None
        assert len(lane._exchange._asked) <= CALLS_UNDER_WAY
        assert await lane.call("INCR", key) >= 2
        assert not lane._exchange._asked
        assert lane._places._value == CALLS_UNDER_WAY
        store.delete(key)


async def test_large_jobs_are_stored_in_order(redis_url: str) -> None:
    queue = Queue(redis_url, name=new_id())

    @queue.task
    async def weigh(text: str) -> int:
        return len(text)

    async with queue:
        await weigh("opens the connections")
        results = await weigh.map(["x" * 40_000] * 600)
        with Redis.from_url(redis_url) as store:
            stood = [job_id.decode() for job_id in store.lrange(f"aq:{{{queue.name}}}:ready:0", 1, -1)]
        assert stood == [result.id for result in results]
        await queue.flush()
