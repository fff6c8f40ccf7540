"""Cancellation: an operation that is cut off leaves a store that its repeat puts right, and a driver that works."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from aioqueue.drivers.base import Again, Driver, NewJob, Outcome
from aioqueue.states import JobState
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import (
    admissions,
    expect_counts,
    hire,
    ids_of,
    lease_of,
    numbered,
    plain,
    reap,
    run_one,
    success,
    take,
    tokens,
)

TURNS = (0, 1, 2, 3, 5, 8, 13, 30)


async def cut_off(operation: Coroutine[Any, Any, object], turns: int) -> None:
    """Run an operation for some turns of the loop, then cancel it."""
    running = asyncio.create_task(operation)
    for _ in range(turns):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    if not running.cancelled():
        running.result()


async def check_a_cancelled_enqueue(stage: Stage) -> None:
    driver = await stage.driver()
    for turns in TURNS:
        jobs = plain(*(f"{turns}/{number}" for number in range(3)))
        await cut_off(driver.enqueue(jobs), turns)
        assert await admissions(driver, jobs) in (["accepted"] * 3, ["present"] * 3)
    await expect_counts(driver, queued=3 * len(TURNS))


async def check_a_cancelled_claim(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(numbered(3 * len(TURNS)))
    await hire(driver)
    claimed: list[str] = []
    for batch, turns in enumerate(TURNS, 1):
        await cut_off(driver.claim("worker", batch, 3, 1), turns)
        claimed += ids_of(await take(driver, batch=batch, limit=3))
    assert claimed == ids_of(numbered(3 * len(TURNS)))
    await expect_counts(driver, running=len(claimed))


async def check_a_cancelled_settle(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(numbered(2 * len(TURNS)))
    await hire(driver)
    claims = await take(driver)
    for number, turns in enumerate(TURNS):
        done, retried = claims[2 * number : 2 * number + 2]
        successor = NewJob(f"after-{done.id}", "task", b"")
        again = Again(retried.id, retried.token, counts="deferral", successors=(successor,))
        outcomes: list[Outcome] = [success(done), again]
        await cut_off(driver.settle("worker", outcomes), turns)
        verdicts = set(await driver.settle("worker", outcomes))
        assert verdicts in ({"settled"}, {"already"})
    await expect_counts(driver, queued=2 * len(TURNS))
    later = await take(driver, batch=2)
    assert {claim.deferrals for claim in later if not claim.id.startswith("after")} == {1}


async def check_a_cancelled_release(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(numbered(3))
    await hire(driver)
    for batch, turns in enumerate(TURNS, 1):
        claims = await take(driver, batch=batch)
        assert ids_of(claims) == ids_of(numbered(3))
        await cut_off(driver.release("worker", tokens(claims)), turns)
        assert await driver.release("worker", tokens(claims)) in {0, 3}
    await expect_counts(driver, queued=3)


async def check_a_cancelled_promotion(stage: Stage) -> None:
    driver = await stage.driver()
    for turns in TURNS:
        await driver.enqueue([NewJob(f"{turns}/{number}", "task", b"", delay=10) for number in range(3)])
        await driver.shift(20)
        await cut_off(driver.promote(10), turns)
        assert await driver.promote(10) is None
    await expect_counts(driver, queued=3 * len(TURNS))


async def check_a_cancelled_reap_or_retirement(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(numbered(3))
    for turns in TURNS:
        for worker, operation in each_end(driver, turns):
            await hire(driver, worker)
            await take(driver, worker)
            lease = await lease_of(driver, worker)
            assert lease is not None
            await cut_off(operation(lease.counter), turns)
            assert await operation(lease.counter) in {0, 3, None}
            assert await lease_of(driver, worker) is None
            await expect_counts(driver, queued=3)
    await hire(driver)
    assert {claim.deliveries for claim in await take(driver)} == {len(TURNS)}


def each_end(driver: Driver, turns: int) -> Iterator[tuple[str, Callable[[int], Coroutine[Any, Any, int | None]]]]:
    """Give each way in which a lease ends, with an incarnation to end."""
    reaped, retired = f"reaped-{turns}", f"retired-{turns}"
    yield reaped, lambda counter: driver.reap(reaped, counter)
    yield retired, lambda _: driver.retire(retired)


async def check_a_cancelled_renewal_or_registration(stage: Stage) -> None:
    driver = await stage.driver()
    for turns in TURNS:
        worker = f"worker-{turns}"
        await cut_off(driver.register(worker, 30, b"info"), turns)
        await hire(driver, worker)
        before = await lease_of(driver, worker)
        await cut_off(driver.renew(worker), turns)
        assert (await driver.renew(worker)).alive
        after = await lease_of(driver, worker)
        assert before is not None
        assert after is not None
        assert after.counter - before.counter in {1, 2}
        assert await reap(driver, worker) == 0


async def check_a_cancelled_watch(stage: Stage) -> None:
    waiter, worker = await stage.driver(), await stage.driver()
    heard: asyncio.Queue[str] = asyncio.Queue()
    await waiter.listen(lambda job_id, _: heard.put_nowait(job_id), lambda: None)
    for turns in TURNS:
        job_id = f"job-{turns}"
        await worker.enqueue(plain(job_id))
        await cut_off(waiter.watch([job_id], 60), turns)
        await cut_off(waiter.unwatch([job_id]), turns)
        assert await waiter.watch([job_id], 60) == [None]
    claim = await run_one(worker, "job-0")
    await worker.settle("worker", [success(claim)])
    async with asyncio.timeout(20):
        assert await heard.get() == "job-0"


async def check_cancelled_looks(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(numbered(5))
    looks: list[Callable[[], Coroutine[Any, Any, object]]] = [
        driver.counts,
        driver.leases,
        driver.now,
        lambda: driver.jobs("queued"),
        lambda: driver.job("job-00000"),
        lambda: driver.state("job-00000"),
        lambda: driver.results(["job-00000"]),
        lambda: driver.claims("worker"),
    ]
    for turns in TURNS:
        for look in looks:
            await cut_off(look(), turns)
            assert await driver.state("job-00001") is JobState.QUEUED
    await expect_counts(driver, queued=5)


async def check_a_cancelled_flush(stage: Stage) -> None:
    driver = await stage.driver()
    for turns in TURNS:
        await driver.enqueue(numbered(5))
        await cut_off(driver.flush(), turns)
        await driver.flush()
        await expect_counts(driver)


async def check_neighbours_of_a_cancelled_call_are_served(stage: Stage) -> None:
    driver = await stage.driver()
    for turns in TURNS:
        calls = [asyncio.create_task(admissions(driver, plain(f"{turns}/{number}"))) for number in range(9)]
        for _ in range(turns):
            await asyncio.sleep(0)
        calls[4].cancel()
        await asyncio.wait(calls)
        assert [call.result() for number, call in enumerate(calls) if number != 4] == [["accepted"]] * 8
        await driver.enqueue(plain(f"{turns}/4"))
    await expect_counts(driver, queued=9 * len(TURNS))
