"""The checker finds what it is there to find."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import redis.asyncio

from aioqueue import Queue
from aioqueue.drivers import driver_for, sqlite_file
from tests.faults.audit import audit, held, in_hand
from tests.faults.leases import leases_of_the_dead
from tests.faults.receipts import (
    Claimed,
    Dropped,
    Ended,
    Enqueued,
    FailedAt,
    Learned,
    Reader,
    Receipt,
    Released,
    SettleAnswered,
    Started,
    WorkerBegan,
    WorkerKilled,
    WorkerStopped,
    write,
)
from tests.faults.remains import remains

ONE_LIFE: list[Receipt] = [
    Enqueued(id="a"),
    Started(id="a", n=1, pid=7),
    Ended(id="a", n=1, pid=7),
    SettleAnswered(id="a", token=1, verdict="settled", terminal=True, pid=7),
    Learned(id="a", outcome="7.1"),
]


def test_a_job_that_lived_as_it_should() -> None:
    report = audit(ONE_LIFE)
    assert (report.enqueued, report.lost, report.contradictions, report.repeats) == (1, [], [], 0)


def test_an_acknowledged_job_without_an_outcome_is_lost() -> None:
    assert audit([Enqueued(id="a"), Started(id="a", n=1)]).lost == ["a"]


def test_a_second_execution_is_counted() -> None:
    assert audit([*ONE_LIFE, Started(id="a", n=1, pid=8)]).repeats == 1


def test_two_outcomes_contradict_each_other() -> None:
    again: list[Receipt] = [Ended(id="a", n=1, pid=8), Learned(id="a", outcome="8.1")]
    assert audit([*ONE_LIFE, *again]).contradictions == ["a ended twice: ['7.1', '8.1']"]


def test_two_claims_cannot_both_settle() -> None:
    repeated = SettleAnswered(id="a", token=1, verdict="already", terminal=True)
    refused = SettleAnswered(id="a", token=2, verdict="lost", terminal=True)
    accepted = SettleAnswered(id="a", token=3, verdict="settled", terminal=True)
    assert audit([*ONE_LIFE, repeated, refused]).contradictions == []
    assert audit([*ONE_LIFE, repeated, refused, accepted]).contradictions == ["a was settled by claims [1, 3]"]


def test_a_value_that_no_body_returned_is_invented() -> None:
    (complaint,) = audit([Enqueued(id="a"), Started(id="a", n=1, pid=7), Learned(id="a", outcome="7.1")]).contradictions
    assert "no body" in complaint
    assert audit([Enqueued(id="a"), Learned(id="a", outcome="TaskLost")]).contradictions == []


def test_a_worker_that_ends_unasked_has_died() -> None:
    began: list[Receipt] = [WorkerBegan(pid=pid) for pid in (7, 8, 9)]
    assert audit([*began, WorkerStopped(pid=7), WorkerKilled(pid=9)]).deaths == [8]


def test_recovery_is_measured_from_the_kill_to_the_next_start() -> None:
    receipts: list[Receipt] = [
        Started(id="a", n=1, pid=7, at=10),
        Started(id="b", n=2, pid=7, at=10),
        SettleAnswered(id="b", token=1, verdict="settled", terminal=True, pid=7, at=11),
        WorkerKilled(pid=7, at=12),
        Started(id="a", n=1, pid=8, at=15),
    ]
    assert audit(receipts).recoveries == [3]


def test_recovery_counts_from_the_last_of_two_deaths() -> None:
    receipts: list[Receipt] = [
        Claimed(jobs={"a": 1}, pid=7, at=10),
        WorkerKilled(pid=7, at=12),
        Claimed(jobs={"a": 2}, pid=8, at=14),
        WorkerKilled(pid=8, at=15),
        Started(id="a", n=1, pid=9, at=17),
    ]
    assert audit(receipts).recoveries == [2]


def test_what_a_failpoint_claimed_has_to_be_recovered() -> None:
    receipts: list[Receipt] = [
        FailedAt(point="after:claim:1", jobs=["a"], pid=7, at=11),
        WorkerKilled(pid=7, at=12),
        Started(id="a", n=1, pid=8, at=13),
    ]
    assert audit(receipts).recoveries == [1]


def test_no_claim_is_given_twice() -> None:
    first, repeated = Claimed(jobs={"a": 1}, pid=7), Claimed(jobs={"a": 1}, pid=7)
    assert audit([first, repeated, Claimed(jobs={"a": 2}, pid=8)]).contradictions == []
    (to_another,) = audit([first, Claimed(jobs={"a": 1}, pid=8)]).contradictions
    (for_another,) = audit([first, Claimed(jobs={"b": 1}, pid=7)]).contradictions
    assert "token 1" in to_another
    assert "token 1" in for_another


def test_what_is_held_was_claimed_and_neither_settled_nor_dropped_nor_released() -> None:
    claimed: list[Receipt] = [Claimed(jobs=dict(zip("abcd", range(4), strict=True)), pid=7)]
    ended: list[Receipt] = [Released(jobs=["b"], pid=7), Dropped(id="c", n=1, pid=7), Dropped(id="d", n=1, pid=8)]
    assert held([*claimed, *ONE_LIFE[1:], *ended], 7) == {"d"}


def test_what_is_in_hand_has_started_and_is_neither_settled_nor_dropped() -> None:
    dropped: list[Receipt] = [Started(id="c", n=3, pid=7), Dropped(id="c", n=3, pid=7)]
    elsewhere = Started(id="d", n=1, pid=8)
    assert in_hand([*ONE_LIFE, *dropped, elsewhere, Started(id="b", n=2, pid=7)], 7) == {"b"}


def test_a_reader_waits_for_the_end_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "receipts"
    reader = Reader(path)
    assert reader.read() == []
    write(path, ONE_LIFE[0])
    with path.open("ab") as file:
        file.write(b'{"type":"Enq')
    assert reader.read() == ONE_LIFE[:1]


@pytest.mark.asyncio
async def test_what_is_left_in_redis_is_found(redis_url: str) -> None:
    name, prefix = "left-behind", "aq:{left-behind}:"
    await use(redis_url, name)
    assert await remains(redis_url, name) == []
    async with redis.asyncio.from_url(redis_url) as client:
        await client.hset(prefix + "claims:dead", "job", 1)
        await client.set(prefix + "r:0:job", "a result without a ttl")
        await client.set(prefix + "w:0:job", "a waiter with one", ex=60)
        await client.set(prefix + "kv:mine", "the user's")
        await client.hset(prefix + "meta", "stale:ready:0", 1)
        await client.zadd(prefix + "revoked_until", {"job:gone": "+inf", "task:mine": "+inf"})
    assert await remains(redis_url, name) == ["claims:dead", "meta stale:ready:0=1", "r:0:job", "revoked job:gone"]
    assert await remains(redis_url, "another") == []


@pytest.mark.asyncio
async def test_what_is_left_in_sqlite_is_found(tmp_path: Path) -> None:
    url, name = f"sqlite:///{tmp_path}/queue.db", "left-behind"
    await use(url, name)
    assert await remains(url, name) == []
    with closing(sqlite3.connect(sqlite_file(url))) as connection:
        connection.execute("INSERT INTO leases VALUES (1, 'dead', 0, 2, x'', 0, NULL)")
        connection.execute("INSERT INTO settled VALUES (1, 'endless', 'succeeded', 1, 0, 0, x'')")
        connection.execute("INSERT INTO notes VALUES (1, 'gone', 1, x'')")
        connection.execute("INSERT INTO revocations VALUES (NULL, 1, 'job:gone', 0, 0, 0)")
        connection.execute("INSERT INTO revocations VALUES (NULL, 1, 'task:mine', 0, 0, 0)")
        connection.commit()
    assert await remains(url, name) == ["leases dead", "settled endless", "notes gone", "revocations job:gone"]


async def use(url: str, name: str) -> None:
    """Have a job run on the queue."""
    async with Queue(url, name=name) as queue:

        @queue.task
        async def nothing() -> None:
            pass

        async with queue.worker():
            await nothing.call()


@pytest.mark.asyncio
async def test_the_leases_of_the_dead_are_told_from_others(store_url: str) -> None:
    async with Queue(store_url, name="leases") as queue, queue.worker(concurrency=1):
        async with asyncio.timeout(10):
            while not (workers := await queue.workers()):  # noqa: ASYNC110 -- the store tells nobody
                await asyncio.sleep(0.01)
        assert workers[0].pid == os.getpid()
        driver = driver_for(store_url, "leases")
        await driver.open()
        await driver.register("dead", 60, b"")
        await driver.close()
        assert await leases_of_the_dead(store_url, "leases") == ["dead"]
