"""Leases: who is alive, and what becomes of the jobs of those who are not."""

from __future__ import annotations

import asyncio

from aioqueue.drivers.base import NewJob, Renewal
from aioqueue.states import JobState
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import (
    EVERY_BYTE,
    expect_counts,
    expect_line,
    hire,
    ids_of,
    lease_of,
    numbered,
    plain,
    reap,
    run_one,
    success,
    take,
    take_one,
    tokens,
)


async def check_a_register_creates_a_lease(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    before = await driver.now()
    await driver.register("a", 12.5, EVERY_BYTE)
    await driver.register("b", 30, b"")
    lease = await lease_of(other, "a")
    assert lease is not None
    assert (lease.seconds, lease.info) == (12.5, EVERY_BYTE)
    assert before - 0.01 <= lease.renewed_at <= await driver.now() + 0.01
    assert {lease.incarnation for lease in await other.leases()} == {"a", "b"}


async def check_a_second_register_changes_nothing(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    await driver.renew("worker")
    before = await lease_of(driver, "worker")
    await driver.register("worker", 99, b"other")
    assert await lease_of(driver, "worker") == before
    assert await take(driver) == [claim]
    assert await driver.claims("worker") == tokens([claim])


async def check_a_renewal_adds_one_to_the_counter(stage: Stage) -> None:
    driver = await stage.driver()
    await hire(driver)
    before = await lease_of(driver, "worker")
    assert before is not None
    await driver.shift(100)
    assert await driver.renew("worker") == Renewal(alive=True, cancel=[])
    after = await lease_of(driver, "worker")
    assert after is not None
    assert after.counter == before.counter + 1
    assert (after.seconds, after.info) == (before.seconds, before.info)
    assert after.renewed_at > before.renewed_at + 99


async def check_a_renewal_replaces_what_a_worker_says_of_itself(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await driver.register("worker", 30, b"first")
    await driver.renew("worker", EVERY_BYTE)
    lease = await lease_of(other, "worker")
    assert lease is not None
    assert lease.info == EVERY_BYTE
    await driver.renew("worker")
    lease = await lease_of(other, "worker")
    assert lease is not None
    assert lease.info == EVERY_BYTE


async def check_a_renewal_never_creates_a_lease(stage: Stage) -> None:
    driver = await stage.driver()
    assert await driver.renew("nobody") == Renewal(alive=False, cancel=[])
    await hire(driver, "retired")
    await driver.retire("retired")
    assert not (await driver.renew("retired")).alive
    await hire(driver, "reaped")
    await reap(driver, "reaped")
    assert not (await driver.renew("reaped")).alive
    assert await driver.leases() == []


async def check_time_alone_ends_no_lease(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    await driver.shift(100_000)
    assert (await driver.renew("worker")).alive
    assert await driver.settle("worker", [success(claim)]) == ["settled"]


async def check_a_retirement_hands_all_jobs_back(stage: Stage) -> None:
    driver = await stage.driver()
    jobs = [NewJob("high", "task", b"", 1), *numbered(5)]
    await driver.enqueue(jobs)
    await hire(driver)
    await take(driver, limit=2)
    await take(driver, batch=2, limit=2)
    assert await driver.retire("worker") == 4
    assert await driver.leases() == []
    assert await driver.claims("worker") == {}
    await expect_line(driver, ids_of(jobs))
    queued = [(job.state, job.incarnation) for job_id in ids_of(jobs) if (job := await driver.job(job_id))]
    assert queued == [(JobState.QUEUED, "")] * 6
    await hire(driver, "heir")
    assert {claim.deliveries for claim in await take(driver, "heir", suspects=0)} == {0}
    assert await driver.retire("worker") == 0
    assert await driver.retire("nobody") == 0


async def check_a_reap_makes_suspects(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(plain("a", "b", "c"))
    await hire(driver)
    await take(driver, limit=2)
    assert await reap(driver, "worker") == 2
    assert await driver.leases() == []
    assert await driver.claims("worker") == {}
    assert [await driver.state(job_id) for job_id in "abc"] == [JobState.QUEUED] * 3
    await expect_counts(driver, queued=3)
    await hire(driver, "heir")
    claims = await take(driver, "heir")
    assert {claim.id: claim.deliveries for claim in claims} == {"a": 1, "b": 1, "c": 0}
    assert claims[2].id == "c"
    assert await reap(driver, "heir") == 3
    stored = {job_id: await driver.job(job_id) for job_id in "abc"}
    assert {job_id: job.deliveries for job_id, job in stored.items() if job} == {"a": 2, "b": 2, "c": 1}
    assert {(job.state, job.incarnation) for job in stored.values() if job} == {(JobState.QUEUED, "")}


async def check_a_reap_leaves_others_alone(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(numbered(4))
    await hire(driver, "dead")
    await hire(driver, "alive")
    await take(driver, "dead", limit=2)
    claims = await take(driver, "alive", limit=2)
    assert await reap(driver, "dead") == 2
    assert await driver.claims("alive") == tokens(claims)
    assert (await driver.renew("alive")).alive


async def check_a_renewed_lease_is_not_reaped(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    claim = await run_one(driver, "a")
    lease = await lease_of(other, "worker")
    assert lease is not None
    await driver.renew("worker")
    assert await other.reap("worker", lease.counter) is None
    assert await other.reap("worker", lease.counter + 2) is None
    assert (await driver.renew("worker")).alive
    assert await driver.claims("worker") == tokens([claim])


async def check_a_lease_is_reaped_once(stage: Stage) -> None:
    drivers = [await stage.driver() for _ in range(3)]
    await run_one(drivers[0], "a")
    lease = await lease_of(drivers[0], "worker")
    assert lease is not None
    answers = await asyncio.gather(*(driver.reap("worker", lease.counter) for driver in drivers))
    assert sorted(answers, key=str) == [1, None, None]
    await hire(drivers[0], "heir")
    assert (await take_one(drivers[0], "heir")).deliveries == 1


async def check_a_lease_that_is_gone_is_not_reaped(stage: Stage) -> None:
    driver = await stage.driver()
    assert await driver.reap("nobody", 0) is None
    await hire(driver)
    lease = await lease_of(driver, "worker")
    assert lease is not None
    await driver.retire("worker")
    assert await driver.reap("worker", lease.counter) is None


async def check_an_idle_worker_is_reaped_too(stage: Stage) -> None:
    driver = await stage.driver()
    await hire(driver)
    assert await reap(driver, "worker") == 0
    assert await driver.leases() == []
