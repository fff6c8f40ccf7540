"""The proxy's faults are what they say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest
import pytest_asyncio
from redis import Redis

from tests.faults.proxy import LATE, Fate, Proxy, fault_proxy
from tests.faults.resp import read_frame

pytestmark = pytest.mark.asyncio


class Client:
    """A bare connection, so that no client library mends what is broken."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, *words: str) -> None:
        self._writer.write(b"*%d\r\n" % len(words))
        for word in words:
            self._writer.write(b"$%d\r\n%s\r\n" % (len(word), word.encode()))

    async def reply(self) -> object:
        return (await read_frame(self._reader)).value

    async def ask(self, *words: str) -> object:
        self.send(*words)
        return await self.reply()

    async def close(self) -> None:
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


@pytest.fixture
def store(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as store:
        yield store


@pytest_asyncio.fixture
async def proxy(store: Redis) -> AsyncIterator[Proxy]:
    async with fault_proxy(store.connection_pool.connection_kwargs["port"]) as proxy:
        yield proxy


@pytest_asyncio.fixture
async def client(proxy: Proxy) -> AsyncIterator[Client]:
    client = Client(*await asyncio.open_connection("127.0.0.1", proxy.port))
    yield client
    await client.close()


async def test_what_is_not_to_fail_passes(proxy: Proxy, client: Client) -> None:
    large = "x" * 1_000_000
    assert await client.ask("SET", "large", large) == b"OK"
    assert await client.ask("GET", "large") == large.encode()
    assert await client.ask("MGET", "large", "nothing") == [large.encode(), None]
    assert proxy.counts == {"SET": 1, "GET": 1, "MGET": 1}


async def test_a_reply_is_dropped_after_the_command_was_done(proxy: Proxy, client: Client, store: Redis) -> None:
    proxy.judge = lambda request: Fate.DROP_REPLY if request.nth == 2 else Fate.PASS
    store.delete("count")
    assert await client.ask("INCR", "count") == b"1"
    with pytest.raises(ConnectionResetError):
        await client.ask("INCR", "count")
    assert store.get("count") == b"2"


async def test_a_reset_comes_before_the_command_is_done(proxy: Proxy, client: Client, store: Redis) -> None:
    proxy.judge = lambda request: Fate.RESET if request.operation == "INCR" else Fate.PASS
    store.delete("count")
    with pytest.raises(ConnectionResetError):
        await client.ask("INCR", "count")
    assert store.get("count") is None


async def test_pushes_are_no_replies(proxy: Proxy, client: Client, store: Redis) -> None:
    assert await client.ask("SUBSCRIBE", "news") == [b"subscribe", b"news", b"1"]
    store.publish("news", "first")
    assert await client.reply() == [b"message", b"news", b"first"]
    proxy.judge = lambda _: Fate.DROP_REPLY
    with pytest.raises(ConnectionResetError):
        await client.ask("PING")


async def test_a_blackhole_keeps_connections_and_lets_nothing_through(proxy: Proxy, client: Client) -> None:
    await client.ask("PING")
    proxy.blackhole()
    client.send("PING")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await client.reply()
    proxy.heal()
    assert await client.reply() == b"PONG"


async def test_a_half_closed_connection_still_carries_requests(proxy: Proxy, client: Client, store: Redis) -> None:
    store.delete("count", "done")
    await client.ask("PING")
    proxy.half_close()
    with pytest.raises(asyncio.IncompleteReadError):
        await client.reply()
    client.send("RPUSH", "done", "")
    assert await asyncio.to_thread(store.blpop, "done", 10)


async def test_everything_is_reset(proxy: Proxy, client: Client) -> None:
    await client.ask("PING")
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        await client.reply()


async def test_a_reply_is_dropped_long_after_the_command_was_done(proxy: Proxy, client: Client, store: Redis) -> None:
    proxy.judge = lambda _: Fate.DROP_REPLY_LATE
    store.delete("count")
    client.send("INCR", "count")
    await asyncio.sleep(LATE / 2)
    assert store.get("count") == b"1"
    with pytest.raises(ConnectionResetError):
        await client.reply()


async def test_what_was_deafened_is_asked_for_and_not_heard(proxy: Proxy, client: Client, store: Redis) -> None:
    store.delete("count")
    await client.ask("INCR", "count")
    assert proxy.deafen("PING") == 0
    assert proxy.deafen("INCR") == 1
    client.send("INCR", "count")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await client.reply()
    assert store.get("count") == b"2"
    other = Client(*await asyncio.open_connection("127.0.0.1", proxy.port))
    assert await other.ask("INCR", "count") == b"3"
    await other.close()


async def test_requests_are_held_up(proxy: Proxy, client: Client) -> None:
    proxy.delay = 0.1
    loop = asyncio.get_running_loop()
    before = loop.time()
    await client.ask("PING")
    assert loop.time() - before >= 0.1
