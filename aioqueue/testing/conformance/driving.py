"""The driver as such: opening, closing, several of them on one store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Event

from aioqueue.drivers.base import Driver, NewJob
from aioqueue.states import JobState
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import (
    BOUND,
    admissions,
    expect_counts,
    expect_line,
    expect_states,
    hire,
    ids_of,
    lease_of,
    numbered,
    plain,
    run_one,
    success,
    take,
    take_one,
    tokens,
)


async def check_closing_twice_is_harmless(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.close()
    await driver.close()


async def check_closing_keeps_jobs_claims_and_leases(stage: Stage) -> None:
    first, second = await stage.driver(), await stage.driver()
    claim = await run_one(first, "running")
    await first.enqueue([*plain("queued"), NewJob("scheduled", "task", b"", delay=1_000)])
    await first.close()
    await expect_counts(second, queued=1, scheduled=1, running=1)
    assert await second.claims("worker") == tokens([claim])
    assert await lease_of(second, "worker") is not None
    assert await second.settle("worker", [success(claim)]) == ["settled"]


async def check_a_closed_driver_can_be_opened_again(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(plain("a"))
    await driver.close()
    await driver.open()
    assert await admissions(driver, plain("a", "b")) == ["present", "accepted"]
    await expect_line(driver, ["a", "b"])


async def check_drivers_on_one_queue_see_the_same(stage: Stage) -> None:
    first, second = await stage.driver(), await stage.driver()
    await first.enqueue(plain("a"))
    await expect_line(second, ["a"])
    await hire(first)
    (claim,) = await take(second)
    assert await first.settle("worker", [success(claim)]) == ["settled"]
    assert await second.state("a") is JobState.SUCCEEDED


async def check_queues_of_one_store_are_apart(stage: Stage) -> None:
    one, other = await stage.driver("one"), await stage.driver("other")
    claim = await run_one(one, "same-id")
    await hire(other)
    assert await take(other) == []
    assert await other.claims("worker") == {}
    assert await other.settle("worker", [success(claim)]) == ["lost"]
    assert await admissions(other, plain("same-id")) == ["accepted"]
    await other.flush()
    await expect_counts(one, running=1)
    await one.shift(1_000)
    assert await one.now() - await other.now() > 900


async def check_a_clone_serves_the_same_queue(stage: Stage) -> None:
    driver = await stage.driver()
    clone = await stage.enter(driver.clone())
    await driver.enqueue(plain("a"))
    await expect_line(clone, ["a"])
    await clone.close()
    await expect_line(driver, ["a"])


async def check_a_clone_works_in_a_thread_of_its_own(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    alive = await asyncio.to_thread(asyncio.run, renew_and_enqueue(driver.clone()))
    assert alive
    lease = await lease_of(driver, "worker")
    assert lease is not None
    assert lease.counter == 3
    await expect_states(driver, {"a": JobState.RUNNING, "b": JobState.QUEUED})
    assert await driver.settle("worker", [success(claim)]) == ["settled"]


async def renew_and_enqueue(clone: Driver) -> bool:
    """Do what a lease thread does, and a little more."""
    await clone.open()
    try:
        renewals = [await clone.renew("worker") for _ in range(3)]
        await clone.enqueue(plain("b"))
        return all(renewal.alive for renewal in renewals)
    finally:
        await clone.close()


async def check_a_thread_is_woken_and_told(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(plain("watched"))
    await hire(driver)
    watched = await take_one(driver)
    ready = Event()
    thread = asyncio.create_task(asyncio.to_thread(asyncio.run, wait_and_listen(driver.clone(), ready.set)))
    await asyncio.to_thread(ready.wait, BOUND)
    await driver.enqueue(plain("news"))
    await driver.settle("worker", [success(watched)])
    assert await thread == "watched"


async def wait_and_listen(clone: Driver, ready: Callable[[], None]) -> str:
    """Watch a job, wait for another one, and return which was heard of."""
    heard: asyncio.Queue[str] = asyncio.Queue()
    await clone.open()
    try:
        await clone.listen(lambda job_id, _: heard.put_nowait(job_id), lambda: None)
        await clone.watch(["watched"], 60)
        await clone.register("in-thread", 30, b"")
        async with asyncio.timeout(BOUND):
            await clone.wait("in-thread", 0.05)
            ready()
            await clone.wait("in-thread", 600)
            return await heard.get()
    finally:
        await clone.close()


async def check_empty_calls_do_nothing(stage: Stage) -> None:
    driver = await stage.driver()
    await hire(driver)
    assert await admissions(driver, []) == []
    assert await driver.settle("worker", []) == []
    assert await driver.release("worker", {}) == 0
    assert await driver.results([]) == []
    assert await driver.watch([], 60) == []
    await driver.unwatch([])
    await expect_counts(driver)


async def check_many_calls_at_once(stage: Stage) -> None:
    driver = await stage.driver()
    jobs = numbered(300)
    answers = await asyncio.gather(*(admissions(driver, [job]) for job in jobs))
    assert answers == [["accepted"]] * 300
    workers = [await hire(driver, f"worker-{number}") for number in range(10)]
    batches = await asyncio.gather(*(take(driver, worker, limit=30) for worker in workers))
    assert sorted(ids_of(claim for batch in batches for claim in batch)) == ids_of(jobs)
    verdicts = await asyncio.gather(
        *(
            driver.settle(worker, [success(claim)])
            for worker, batch in zip(workers, batches, strict=True)
            for claim in batch
        )
    )
    assert verdicts == [["settled"]] * 300


async def check_large_batches(stage: Stage) -> None:
    driver = await stage.driver()
    jobs = numbered(2_500)
    assert await admissions(driver, jobs) == ["accepted"] * 2_500
    assert await admissions(driver, jobs[:1_500]) == ["present"] * 1_500
    await hire(driver)
    claims = await take(driver, limit=2_500)
    assert ids_of(claims) == ids_of(jobs)
    assert await driver.release("worker", tokens(claims)) == 2_500
    claims = await take(driver, batch=2, limit=2_500)
    assert ids_of(claims) == ids_of(jobs)
    assert ids_of(await take(driver, batch=2, limit=2_500)) == ids_of(jobs)
    assert await driver.settle("worker", [success(claim) for claim in claims]) == ["settled"] * 2_500
    assert await driver.settle("worker", [success(claim) for claim in claims]) == ["already"] * 2_500
    assert all(await driver.results(ids_of(jobs)))
    await expect_counts(driver)


async def check_large_reaps_and_retires(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(numbered(2_500))
    await hire(driver, "first")
    await take(driver, "first", limit=2_500)
    lease = await lease_of(driver, "first")
    assert lease is not None
    assert await driver.reap("first", lease.counter) == 2_500
    await hire(driver, "second")
    await take(driver, "second", limit=2_500, suspects=2_500)
    assert await driver.retire("second") == 2_500
    await expect_counts(driver, queued=2_500)


async def check_large_promotions(stage: Stage) -> None:
    driver = await stage.driver()
    jobs = [NewJob(job.id, "task", b"", delay=100 + number) for number, job in enumerate(numbered(2_500))]
    await driver.enqueue(jobs)
    await driver.shift(10_000)
    assert await driver.promote(2_500) is None
    await hire(driver)
    assert ids_of(await take(driver, limit=2_500)) == ids_of(jobs)
