"""What Redis remembers and for how long: keys, ttls, scripts, and batches longer than one script may carry."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from redis import Redis

from aioqueue.drivers.base import (
    DEAD_LETTERS_KEPT,
    NOTES_KEPT,
    Again,
    Claim,
    Driver,
    Ended,
    Finished,
    Membership,
    NewChord,
    NewJob,
    Revocation,
)
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


async def admissions(driver: Driver, jobs: list[NewJob]) -> list[str]:
    return [admitted.admission for admitted in await driver.enqueue(jobs)]


def ended(job_id: str, result_ttl: float = 60.0) -> Ended:
    return Ended(job_id, JobState.CANCELLED, b"outcome", result_ttl)


async def live_through_everything(driver: Driver) -> None:
    """Leave something of every kind in the store."""
    await live_through_canvas(driver)
    await live_through_the_rest(driver)
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


async def live_through_canvas(driver: Driver) -> None:
    """Leave a chord half done, a stage that waits, a unique job, and what is left of a cancelled one in its line."""
    await driver.register("canvas", 30, b"")
    chord = NewChord(NewJob("callback", "task", b"", unique="callback", waits=("after-callback",)), 2)
    await driver.enqueue(
        [
            NewJob("member", "task", b"", priority=7),
            NewJob("head", "task", b"", priority=7, waits=("stage",)),
            NewJob("only", "task", b"", priority=6, unique="only"),
            NewJob("stale", "task", b"", priority=6),
        ],
        [chord],
    )
    await driver.cancel(ended("stale"))
    member, _ = (await driver.claim("canvas", 1, 2, 1)).jobs
    done = Finished(member.id, member.token, JobState.SUCCEEDED, b"1", 60, member=Membership("callback", 0))
    await driver.settle("canvas", [done])
    await driver.cancel(ended("head"))


async def live_through_the_rest(driver: Driver) -> None:
    """Leave revocations, places, uses, slots, values and notes."""
    await driver.revoke("job:other", once=True, ttl=60)
    await driver.acquire("lock", "owner", 60)
    await driver.spend("rate", 1, 60)
    await driver.fire("schedule", 1.0, NewJob("fired", "task", b""))
    await driver.put("key", b"value", ttl=60)
    await driver.note("member", b"note", 60)
    await driver.resume()
    await driver.claim("nobody", 1, 1, 1)


async def finish_everything(driver: Driver) -> None:
    await driver.retire("worker")
    await driver.retire("canvas")
    await driver.cancel(ended("callback", result_ttl=0), [ended("after-callback")])
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
    assert {key for key in store.scan_iter() if store.ttl(key) < 0} == {"aq:{mail}:meta", "aq:{mail}:slots"}


async def test_a_flush_leaves_nothing_of_the_jobs(driver: RedisDriver, store: Redis) -> None:
    await live_through_everything(driver)
    await driver.flush()
    leases = {"aq:{mail}:leases", "aq:{mail}:lease:worker", "aq:{mail}:lease:canvas"}
    assert set(store.scan_iter()) == {"aq:{mail}:meta", "aq:{mail}:kv:key", *leases}
    assert not [field for field in store.hkeys("aq:{mail}:meta") if field.startswith("stale")]


async def test_forgotten_scripts_are_taught_again(driver: RedisDriver, store: Redis) -> None:
    store.script_flush()
    await live_through_everything(driver)
    store.script_flush()
    await finish_everything(driver)
    assert await driver.counts() == {"queued": 0, "scheduled": 0, "running": 0, "dead": 1}


async def test_a_call_longer_than_a_script_is_cut(driver: RedisDriver) -> None:
    jobs = [NewJob(new_id(), "task", b"", delay=0.001 * (number % 2)) for number in range(2_500)]
    ids = [job.id for job in jobs]
    assert await admissions(driver, jobs) == ["accepted"] * 2_500
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
    assert await admissions(driver, [NewJob("new", "task", b"")]) == ["accepted"]


async def test_a_full_server_answers_a_claim_that_finds_nothing(driver: RedisDriver, store: Redis) -> None:
    await driver.register("worker", 30, b"")
    store.config_set("maxmemory", 1)
    assert (await driver.claim("worker", 1, 10, 1)).jobs == []
    await driver.pause()
    assert (await driver.claim("worker", 2, 10, 1)).jobs == []


async def test_a_full_server_lets_all_pass_that_ends_or_frees(driver: RedisDriver, store: Redis) -> None:
    await live_through_canvas(driver)
    await driver.acquire("lock", "owner", 60)
    await driver.put("key", b"value")
    (head,) = await driver.claims("canvas")
    assert head == "head"
    await driver.enqueue([NewJob("later", "task", b"", delay=50), NewJob("another", "task", b"", delay=50)])
    store.config_set("maxmemory", 1)
    for refused in (driver.put("k", b"v"), driver.increment("n"), driver.fire("s", 1.0, NewJob("f", "task", b""))):
        with pytest.raises(StoreUnavailable, match="is full"):
            await refused
    assert await driver.last_slots(["s"]) == [None]
    assert await driver.cancel(ended("head")) == "asked"
    assert await driver.cancellations("canvas") == ["head"]
    assert await driver.cancel(ended("later")) == "cancelled"
    assert await driver.reschedule("another", 1, 0.0)
    await driver.revoke("job:head", once=True)
    assert await driver.restore("job:head")
    assert await driver.extend("lock", "owner", 60)
    assert await driver.free("lock", "owner")
    assert await driver.acquire("lock", "other", 60)
    assert await driver.spend("rate", 1, 60) == 0.0
    assert await driver.clear([]) == 1
    assert await driver.pop("key") == b"value"
    await driver.pause()
    await driver.resume()
    tokens = await driver.claims("canvas")
    last = Finished("head", tokens["head"], JobState.SUCCEEDED, b"2", 60, member=Membership("callback", 1))
    assert await driver.settle("canvas", [last]) == ["settled"]
    assert await driver.state("callback") is JobState.QUEUED


async def test_a_full_server_lets_the_ends_pass_that_were_asked_for(driver: RedisDriver, store: Redis) -> None:
    await driver.enqueue([NewJob(name, "task", b"", waits=(f"after-{name}",)) for name in ("a", "b", "c", "d")])
    for incarnation in ("releasing", "retiring", "dying", "settling"):
        await driver.register(incarnation, 30, b"")
        (claim,) = (await driver.claim(incarnation, 1, 1, 1)).jobs
        store.config_set("maxmemory", 1)
        assert await driver.cancel(ended(claim.id), [ended(f"after-{claim.id}")]) == "asked"
        match incarnation:
            case "releasing":
                assert await driver.release(incarnation, {claim.id: claim.token}) == 1
            case "retiring":
                assert await driver.retire(incarnation) == 1
            case "dying":
                assert await driver.reap(incarnation, 0) == 1
            case _:
                assert await driver.settle(incarnation, [Again(claim.id, claim.token)]) == ["settled"]
        assert {await driver.state(job_id) for job_id in (claim.id, f"after-{claim.id}")} == {JobState.CANCELLED}
        assert not store.exists(f"aq:{{mail}}:unwanted:{incarnation}", "aq:{mail}:again", "aq:{mail}:deliveries")
        store.config_set("maxmemory", 0)


async def test_more_jobs_than_a_script_carries_end_when_their_worker_goes(driver: RedisDriver) -> None:
    jobs = [NewJob(new_id(), "task", b"") for _ in range(2_500)]
    await driver.enqueue(jobs)
    await driver.register("worker", 30, b"")
    await driver.claim("worker", 1, 2_500, 1)
    for job in jobs:
        await driver.revoke(f"job:{job.id}")
        assert await driver.cancel(ended(job.id)) == "asked"
    assert len((await driver.renew("worker")).cancel) == 2_500
    assert await driver.retire("worker") == 2_500
    assert await driver.counts() == {"queued": 0, "scheduled": 0, "running": 0, "dead": 0}
    assert not any(await driver.revocations([f"job:{job.id}" for job in jobs]))


async def test_a_chord_as_long_as_several_scripts(driver: RedisDriver) -> None:
    size = 2_500
    members = [NewJob(f"member-{number}", "task", b"", priority=1) for number in range(size)]
    await driver.enqueue(members, [NewChord(NewJob("callback", "task", b""), size)])
    await driver.register("worker", 30, b"")
    claims = (await driver.claim("worker", 1, size, 1)).jobs
    done = [
        Finished(claim.id, claim.token, JobState.SUCCEEDED, b"%d" % n, n % 2, member=Membership("callback", n))
        for n, claim in enumerate(claims)
    ]
    done.reverse()
    assert await driver.settle("worker", done) == ["settled"] * size
    (callback,) = (await driver.claim("worker", 2, 10, 1)).jobs
    assert callback.inputs == tuple(b"%d" % n for n in range(size))
    await driver.release("worker", {callback.id: callback.token})
    (callback,) = (await driver.claim("worker", 3, 10, 1)).jobs
    assert len(callback.inputs) == size


async def test_many_cancelled_jobs_leave_nothing_in_their_line(driver: RedisDriver, store: Redis) -> None:
    ids = [f"job-{number}" for number in range(1_500)]
    await driver.enqueue([NewJob(job_id, "task", b"") for job_id in ids])
    for job_id in ids[1:]:
        assert await driver.cancel(ended(job_id)) == "cancelled"
    assert await driver.counts() == {"queued": 1, "scheduled": 0, "running": 0, "dead": 0}
    await driver.register("worker", 30, b"")
    claimed = await driver.claim("worker", 1, 1, 1)
    assert ([claim.id for claim in claimed.jobs], claimed.more) == (ids[:1], False)
    assert not store.exists("aq:{mail}:ready:0", "aq:{mail}:gone")
    assert store.hget("aq:{mail}:meta", "stale") == "0"


async def test_a_cancelled_job_that_comes_again_has_no_earlier_place(driver: RedisDriver, store: Redis) -> None:
    await driver.enqueue([NewJob(job_id, "task", b"") for job_id in "abc"])
    assert await driver.cancel(ended("b")) == "cancelled"
    await driver.shift(1_000)
    assert await admissions(driver, [NewJob("b", "task", b"")]) == ["accepted"]
    assert [job.id for job in (await driver.jobs("queued")).jobs] == ["a", "c", "b"]
    assert (await driver.counts())["queued"] == 3
    await driver.register("worker", 30, b"")
    assert [claim.id for claim in (await driver.claim("worker", 1, 10, 1)).jobs] == ["a", "c", "b"]
    assert not store.exists("aq:{mail}:gone")


async def test_pages_are_exact_while_jobs_are_cancelled(driver: RedisDriver) -> None:
    ids = [f"job-{number}" for number in range(10)]
    await driver.enqueue([NewJob(job_id, "task", b"") for job_id in ids])
    page = await driver.jobs("queued", limit=4)
    for cancelled in (ids[0], ids[2], ids[6], ids[8]):
        await driver.cancel(ended(cancelled))
    shown = [job.id for job in page.jobs]
    while page.cursor:
        page = await driver.jobs("queued", page.cursor, 4)
        shown += [job.id for job in page.jobs]
    assert shown == [*ids[:4], "job-4", "job-5", "job-7", "job-9"]


async def test_stages_of_a_job_that_ends_alone_are_given_up(driver: RedisDriver, store: Redis) -> None:
    await driver.enqueue([NewJob("head", "task", b"", waits=("stage",))])
    await driver.register("worker", 30, b"")
    (claim,) = (await driver.claim("worker", 1, 1, 1)).jobs
    await driver.settle("worker", [succeed(claim)])
    assert await driver.state("stage") is JobState.UNKNOWN
    assert not store.exists("aq:{mail}:waiting", "aq:{mail}:stages", "aq:{mail}:jobs")


async def test_lapsed_marks_and_notes_are_gone_from_the_store(driver: RedisDriver, store: Redis) -> None:
    await driver.revoke("job:a", ttl=60)
    await driver.revoke("job:b", until=await driver.now() + 100)
    assert 0 < store.pttl("aq:{mail}:revoked") <= 100_000
    await driver.revoke("task:c")
    assert store.pttl("aq:{mail}:revoked") == -1
    await driver.shift(200)
    await driver.revoke("job:d", ttl=60)
    assert set(store.hkeys("aq:{mail}:revoked")) == {"task:c", "job:d"}
    for number in range(NOTES_KEPT + 5):
        await driver.note("a", b"%d" % number, 60)
    assert store.llen("aq:{mail}:n:0:a") == NOTES_KEPT


async def test_a_mark_that_holds_once_is_not_used_up_by_one_that_came_before(driver: RedisDriver) -> None:
    await driver.revoke("task:task", once=True)
    await driver.enqueue([NewJob("a", "task", b"")])
    await driver.register("worker", 30, b"")
    (claim,) = (await driver.claim("worker", 1, 1, 1)).jobs
    assert claim.revoked == Revocation("task:task", 0.0, True, 1)
    await driver.revoke("task:task", once=True)
    dropped = Finished("a", claim.token, JobState.CANCELLED, b"", 60, consumes=claim.revoked)
    assert await driver.settle("worker", [dropped]) == ["unmarked"]
    assert await driver.revocations(["task:task"]) == [Revocation("task:task", 0.0, True, 2)]


async def test_sums_beyond_the_numbers_of_lua_are_exact(driver: RedisDriver, store: Redis) -> None:
    await driver.put("n", b"9007199254740993", ttl=60)
    assert await driver.increment("n") == 9_007_199_254_740_994
    assert store.pttl("aq:{mail}:kv:n") > 0
    with pytest.raises(ValueError, match="64 bits"):
        await driver.increment("n", 2**63 - 1)
    assert await driver.get("n") == b"9007199254740994"
    assert not store.exists("aq:{mail}:sum")


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
        await driver.subscribe("topic", lambda _topic, _data: None)
        assert await driver.publish("topic", b"") == 1
        await live_through_everything(driver)
        await finish_everything(driver)
        await driver.flush()
    finally:
        await driver.close()
        store.acl_deluser("mailer")
