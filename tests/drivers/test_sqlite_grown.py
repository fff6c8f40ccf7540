"""What the grown contract leaves in the file, and what it costs where it is not used."""

from __future__ import annotations

from pathlib import Path

import pytest

from aioqueue.drivers.base import (
    Admitted,
    Again,
    Claim,
    Ended,
    Finished,
    Membership,
    NewChord,
    NewJob,
    Outcome,
    Settled,
)
from aioqueue.drivers.sqlite import SqliteDriver, writer
from aioqueue.states import JobState
from tests.drivers.test_sqlite_store import Listener, opened, path, plain, run_one, value_of

__all__ = ["path"]

S = JobState


def done(claim: Claim, **more: object) -> Finished:
    return Finished(claim.id, claim.token, S.SUCCEEDED, b"value of " + claim.id.encode(), 60, **more)  # type: ignore[arg-type]


async def take(driver: SqliteDriver, batch: int, limit: int = 10) -> list[Claim]:
    await driver.register("worker", 30, b"")
    return (await driver.claim("worker", batch, limit, 1)).jobs


async def settle(driver: SqliteDriver, *outcomes: Outcome) -> None:
    assert await driver.settle("worker", outcomes) == ["settled"] * len(outcomes)


async def states(driver: SqliteDriver, ids: str) -> list[JobState]:
    return [await driver.state(job_id) for job_id in ids]


# ---------------------------------------------------------------- canvas
@pytest.mark.asyncio
async def test_later_stages_wait_and_take_their_places(path: Path) -> None:
    async with opened(path) as driver:
        assert await driver.enqueue([NewJob("a", "t", b"", waits=("b", "c"))]) == [Admitted("accepted", "a")]
        assert await states(driver, "abc") == [S.QUEUED, S.SCHEDULED, S.SCHEDULED]
        assert await driver.counts() == {"queued": 1, "scheduled": 0, "running": 0, "dead": 0}
        assert await driver.job("b") is None
        assert await driver.enqueue(plain("b")) == [Admitted("present", "b")]
        assert await driver.watch(["b"], 60) == [None]
        (claim,) = await take(driver, 1)
        await settle(driver, done(claim, successors=(NewJob("b", "t", b"2", waits=("c",)),)))
        assert await states(driver, "abc") == [S.SUCCEEDED, S.QUEUED, S.SCHEDULED]
        (claim,) = await take(driver, 2)
        assert (claim.id, claim.payload) == ("b", b"2")
        listener = Listener()
        await listener.start(driver)
        await driver.watch(["c"], 60)
        await settle(driver, done(claim, ends=(Ended("c", S.FAILED, b"error", 60), Ended("z", S.FAILED))))
        assert await listener.hears() == Settled("c", S.FAILED, b"error")
        assert await states(driver, "abcz") == [S.SUCCEEDED, S.SUCCEEDED, S.FAILED, S.UNKNOWN]
    assert value_of(path, "SELECT count(*) FROM jobs") == 0


@pytest.mark.asyncio
async def test_places_that_nobody_took_go_with_the_end(path: Path) -> None:
    async with opened(path) as driver:
        await driver.enqueue([NewJob("a", "t", b"", waits=("b", "c"))])
        (claim,) = await take(driver, 1)
        await settle(driver, Again("a", claim.token))
        assert await states(driver, "abc") == [S.QUEUED, S.SCHEDULED, S.SCHEDULED]
        (claim,) = await take(driver, 2)
        await settle(driver, done(claim))
        assert await states(driver, "abc") == [S.SUCCEEDED, S.UNKNOWN, S.UNKNOWN]


@pytest.mark.asyncio
async def test_a_chord_calls_back_once_with_its_values_in_order(path: Path) -> None:
    async with opened(path) as driver:
        chord = NewChord(NewJob("k", "t", b"", waits=("m",)), 3)
        assert len(await driver.enqueue(plain("x", "y", "z"), [chord])) == 3
        assert len(await driver.enqueue(plain("x", "y", "z"), [chord])) == 3
        assert await states(driver, "km") == [S.SCHEDULED, S.SCHEDULED]
        x, y, z = await take(driver, 1)
        await settle(driver, done(z, member=Membership("k", 2)), done(x, member=Membership("k", 0)))
        await driver.enqueue(plain("again"))
        (again,) = await take(driver, 2)
        await settle(driver, done(again, member=Membership("k", 2)))
        assert await states(driver, "km") == [S.SCHEDULED, S.SCHEDULED]
        await settle(driver, done(y, member=Membership("k", 1)))
        (k,) = await take(driver, 3)
        assert k.inputs == (b"value of x", b"value of y", b"value of z")
        assert (await take(driver, 3)) == [k]
        await settle(driver, Again("k", k.token))
        (k,) = await take(driver, 4)
        assert k.inputs == (b"value of x", b"value of y", b"value of z")
        await settle(driver, done(k))
    for table in ("jobs", "chords", "chord_values"):
        assert value_of(path, f"SELECT count(*) FROM {table}") == 0


