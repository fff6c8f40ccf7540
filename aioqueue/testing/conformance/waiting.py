"""Wait: whatever puts work in line wakes somebody, in whichever process it happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aioqueue.drivers.base import Again, Driver, Finished, NewJob
from aioqueue.states import JobState
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import (
    BOUND,
    expect_line,
    hire,
    ids_of,
    make_suspects,
    numbered,
    plain,
    reap,
    run_one,
    take,
    take_one,
    tokens,
)

LONG = 600.0


async def calm(driver: Driver, incarnation: str) -> None:
    """Use up the wake-ups that are kept."""
    for _ in range(5):
        await driver.wait(incarnation, 0.02)


async def expect_wake(driver: Driver, news: Callable[[], Awaitable[object]]) -> None:
    """Check that `news` ends a wait, whether it comes during the wait or before."""
    await hire(driver, "sleeper")
    await calm(driver, "sleeper")
    async with asyncio.timeout(BOUND), asyncio.TaskGroup() as group:
        group.create_task(driver.wait("sleeper", LONG))
        await asyncio.sleep(0.05)  # so that it comes during the wait, mostly
        await news()


async def check_a_wait_ends_at_its_timeout(stage: Stage) -> None:
    driver = await stage.driver()
    await hire(driver)
    async with asyncio.timeout(BOUND):
        await driver.wait("worker", 0.05)
        await driver.wait("worker", 0)


async def check_an_enqueue_wakes(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await expect_wake(driver, lambda: other.enqueue(plain("a")))
    await expect_wake(driver, lambda: driver.enqueue(plain("b")))
    await expect_line(driver, ["a", "b"])


async def check_a_wake_up_before_the_wait_is_kept(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await hire(driver)
    await calm(driver, "worker")
    await other.enqueue(plain("a"))
    async with asyncio.timeout(BOUND):
        await driver.wait("worker", LONG)


async def check_a_promotion_wakes(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await driver.enqueue([NewJob("a", "task", b"", delay=100)])
    await driver.shift(200)
    await expect_wake(driver, lambda: other.promote(10))


async def check_an_earlier_schedule_wakes(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await expect_wake(driver, lambda: other.enqueue([NewJob("far", "task", b"", delay=1_000)]))
    await expect_wake(driver, lambda: other.enqueue([NewJob("near", "task", b"", delay=100)]))


async def check_a_clock_that_is_moved_wakes(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await driver.enqueue([NewJob("a", "task", b"", delay=1_000)])
    await expect_wake(driver, lambda: other.shift(2_000))


async def check_a_release_wakes(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    claim = await run_one(driver, "a")
    await expect_wake(driver, lambda: other.release("worker", tokens([claim])))


async def check_a_retirement_wakes(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await run_one(driver, "a")
    await expect_wake(driver, lambda: other.retire("worker"))


async def check_a_reap_wakes(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await run_one(driver, "a")
    await expect_wake(driver, lambda: reap(other, "worker"))


async def check_a_retry_wakes(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    claim = await run_one(driver, "a")
    await expect_wake(driver, lambda: other.settle("worker", [Again("a", claim.token)]))
    claim = await take_one(driver, batch=2)
    await expect_wake(driver, lambda: other.settle("worker", [Again("a", claim.token, delay=100)]))


async def check_a_successor_wakes(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    claim = await run_one(driver, "a")
    outcome = Finished("a", claim.token, JobState.SUCCEEDED, b"", 60, tuple(plain("next")))
    await expect_wake(driver, lambda: other.settle("worker", [outcome]))


async def check_a_claim_that_leaves_jobs_wakes_another(stage: Stage) -> None:
    drivers = [await stage.driver() for _ in range(4)]
    producer = await stage.driver()
    async with asyncio.timeout(BOUND), asyncio.TaskGroup() as group:
        takers = [group.create_task(take_one_ever(driver, f"w{n}")) for n, driver in enumerate(drivers)]
        await asyncio.sleep(0.05)
        await producer.enqueue(numbered(4))
    assert sorted(taker.result() for taker in takers) == ids_of(numbered(4))


async def check_a_claim_that_leaves_jobs_wakes_one_that_waited_before(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await driver.enqueue(numbered(2))
    await hire(other, "other")
    await expect_wake(driver, lambda: take(other, "other", limit=1))


async def check_a_claim_that_leaves_suspects_wakes_another(stage: Stage) -> None:
    drivers = [await stage.driver() for _ in range(3)]
    producer = await stage.driver()
    async with asyncio.timeout(BOUND), asyncio.TaskGroup() as group:
        await make_suspects(producer, *numbered(3))
        takers = [group.create_task(take_one_ever(driver, f"w{n}")) for n, driver in enumerate(drivers)]
    assert sorted(taker.result() for taker in takers) == ids_of(numbered(3))


async def take_one_ever(driver: Driver, worker: str) -> str:
    """Be a worker with one slot that keeps its first job for ever; return the job's id."""
    await hire(driver, worker)
    batch = 0
    while True:
        batch += 1
        for claim in await take(driver, worker, batch=batch, limit=1, suspects=1):
            return claim.id
        await driver.wait(worker, LONG)


async def check_no_job_is_missed_by_workers_that_wait(stage: Stage) -> None:
    drivers = [await stage.driver() for _ in range(3)]
    producer = await stage.driver()
    jobs = numbered(60)
    taken: asyncio.Queue[str] = asyncio.Queue()
    async with asyncio.timeout(BOUND), asyncio.TaskGroup() as group:
        workers = [group.create_task(take_for_ever(driver, f"w{n}", taken)) for n, driver in enumerate(drivers)]
        for job in jobs:
            await producer.enqueue([job])
            await asyncio.sleep(0)
        ids = [await taken.get() for _ in jobs]
        for worker in workers:
            worker.cancel()
    assert sorted(ids) == ids_of(jobs)


async def take_for_ever(driver: Driver, worker: str, taken: asyncio.Queue[str]) -> None:
    """Be a worker that notes what it claims."""
    await hire(driver, worker)
    batch = 0
    while True:
        batch += 1
        for claim in await take(driver, worker, batch=batch, limit=3):
            taken.put_nowait(claim.id)
        await driver.wait(worker, LONG)


async def check_a_wait_takes_no_job(stage: Stage) -> None:
    driver = await stage.driver()
    await expect_wake(driver, lambda: driver.enqueue(plain("a")))
    await expect_line(driver, ["a"])
    assert await driver.claims("sleeper") == {}


async def check_a_cancelled_wait_swallows_no_wake_up(stage: Stage) -> None:
    first, second, producer = await stage.driver(), await stage.driver(), await stage.driver()
    await hire(first, "first")
    await hire(second, "second")
    for number, turns in enumerate((0, 1, 2, 5, 10)):
        await calm(first, "first")
        waiting = asyncio.create_task(first.wait("first", LONG))
        await asyncio.sleep(0.02)
        await producer.enqueue(plain(f"job-{number}"))
        for _ in range(turns):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        if waiting.cancelled():
            async with asyncio.timeout(BOUND):
                await second.wait("second", LONG)
