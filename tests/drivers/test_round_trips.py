"""What a job costs in requests to Redis: counted by the server, so that no change makes it dearer unseen."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from redis import Redis

from aioqueue import Queue, Task, Worker
from tests.servers import RedisServer, redis_server

pytestmark = pytest.mark.asyncio

BATCH = 100


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A server that nobody else asks anything."""
    with redis_server() as server:
        yield server


def sent(store: Redis) -> dict[str, int]:
    """Return how many of the commands that only clients send there were since the last reset."""
    calls = {name.removeprefix("cmdstat_"): stat["calls"] for name, stat in store.info("commandstats").items()}
    return {name: count for name, count in calls.items() if name in {"evalsha", "eval", "blpop"}}


def asked(server: RedisServer) -> tuple[Queue, Task[[int], int]]:
    """Return a queue on the server, and a task that gives back what it is given."""
    queue = Queue(server.url)

    @queue.task
    async def body(n: int) -> int:
        return n

    return queue, body


async def test_storing_many_jobs_is_one_request(server: RedisServer) -> None:
    with Redis.from_url(server.url) as store:
        queue, body = asked(server)
        async with queue:
            await body(0)
            store.config_resetstat()
            await body.map(range(BATCH))
            assert sent(store) == {"evalsha": 1}
            store.config_resetstat()
            await body.map(range(10 * 250))
            assert sent(store) == {"evalsha": 10}


async def test_calls_of_one_turn_are_two_requests(server: RedisServer) -> None:
    with Redis.from_url(server.url) as store:
        queue, body = asked(server)
        async with queue:
            await body(0)
            store.config_resetstat()
            await asyncio.gather(*(body(n) for n in range(BATCH)))
            assert sent(store) == {"evalsha": 2}


async def test_a_batch_is_claimed_and_settled_in_two_requests(server: RedisServer) -> None:
    with Redis.from_url(server.url) as store:
        queue, body = asked(server)
        async with queue:
            await body.map(range(BATCH))
            await Worker(queue, concurrency=BATCH).drain()  # it has loaded the scripts now
            results = await body.map(range(BATCH))
            store.config_resetstat()
            await Worker(queue, concurrency=BATCH).drain()
            counted = sent(store)
            # open, register, renew and retire; promote and claim until nothing comes; one settle
            assert counted["evalsha"] <= 10
            assert "eval" not in counted
            store.config_resetstat()
            assert await asyncio.gather(*(result.get(10) for result in results)) == list(range(BATCH))
            assert sent(store)["evalsha"] == 1


async def test_a_lone_call_and_its_value_are_four_requests(server: RedisServer) -> None:
    rounds = 20
    with Redis.from_url(server.url) as store:
        queue, body = asked(server)
        async with queue, queue.worker(concurrency=BATCH):
            await body.call(0)
            store.config_resetstat()
            for n in range(rounds):
                assert await body.call(n) == n
            counted = sent(store)
    # enqueue, watch, settle, and the claim that goes with the sleep; a few more for the lease
    assert counted["evalsha"] <= 4 * rounds + 6
    assert counted["blpop"] <= rounds + 2