@pytest.mark.asyncio
async def test_a_callback_that_was_ended_takes_its_values_along(path: Path) -> None:
    async with opened(path) as driver:
        await driver.enqueue(plain("x", "y"), [NewChord(NewJob("k", "t", b""), 2)])
        x, y = await take(driver, 1)
        await settle(driver, done(x, member=Membership("k", 0)))
        await settle(driver, done(y, member=Membership("k", 7), ends=(Ended("k", S.CANCELLED),)))
        assert await driver.state("k") is S.CANCELLED
        assert await take(driver, 2) == []
    for table in ("jobs", "chords", "chord_values"):
        assert value_of(path, f"SELECT count(*) FROM {table}") == 0


@pytest.mark.asyncio
async def test_an_end_does_not_reach_what_the_same_batch_has_queued(path: Path) -> None:
    async with opened(path) as driver:
        await driver.enqueue([NewJob("a", "t", b"", waits=("b",)), *plain("x")])
        a, x = await take(driver, 1)
        await settle(driver, done(a, successors=tuple(plain("b"))), done(x, ends=(Ended("b", S.FAILED),)))
        assert await driver.state("b") is S.QUEUED


# ---------------------------------------------------------------- keys
@pytest.mark.asyncio
async def test_a_unique_key_is_taken_while_its_job_lives(path: Path) -> None:
    def keyed(job_id: str, **more: object) -> NewJob:
        return NewJob(job_id, "t", b"", unique="key", **more)  # type: ignore[arg-type]

    async with opened(path) as driver:
        assert await driver.enqueue([keyed("a"), keyed("b")]) == [Admitted("accepted", "a"), Admitted("present", "a")]
        (a,) = await take(driver, 1)
        await settle(driver, Again("a", a.token, delay=50))
        assert await driver.enqueue([keyed("b")]) == [Admitted("present", "a")]
        assert await driver.cancel(Ended("a", S.CANCELLED)) == "cancelled"
        assert await driver.enqueue([keyed("b")]) == [Admitted("accepted", "b")]
        assert await driver.enqueue([keyed("a")]) == [Admitted("finished", "a")]
        (b,) = await take(driver, 2)
        await settle(driver, done(b, successors=(keyed("c"),)))
        assert await driver.state("c") is S.QUEUED


# ---------------------------------------------------------------- stopping
@pytest.mark.asyncio
async def test_cancel(path: Path) -> None:
    async with opened(path) as driver:
        await driver.enqueue([NewJob("a", "t", b"", waits=("b", "c")), NewJob("s", "t", b"", delay=9)])
        ended = Ended("a", S.CANCELLED, b"why", 60)
        assert await driver.cancel(ended, [Ended("b", S.CANCELLED, b"with a", 60)]) == "cancelled"
        assert await driver.cancel(ended) == "finished"
        assert await driver.cancel(Ended("s", S.CANCELLED)) == "cancelled"
        assert await driver.cancel(Ended("nothing", S.CANCELLED)) == "unknown"
        assert await states(driver, "abcs") == [S.CANCELLED, S.CANCELLED, S.UNKNOWN, S.CANCELLED]
        claim = await run_one(driver, "r")
        assert await driver.cancel(Ended("r", S.CANCELLED)) == "asked"
        assert await driver.cancellations("worker") == ["r"]
        assert (await driver.renew("worker")).cancel == ["r"]
        await driver.release("worker", {"r": claim.token})
        assert await states(driver, "r") == [S.CANCELLED]
        assert await driver.cancellations("worker") == []


@pytest.mark.asyncio
async def test_revocations(path: Path) -> None:
    async with opened(path) as driver:
        await driver.revoke("task:task", once=True)
        await driver.revoke("job:a")
        await driver.enqueue(plain("a", "b"))
        a, b = await take(driver, 1)
        assert a.revoked is not None and a.revoked.target == "job:a"
        assert b.revoked is not None and b.revoked.target == "task:task"
        await driver.revoke("task:task", once=True)
        assert await driver.settle("worker", [done(b, consumes=b.revoked)]) == ["unmarked"]
        (mark,) = await driver.revocations(["task:task"])
        assert mark is not None and mark.serial != b.revoked.serial
        await settle(driver, done(b, consumes=mark))
        assert await driver.revocations(["task:task"]) == [None]
        assert await driver.restore("job:a") and not await driver.restore("job:a")
        await driver.revoke("job:b", until=await driver.now() + 10)
        await driver.revoke("job:c", ttl=20)
        await driver.shift(15)
        assert [bool(mark) for mark in await driver.revocations(["job:b", "job:c"])] == [False, True]
        assert not await driver.restore("job:b")


