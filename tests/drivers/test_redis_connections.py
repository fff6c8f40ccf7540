"""Connections that calls share: given, waited for, left in mid-call, lost and closed."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from aioqueue.drivers.redis.connections import Call, Connections
from aioqueue.drivers.redis.server import server_of
from aioqueue.errors import StoreUnavailable

pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def connections_to(url: str, limit: int) -> AsyncIterator[Connections]:
    connections = Connections(server_of(url), limit)
    try:
        async with asyncio.timeout(20):
            yield connections
    finally:
        await connections.close()


async def busy(connections: Connections, key: str) -> Call:
    """Have one connection wait for an element of the list."""
    return await connections.start(("BLPOP", key, "30"), answered_within=40)


async def until_waiting(connections: Connections, calls: int) -> None:
    while len(connections._waiting) < calls:  # noqa: ASYNC110 -- the very turn is meant
        await asyncio.sleep(0)


async def test_more_are_opened_up_to_the_limit_and_then_calls_wait(redis_url: str) -> None:
    async with connections_to(redis_url, 3) as connections:
        calls = [await busy(connections, "{pool}b") for _ in range(2)]
        assert await connections.call("PING") == b"PONG"
        calls.append(await busy(connections, "{pool}b"))
        waiting = asyncio.create_task(connections.call("RPUSH", "{pool}b", "1", "2", "3"))
        await until_waiting(connections, 1)
        assert connections._places == len(connections._busy) == 3
        async with connections_to(redis_url, 1) as others:
            await others.call("RPUSH", "{pool}b", "0")
        assert await waiting == 3
        assert [await call.reply for call in calls] == [[b"{pool}b", str(number).encode()] for number in range(3)]
        assert await connections.call("DEL", "{pool}b") == 1


async def test_a_cancelled_call_keeps_its_connection_until_the_server_has_answered(redis_url: str) -> None:
    async with connections_to(redis_url, 1) as connections:
        await connections.call("PING")
        (before,) = connections._idle
        call = await busy(connections, "{pool}d")
        waiting = asyncio.ensure_future(call.reply)
        waiting.cancel()
        await asyncio.wait([waiting])
        next_call = asyncio.create_task(connections.call("ECHO", "mine"))
        await until_waiting(connections, 1)
        async with connections_to(redis_url, 1) as others:
            await others.call("RPUSH", "{pool}d", "late")
        assert await next_call == b"mine"
        assert await call.reply == [b"{pool}d", b"late"]
        assert connections._idle == [before]


async def test_an_answer_that_comes_in_the_turn_of_a_cancellation_is_not_lost(redis_url: str) -> None:
    async with connections_to(redis_url, 1) as connections:
        call = await connections.start(("SET", "{pool}h", "1"), ("DEL", "{pool}h"), answered_within=5)
        (exchange,) = connections._busy
        first = call.reply
        first.get_loop().call_soon(first.cancel)
        time.sleep(0.1)  # noqa: ASYNC251 -- the answer is to be there when the loop comes to look for it
        while exchange._asked:  # noqa: ASYNC110 -- the very turn is meant
            await asyncio.sleep(0)
        assert first.cancelled()
        await asyncio.sleep(0)
        assert await call.reply == 1
        assert connections._idle == [exchange]
        assert not exchange._unheard


async def test_who_goes_away_leaves_the_turn_to_the_next(redis_url: str) -> None:
    async with connections_to(redis_url, 1) as connections:
        call = await busy(connections, "{pool}e")
        calls = [asyncio.create_task(connections.call("ECHO", name)) for name in "abc"]
        await until_waiting(connections, 3)
        calls[0].cancel()
        # The first to be given a connection is cancelled in the turn in which it is given it.
        call.reply.add_done_callback(lambda _: calls[1].cancel())
        async with connections_to(redis_url, 1) as others:
            await others.call("RPUSH", "{pool}e", "element")
        assert await calls[2] == b"c"
        assert [one.cancelled() for one in calls] == [True, True, False]
        assert await connections.call("PING") == b"PONG"


async def test_a_lost_connection_leaves_its_place_to_the_next(redis_url: str) -> None:
    async with connections_to(redis_url, 1) as connections:
        call = await busy(connections, "{pool}f")
        waiting = asyncio.create_task(connections.call("PING"))
        await until_waiting(connections, 1)
        call.give_up()
        assert await waiting == b"PONG"
        assert connections._places == 1


async def test_a_connection_that_ends_when_it_has_been_handed_on_is_not_used(redis_url: str) -> None:
    async with connections_to(redis_url, 1) as connections:
        call = await busy(connections, "{pool}i")
        (exchange,) = connections._busy
        waiting = asyncio.create_task(connections.call("ECHO", "mine"))
        await until_waiting(connections, 1)
        call.reply.add_done_callback(lambda _: exchange.drop())  # after it was handed on, before it is used
        async with connections_to(redis_url, 1) as others:
            await others.call("RPUSH", "{pool}i", "element")
        assert await waiting == b"mine"
        assert connections._places == len(connections._idle) == 1
        assert connections._idle != [exchange]


async def test_a_connection_that_cannot_be_made_leaves_its_place_to_the_next() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    async with connections_to(f"redis://127.0.0.1:{port}", 2) as connections:
        answers = await asyncio.gather(*(connections.call("PING") for _ in range(5)), return_exceptions=True)
        assert [type(answer) for answer in answers] == [StoreUnavailable] * 5
        assert connections._places == 0


async def test_closing_ends_those_who_wait_for_a_connection(redis_url: str) -> None:
    async with connections_to(redis_url, 1) as connections:
        await busy(connections, "{pool}g")
        waiting = [asyncio.create_task(connections.call("PING")) for _ in range(3)]
        await until_waiting(connections, 3)
        await connections.close()
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(answer) for answer in answers] == [StoreUnavailable] * 3
