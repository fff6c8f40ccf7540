"""`aioqueue_driver` runs a test on every store; where Redis is can be said in three ways, and else one is started."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import Redis

from aioqueue import ConfigurationError, Queue
from aioqueue.drivers.memory import forget_memory_store
from aioqueue.testing.servers import ServerDidNotStart, redis_server
from aioqueue.testing.stores import StoreSwap, url_of
from tests.plugin.pytests import outcomes, run_pytest

TEST = """
import pytest
from aioqueue import Queue

queue = Queue("redis://127.0.0.1:1")

@queue.task
async def add(a: int) -> int:
    return a

@pytest.mark.asyncio
async def test_it(aioqueue_driver, aioqueue_worker, request):
    aioqueue_driver(queue)
    result = await add(1)
    await aioqueue_worker(queue).drain(raise_errors=True)
    assert await result == 1
    await queue.kv.put("key", 1)
    print("URL", aioqueue_driver.url)
"""
REDIS_ONLY = ("-k", "redis", "-s")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "test_it.py").write_text(TEST)
    return tmp_path


def keys_of(url: str) -> int:
    with Redis.from_url(url) as server:
        return len(server.keys())


@pytest.mark.parametrize("order", ["aioqueue_clock, aioqueue_driver", "aioqueue_driver, aioqueue_clock"])
def test_the_order_of_fixtures_leaves_nothing_on_redis(tmp_path: Path, order: str) -> None:
    moved = TEST.replace("aioqueue_driver, aioqueue_worker", f"{order}, aioqueue_worker")
    (tmp_path / "test_it.py").write_text(f"{moved}    await aioqueue_clock(queue).advance(60)\n")
    with redis_server() as server:
        run = run_pytest(tmp_path, *REDIS_ONLY, f"--aioqueue-redis-url={server.url}")
        assert outcomes(run) == {"passed": 1}, run.stdout
        assert keys_of(server.url) == 0


@pytest.mark.parametrize("way", ["option", "ini", "environment"])
def test_where_redis_is_can_be_said(folder: Path, way: str) -> None:
    with redis_server() as server:
        arguments, environment = list(REDIS_ONLY), {}
        if way == "option":
            arguments.append(f"--aioqueue-redis-url={server.url}")
        elif way == "ini":
            arguments += ["-o", f"aioqueue_redis_url={server.url}"]
        else:
            environment["AIOQUEUE_TEST_REDIS_URL"] = server.url
        run = run_pytest(folder, *arguments, **environment)
        assert outcomes(run)["passed"] == 1, run.stdout
        assert f"URL {server.url}" in run.stdout
        assert keys_of(server.url) == 0


def test_the_option_goes_before_the_file_and_that_before_the_environment(folder: Path) -> None:
    away = "redis://127.0.0.1:1"
    with redis_server() as server:
        said = f"--aioqueue-redis-url={server.url}"
        run = run_pytest(folder, *REDIS_ONLY, said, "-o", f"aioqueue_redis_url={away}")
        assert outcomes(run)["passed"] == 1, run.stdout
        ini = f"aioqueue_redis_url={server.url}"
        run = run_pytest(folder, *REDIS_ONLY, "-o", ini, AIOQUEUE_TEST_REDIS_URL=away)
        assert outcomes(run)["passed"] == 1, run.stdout


def test_otherwise_a_server_is_started_and_gone_afterwards(folder: Path) -> None:
    run = run_pytest(folder, "-s")
    assert outcomes(run) == {"passed": 3}, run.stdout
    urls = [line.partition("URL ")[2] for line in run.stdout.splitlines() if "URL redis://" in line]
    assert len(urls) == 1
    with Redis.from_url(urls[0]) as server, pytest.raises(ConnectionError):
        _ping(server)


def _ping(server: Redis) -> None:
    from redis.exceptions import ConnectionError as NobodyThere

    try:
        server.ping()
    except NobodyThere as error:
        raise ConnectionError from error


def test_a_redis_that_is_away_fails_with_its_address(folder: Path) -> None:
    run = run_pytest(folder, *REDIS_ONLY, "--aioqueue-redis-url=redis://127.0.0.1:1")
    assert outcomes(run)["failed"] == 1
    assert "StoreUnavailable: Redis at redis://127.0.0.1:1 is unavailable" in run.stdout


def test_without_any_server_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aioqueue.testing.servers._packaged_binaries", list)
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(ServerDidNotStart, match=r"no redis-server or valkey-server.*AIOQUEUE_TEST_REDIS_URL"),
        redis_server(),
    ):
        pass
    binary = tmp_path / "valkey-server"
    binary.write_text("#!/bin/sh\necho 'cannot start today'\n")
    binary.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.defpath}")
    with pytest.raises(ServerDidNotStart, match="cannot start today"), redis_server(binary):
        pass


def test_one_store_can_be_asked_for(folder: Path) -> None:
    (folder / "test_it.py").write_text(
        TEST.replace(
            "@pytest.mark.asyncio",
            '@pytest.mark.asyncio\n@pytest.mark.parametrize("aioqueue_driver", ["sqlite"], indirect=True)',
        )
    )
    run = run_pytest(folder, "-s")
    assert outcomes(run) == {"passed": 1}, run.stdout
    assert "URL sqlite:///" in run.stdout


def test_a_store_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="one of memory, sqlite, redis or the URL of a store, not 'postgres'"):
        url_of("postgres", tmp_path, str)


def test_the_url_of_another_store_is_taken(tmp_path: Path) -> None:
    assert url_of("memory://mine", tmp_path, str) == "memory://mine"


@pytest.mark.asyncio
async def test_queues_have_names_of_their_own_there(redis_url: str) -> None:
    queue = Queue("memory://", name="shared")

    @queue.task
    async def work() -> None: ...

    with StoreSwap("redis", redis_url) as first:
        first(queue)
        await work()
        async with Queue(first.url, name=first.name_of(queue)) as same:
            assert len(await same.pending()) == 1
        with StoreSwap("redis", redis_url) as second:
            second(queue)
            assert await queue.pending() == []
        await queue.close()


def test_the_path_of_a_test_may_be_odd(tmp_path: Path) -> None:
    from aioqueue.drivers import sqlite_file

    odd = tmp_path / "a b%20c#d?e"
    odd.mkdir()
    assert sqlite_file(url_of("sqlite", odd, str)) == odd / "aioqueue.db"


@pytest.mark.asyncio
async def test_nothing_is_left_on_a_redis_that_the_test_itself_names(redis_url: str) -> None:
    queue = Queue("memory://", name="named")

    @queue.task
    async def work() -> None: ...

    with StoreSwap(redis_url, redis_url) as swap:
        swap(queue)
        await work()
        name = swap.name_of(queue)
        assert keys_with(redis_url, name)
        await queue.close()
    assert keys_with(redis_url, name) == []


def keys_with(url: str, name: str) -> object:
    with Redis.from_url(url) as server:
        return server.keys(f"*{name}*")


@pytest.mark.asyncio
async def test_a_memory_store_lasts_as_long_as_its_test(tmp_path: Path) -> None:
    queue = Queue("memory://", name="passing")

    @queue.task
    async def work() -> None: ...

    url = url_of("memory", tmp_path, str)
    with StoreSwap("memory", url) as swap:
        swap(queue)
        await work()
        async with Queue(url, name=swap.name_of(queue)) as same:
            assert len(await same.pending()) == 1
        name = swap.name_of(queue)
    async with Queue(url, name=name) as later:
        assert await later.pending() == []
    forget_memory_store(urlsplit(url).netloc)
    await queue.close()
