"""A connection that is lost between a look at it and its next use; uvloop says that in a way of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from aioqueue.cli.loop import new_event_loop
from aioqueue.drivers.redis.connections import Connections
from aioqueue.drivers.redis.server import server_of
from aioqueue.drivers.redis.subscriptions import Subscriptions
from aioqueue.errors import StoreUnavailable

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=[new_event_loop, asyncio.new_event_loop], ids=["uvloop", "asyncio"])
def run(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine on one kind of loop after the other."""

    def run_on_loop(coroutine: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(coroutine)

    return run_on_loop


def lose(exchange: Any) -> None:
    """Have the connection's transport closed without a word to whoever uses it."""
    exchange._link._transport.abort()


def test_a_call_on_a_connection_that_has_just_been_lost(run: Run, redis_url: str) -> None:
    async def call_on_it() -> None:
        connections = Connections(server_of(redis_url), 1)
        assert await connections.call("PING") == b"PONG"
        lose(connections._idle[0])
        assert await connections.call("PING") == b"PONG"
        under_way = await connections.start(("BLPOP", "uvloop-nothing", "5"), answered_within=10)
        lose(*connections._busy)
        with pytest.raises(RedisConnectionError):
            await under_way.reply
        assert await connections.call("PING") == b"PONG"
        await connections.close()

    run(call_on_it())


def test_a_subscription_on_a_connection_that_has_just_been_lost(run: Run, redis_url: str) -> None:
    async def subscribe_on_it() -> None:
        subscriptions = Subscriptions(server_of(redis_url))
        await subscriptions.add("uvloop", lambda _: None)
        for turns in range(5):
            lose(subscriptions)
            for _ in range(turns):
                await asyncio.sleep(0)
            with suppress(StoreUnavailable):
                await subscriptions.add(f"uvloop-{turns}", lambda _: None)
            async with asyncio.timeout(5):
                await subscriptions.add(f"uvloop-{turns}", lambda _: None)
        await subscriptions.stop()

    run(subscribe_on_it())
