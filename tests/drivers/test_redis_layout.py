"""What Redis remembers and for how long: keys, ttls, scripts, and batches longer than one script may carry."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from redis import Redis

from aioqueue.drivers.base import DEAD_LETTERS_KEPT, Again, Claim, Driver, Finished, NewJob
from aioqueue.drivers.redis import RedisDriver
from aioqueue.errors import ConfigurationError, StoreUnavailable
from aioqueue.ids import new_id
from aioqueue.states import JobState
from tests.servers import RedisServer, redis_server

pytestmark = pytest.mark.asyncio


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    """A server for this file alone: its tests empty it, fill it and make it forget scripts."""
    with redis_server() as server:
        yield server


@pytest.fixture
def store(server: RedisServer) -> Iterator[Redis]:
    """A plain client to look behind the driver, on an empty store."""
    with Redis.from_url(server.url, decode_responses=True) as client:
        client.flushall()
        client.config_set("maxmemory", 0)
        yield client


@pytest_asyncio.fixture
async def driver(server: RedisServer, store: Redis) -> AsyncIterator[RedisDriver]:
    driver = RedisDriver(server.url, "mail")
    await driver.open()
    yield driver
    await driver.close()


def succeed(claim: Claim, result_ttl: float = 60.0, dead_reason: str = "") -> Finished:
    return Finished(claim.id, claim.token, JobState.SUCCEEDED, b"value", result_ttl, dead_reason=dead_reason)


async def live_through_everything(driver: Driver) -> None:
    """Leave something of every kind in the store."""
    await driver.register("worker", 30, b"info")
    await driver.register("dying", 30, b"info")
    await driver.enqueue([NewJob(f"job-{number}", "task", b"", priority=number - 3) for number in range(8)])
    await driver.enqueue([NewJob("later", "task", b"", delay=100)])
    await driver.claim("dying", 1, 2, 1)
    await driver.watch(["job-0", "later"], 60)
    claims = (await driver.claim("worker", 1, 4, 1)).jobs
    await driver.settle("worker", [succeed(claims[0]), succeed(claims[1], dead_reason="poison")])
    await driver.settle("worker", [Again(claims[2].id, claims[2].token, counts="deferral")])
    await driver.reap("dying", 0)


async def finish_everything(driver: Driver) -> None:
    await driver.retire("worker")
    await driver.shift(1_000)
    await driver.promote(100)
    await driver.register("last", 30, b"")
    for batch in range(1, 20):
        claims = (await driver.claim("last", batch, 100, 100)).jobs
        await driver.settle("last", [succeed(claim, result_ttl=0) for claim in claims])
    await driver.retire("last")


async def test_every_key_carries_the_hash_tag_of_its_queue(driver: RedisDriver, store: Redis) -> None:
    await live_through_everything(driver)
    keys = set(store.scan_iter())
    assert keys
    assert {key[: len("aq:{mail}:")] for key in keys} == {"aq:{mail}:"}


async def test_what_remains_of_finished_jobs_has_a_ttl(driver: RedisDriver, store: Redis) -> None:
    await live_through_everything(driver)
    await finish_everything(driver)
    assert {key for key in store.scan_iter() if store.ttl(key) < 0} == {"aq:{mail}:meta"}


async def test_a_flush_leaves_nothing_of_the_jobs(driver: RedisDriver, store: Redis) -> None:
    await live_through_everything(driver)
    await driver.flush()
    assert set(store.scan_iter()) == {"aq:{mail}:meta", "aq:{mail}:leases", "aq:{mail}:lease:worker"}


async def test_forgotten_scripts_are_taught_again(driver: RedisDriver, store: Redis) -> None:
    store.script_flush()
    await live_through_everything(driver)
    store.script_flush()
    await finish_everything(driver)
    assert await driver.counts() == {"queued": 0, "scheduled": 0, "running": 0, "dead": 1}


async def test_a_call_longer_than_a_script_is_cut(driver: RedisDriver) -> None:
    jobs = [NewJob(new_id(), "task", b"", delay=0.001 * (number % 2)) for number in range(2_500)]
    ids = [job.id for job in jobs]
    assert await driver.enqueue(jobs) == ["accepted"] * 2_500
    await driver.shift(10)
    await driver.promote(2_500)
    await driver.register("a", 30, b"")
    await driver.register("b", 30, b"")
    assert len((await driver.claim("a", 1, 2_500, 1)).jobs) == 2_500
    assert len((await driver.claim("a", 1, 2_500, 1)).jobs) == 2_500
    assert await driver.release("a", await driver.claims("a")) == 2_500
    assert len((await driver.claim("a", 2, 2_500, 1)).jobs) == 2_500
    assert await driver.retire("a") == 2_500
    assert len((await driver.claim("b", 1, 2_500, 1)).jobs) == 2_500
    assert await driver.reap("b", 0) == 2_500
    await driver.register("c", 30, b"")
    claims = (await driver.claim("c", 1, 2_500, 2_500)).jobs
    assert {claim.deliveries for claim in claims} == {1}
    assert await driver.watch(ids, 60) == [None] * 2_500
    successors = tuple(NewJob(f"after-{number}", "task", b"") for number in range(1_500))
    many = Finished(claims[0].id, claims[0].token, JobState.SUCCEEDED, b"", 60, successors)
    assert await driver.settle("c", [many, *map(succeed, claims[1:])]) == ["settled"] * 2_500
    assert None not in await driver.results(ids)
    await driver.unwatch(ids)
    assert await driver.counts() == {"queued": 1_500, "scheduled": 0, "running": 0, "dead": 0}


async def test_only_so_many_dead_letters_are_kept(driver: RedisDriver, store: Redis) -> None:
    store.hset("aq:{mail}:dead", mapping={f"old-{number}": "" for number in range(DEAD_LETTERS_KEPT)})
    store.zadd(
        "aq:{mail}:dead_at", {f"old-{number}": await driver.now() + number for number in range(DEAD_LETTERS_KEPT)}
    )
    await driver.register("worker", 30, b"")
    await driver.enqueue([NewJob("a", "task", b""), NewJob("b", "task", b"")])
    await driver.shift(2 * DEAD_LETTERS_KEPT)
    claims = (await driver.claim("worker", 1, 2, 1)).jobs
    await driver.settle("worker", [succeed(claim, dead_reason="poison") for claim in claims])
    assert (await driver.counts())["dead"] == DEAD_LETTERS_KEPT
    assert store.hlen("aq:{mail}:dead") == DEAD_LETTERS_KEPT
    assert {job.id for job in (await driver.jobs("dead", limit=2)).jobs} == {"a", "b"}


async def test_a_full_server_refuses_new_jobs_and_nothing_else(driver: RedisDriver, store: Redis) -> None:
    for name in ("worker", "leaving", "dying"):
        await driver.register(name, 30, b"")
    await driver.enqueue([NewJob(f"job-{number}", "task", b"") for number in range(20)])
    await driver.enqueue([NewJob("later", "task", b"", delay=5)])
    await driver.claim("leaving", 1, 2, 1)
    await driver.claim("dying", 1, 2, 1)
    store.config_set("maxmemory", 1)
    with pytest.raises(StoreUnavailable, match="is full"):
        await driver.enqueue([NewJob("new", "task", b"")])
    assert (await driver.renew("worker")).alive
    a, b, c, d = (await driver.claim("worker", 1, 4, 1)).jobs
    retried = Again(b.id, b.token, payload=b"new", counts="delivery")
    postponed = Again(c.id, c.token, delay=100)
    followed = Finished(a.id, a.token, JobState.FAILED, b"", 60, (NewJob("next", "task", b""),), "poison")
    assert await driver.settle("worker", [followed, retried, postponed]) == ["settled"] * 3
    assert await driver.release("worker", {d.id: d.token}) == 1
    assert await driver.retire("leaving") == 2
    assert await driver.reap("dying", 0) == 2
    assert await driver.watch([a.id, b.id], 60) != [None, None]
    await driver.shift(10)
    await driver.promote(10)
    assert await driver.counts() == {"queued": 20, "scheduled": 1, "running": 0, "dead": 1}
    store.config_set("maxmemory", 0)
    assert await driver.enqueue([NewJob("new", "task", b"")]) == ["accepted"]


async def test_a_record_that_is_none_is_claimed_as_a_payload_without_a_task(driver: RedisDriver, store: Redis) -> None:
    await driver.enqueue([NewJob("bad", "task", b""), NewJob("good", "task", b"")])
    store.hset("aq:{mail}:jobs", "bad", "xyz")
    await driver.register("worker", 30, b"")
    bad, good = (await driver.claim("worker", 1, 2, 1)).jobs
    assert (bad.task, bad.payload) == ("", b"xyz")
    assert await driver.settle("worker", [succeed(good), succeed(bad, dead_reason="garbage")]) == ["settled"] * 2


async def test_suspects_left_behind_wake_others_without_end_of_sleep(driver: RedisDriver, store: Redis) -> None:
    await driver.register("dying", 30, b"")
    await driver.register("worker", 30, b"")
    await driver.enqueue([NewJob("a", "task", b""), NewJob("b", "task", b"")])
    await driver.claim("dying", 1, 2, 1)
    await driver.reap("dying", 0)
    woken = 0
    for batch in range(1, 20):
        woken += store.lpop("aq:{mail}:wake") is not None
        await driver.claim("worker", batch, 10, 0)
    assert woken == 2


async def test_a_newer_layout_is_refused(server: RedisServer, store: Redis) -> None:
    store.hset("aq:{mail}:meta", "layout", 2)
    driver = RedisDriver(server.url, "mail")
    with pytest.raises(ConfigurationError, match="layout 2"):
        await driver.open()


async def test_an_evicting_server_is_warned_about(
    server: RedisServer, store: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    store.config_set("maxmemory-policy", "allkeys-lru")
    driver = RedisDriver(server.url, "mail")
    try:
        with caplog.at_level(logging.WARNING, "aioqueue"):
            await driver.open()
    finally:
        await driver.close()
        store.config_set("maxmemory-policy", "noeviction")
    assert "allkeys-lru" in caplog.text


@pytest.mark.parametrize("queue", ["", "a b", "a}b", "a{b", "é", "a*"])
async def test_a_queue_name_that_could_reach_other_keys_is_refused(queue: str) -> None:
    with pytest.raises(ConfigurationError):
        RedisDriver("redis://localhost", queue)


async def test_a_minimal_user_is_enough(server: RedisServer, store: Redis) -> None:
    rules = [
        "on",
        ">secret",
        "~aq:{mail}:*",
        "resetchannels",
        "&aq:{mail}:*",
        "+@all",
        "-@admin",
        "-@dangerous",
        "+info",
    ]
    store.execute_command("ACL", "SETUSER", "mailer", *rules)
    driver = RedisDriver(f"redis://mailer:secret@127.0.0.1:{server.port}", "mail")
    await driver.open()
    try:
        await driver.listen(lambda _id, _settled: None, lambda: None)
        await live_through_everything(driver)
        await finish_everything(driver)
        await driver.flush()
    finally:
        await driver.close()
        store.acl_deluser("mailer")
