"""The access rights that docs/operate.md names are enough for the Redis driver, and none of them is too many."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files

import pytest
import redis

from aioqueue import ConfigurationError, PickleSerializer, Queue
from aioqueue.drivers.redis import RedisDriver
from aioqueue.testing.conformance import CHECKS, Check, stage_on
from tests.acl import as_minimal_user, rights
from tests.security.day_of_work import do_a_day_of_work
from tests.servers import redis_server

COMMAND = re.compile(r"(?:redis\.call\(|send\(|push\(|call\(|_send\(|_ask\(|return \()['\"]([A-Z]+)['\"]")
# Of redis-py's own connections and liveness, and what a command is looked at without.
ASKED_BY_CLIENT = {"ping", "select"}

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server that ends blocking calls in time to 10 ms, and the user on it that has these rights."""
    with redis_server(hz=100) as server:
        yield as_minimal_user(server.url)


async def test_the_rights_are_those_that_the_driver_asks_for() -> None:
    folder = files("aioqueue.drivers.redis")
    sources = [file.read_text() for folder in (folder, folder / "lua") for file in folder.iterdir() if file.is_file()]
    asked = {name.lower() for source in sources for name in COMMAND.findall(source)} | ASKED_BY_CLIENT
    granted = {right[1:].partition("|")[0] for right in rights() if right.startswith("+")}
    assert granted == asked


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
async def test_the_contract_is_kept_under_these_rights(check: Check, url: str) -> None:
    async with stage_on(lambda queue: RedisDriver(url, queue)) as stage:
        await check(stage)


async def test_a_day_of_work_under_these_rights(url: str) -> None:
    await do_a_day_of_work(Queue(url))
    await do_a_day_of_work(Queue(url, serializer=PickleSerializer(keys=["the key of all these processes"])))


OUTSIDE = [
    ("GET", "another:key"),
    ("SET", "another:key", "x"),
    ("KEYS", "*"),
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("CONFIG", "GET", "requirepass"),
    ("CONFIG", "SET", "dir", "/tmp"),
    ("ACL", "LIST"),
    ("ACL", "SETUSER", "aioqueue", "+@all"),
    ("MODULE", "LIST"),
    ("SHUTDOWN",),
    ("REPLICAOF", "127.0.0.1", "1"),
    ("SCRIPT", "FLUSH"),
    ("CLIENT", "KILL", "TYPE", "normal"),
    ("MONITOR",),
    ("PUBLISH", "another", "x"),
    ("EVAL", "return redis.call('get', KEYS[1])", "1", "another:key"),
    ("EVAL", "return redis.call('get', 'another:key')", "0"),
    ("EVAL", "return redis.call('flushall')", "0"),
]


@pytest.mark.parametrize("command", OUTSIDE, ids=" ".join)
async def test_no_more_can_be_done_under_these_rights(url: str, command: tuple[str, ...]) -> None:
    client = redis.Redis.from_url(url)
    with pytest.raises(redis.ResponseError, match=r"(?i)no permissions|NOPERM|ACL failure|executing the script can't"):
        client.execute_command(*command)
    client.close()


async def test_without_the_rights_it_says_so(url: str) -> None:
    client = redis.Redis.from_url(url.replace("aioqueue:password@", ""))
    client.execute_command("ACL", "SETUSER", "poor", "on", ">password", "~aq:*", "+ping", "+evalsha")
    client.close()
    rich, poor = Queue(url), Queue(url.replace("aioqueue:", "poor:"))
    for others in ("have not loaded the scripts", "have"):
        with pytest.raises(ConfigurationError, match="refused the credentials") as refused:
            await poor.counts()
        assert "password" not in str(refused.value)
        await poor.close()
        if others == "have not loaded the scripts":
            await rich.counts()
    await rich.close()
