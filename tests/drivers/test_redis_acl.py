"""The access rights that docs/operate.md names are enough for the Redis driver, and none of them is too many."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
import redis

from aioqueue import ConfigurationError, Queue, chord
from tests.servers import redis_server

OPERATE = (Path(__file__).parents[2] / "docs" / "operate.md").read_text()
COMMAND = re.compile(r"(?:redis\.call\(|send\(|push\(|call\(|_send\(|_ask\(|return \()['\"]([A-Z]+)['\"]")
RIGHTS = re.search(r"^(ACL SETUSER aioqueue .*?)^```", OPERATE, re.MULTILINE | re.DOTALL)
# Of redis-py's own connections and liveness, and what a command is looked at without.
ASKED_BY_CLIENT = {"ping", "select"}

pytestmark = pytest.mark.asyncio


def rights() -> list[str]:
    assert RIGHTS is not None
    return RIGHTS[1].split()


@pytest.fixture
def url() -> Iterator[str]:
    with redis_server() as server:
        client = redis.Redis.from_url(server.url)
        client.execute_command(*rights())
        client.close()
        yield server.url.replace("redis://", "redis://aioqueue:password@")


async def test_the_rights_are_those_that_the_driver_asks_for() -> None:
    folder = files("aioqueue.drivers.redis")
    sources = [file.read_text() for folder in (folder, folder / "lua") for file in folder.iterdir() if file.is_file()]
    asked = {name.lower() for source in sources for name in COMMAND.findall(source)} | ASKED_BY_CLIENT
    granted = {right[1:].partition("|")[0] for right in rights() if right.startswith("+")}
    assert granted == asked


async def test_a_day_of_work_under_these_rights(url: str) -> None:
    queue = Queue(url)

    @queue.task(retries=1)
    async def add(a: int, b: int) -> int:
        return a + b

    @queue.task
    async def total(numbers: list[int]) -> int:
        return sum(numbers)

    @queue.task
    async def fail() -> None:
        raise ValueError

    async with queue, queue.worker():
        async with asyncio.timeout(30):
            assert await add.call(1, 2) == 3
            assert await add.options(delay=0.01, priority=3, unique="k").call(1, 2) == 3
            assert await (await queue.enqueue(chord([add.s(1, 2), add.s(3, 4)], total))) == 10
            result = await fail()
            with pytest.raises(Exception, match="ValueError"):
                await result
        with pytest.raises(LookupError):
            await queue.replay(result.id)
        async with queue.lock_task("one"):
            assert await queue.is_locked("one")
        await queue.kv.put("key", 1, ttl=5)
        assert await queue.kv.increment("count") == 1
        assert (await queue.workers())[0].available
        await queue.pause()
        later = await add.options(delay=60)(1, 2)
        await later.revoke()
        assert await later.cancel()
        await queue.resume()
    await queue.flush()
    await queue.close()


async def test_without_the_rights_it_says_so(url: str) -> None:
    client = redis.Redis.from_url(url.replace("aioqueue:password@", ""))
    client.execute_command("ACL", "SETUSER", "poor", "on", ">password", "~aq:*", "+ping", "+evalsha")
    client.close()
    queue = Queue(url.replace("aioqueue:", "poor:"))
    with pytest.raises(ConfigurationError, match="refused the credentials") as refused:
        await queue.counts()
    assert "password" not in str(refused.value)
    await queue.close()