@pytest.mark.asyncio
async def test_a_paused_queue_gives_nothing(path: Path) -> None:
    async with opened(path) as driver:
        await driver.enqueue(plain("a"))
        await driver.pause()
        await driver.flush()
        assert await driver.is_paused()
        await driver.enqueue(plain("a"))
        assert await take(driver, 1) == []
        await driver.resume()
        assert await take(driver, 1) == []  # the same batch
        assert len(await take(driver, 2)) == 1


# ---------------------------------------------------------------- schedule and dead letters
@pytest.mark.asyncio
async def test_reschedule(path: Path) -> None:
    async with opened(path) as driver:
        await driver.enqueue([NewJob("a", "t", b"", delay=50)])
        assert await driver.reschedule("a", 500, 0)
        assert (await driver.promote(1) or 0) > 400
        assert await driver.reschedule("a", 0, 0)
        assert await driver.state("a") is S.QUEUED
        assert not await driver.reschedule("a", 5, 0)


@pytest.mark.asyncio
async def test_replay(path: Path) -> None:
    async with opened(path) as driver:
        claim = await run_one(driver, "a")
        await settle(driver, Finished("a", claim.token, S.FAILED, dead_reason="lost"))
        await driver.enqueue([NewJob("live", "t", b"", unique="key")])
        assert not await driver.replay("a", NewJob("new", "t", b"", unique="key"))
        assert (await driver.counts())["dead"] == 1
        assert await driver.replay("a", NewJob("new", "t", b""))
        assert await driver.replay("a", NewJob("new", "t", b""))
        assert not await driver.replay("a", NewJob("other", "t", b""))
        assert (await driver.counts())["dead"] == 0


@pytest.mark.asyncio
async def test_fire(path: Path) -> None:
    async with opened(path) as driver:
        now = await driver.now()
        assert await driver.fire("s", now, NewJob("a", "t", b""))
        assert await driver.fire("s", now, NewJob("a", "t", b""))
        assert not await driver.fire("s", now, NewJob("b", "t", b""))
        assert not await driver.fire("s", now - 1, NewJob("b", "t", b""))
        assert not await driver.fire("s", now + 60, NewJob("b", "t", b""))
        assert await driver.last_slots(["none", "s"]) == [None, now]


# ---------------------------------------------------------------- coordination and key-value
@pytest.mark.asyncio
async def test_locks(path: Path) -> None:
    async with opened(path) as driver:
        assert await driver.acquire("l", "a", 10)
        assert await driver.acquire("l", "a", 10)
        assert not await driver.acquire("l", "b", 10)
        assert await driver.acquire("l", "b", 10, limit=2)
        assert await driver.extend("l", "b", 100)
        assert await driver.holders(["l", "m"]) == [2, 0]
        await driver.shift(20)
        assert not await driver.extend("l", "a", 10)
        assert not await driver.free("l", "a")
        assert await driver.holders(["l"]) == [1]
        assert await driver.clear(["m"]) == 0
        assert await driver.clear([]) == 1
        assert not await driver.free("l", "b")


@pytest.mark.asyncio
async def test_a_rate_limit_is_exact(path: Path) -> None:
    async with opened(path) as driver:
        assert [await driver.spend("r", 2, 100) for _ in range(2)] == [0.0, 0.0]
        assert 99 < await driver.spend("r", 2, 100) <= 100
        await driver.shift(99)
        assert 0 < await driver.spend("r", 2, 100) <= 1
        await driver.shift(-50)
        assert await driver.spend("r", 2, 100) > 0
        await driver.shift(52)
        assert [await driver.spend("r", 2, 100) for _ in range(2)] == [0.0, 0.0]


@pytest.mark.asyncio
async def test_key_value(path: Path) -> None:
    async with opened(path) as driver:
        await driver.put("k", b"v", ttl=10)
        assert not await driver.put_if_absent("k", b"w")
        await driver.shift(20)
        assert await driver.get("k") is None
        assert not await driver.delete("k")
        assert await driver.put_if_absent("k", b"w")
        assert await driver.pop("k") == b"w"
        assert await driver.pop("k") is None
        assert await driver.increment("n", 3) == 3
        assert await driver.increment("n", -(10**18)) == 3 - 10**18
        await driver.put("n", b"1_0")
        with pytest.raises(ValueError, match="whole number"):
            await driver.increment("n")


@pytest.mark.asyncio
async def test_what_has_expired_leaves_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "PURGE_EVERY", -1.0)
    async with opened(path) as driver:
        await driver.revoke("job:a", ttl=5)
        await driver.revoke("job:b")
        await driver.put("k", b"v", ttl=5)
        await driver.put("l", b"v")
        await driver.acquire("l", "me", 5)
        await driver.spend("r", 1, 5)
        await driver.shift(10)
        await driver.now()
        await driver.now()
        for table, left in {"revocations": 1, "pairs": 1, "places": 0, "uses": 0}.items():
            assert value_of(path, f"SELECT count(*) FROM {table}") == left
