"""Claim when woken: a wait and a claim in one, for whoever is still there when it is done."""

from __future__ import annotations

import asyncio

from aioqueue.drivers.base import Claimed, Driver, NewJob
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import (
    BOUND,
    expect_line,
    hire,
    ids_of,
    make_suspects,
    numbered,
    plain,
    success,
    take,
)

LONG = 600.0


async def rest(driver: Driver, worker: str = "worker") -> int:
    """Use up the wake-ups that are kept; returns the number of the last batch."""
    await hire(driver, worker)
    for batch in range(1, 6):
        assert (await driver.claim_when_woken(worker, batch, 1, 1, 0.02)).jobs == []
    return 5


async def check_a_sleeper_claims_what_woke_it(stage: Stage) -> None:
    driver, producer = await stage.driver(), await stage.driver()
    batch = await rest(driver)
    async with asyncio.timeout(BOUND), asyncio.TaskGroup() as group:
        sleeping = group.create_task(driver.claim_when_woken("worker", batch + 1, 1, 1, LONG))
        await asyncio.sleep(0.05)  # so that it comes during the sleep, mostly
        await producer.enqueue(plain("a"))
    claimed = sleeping.result()
    assert ids_of(claimed.jobs) == ["a"]
    assert not claimed.more
    assert await driver.claims("worker") == {"a": claimed.jobs[0].token}
    assert await driver.settle("worker", [success(claimed.jobs[0])]) == ["settled"]


async def check_a_sleeper_takes_no_more_than_its_limit(stage: Stage) -> None:
    driver, producer = await stage.driver(), await stage.driver()
    batch = await rest(driver)
    await producer.enqueue(numbered(3))
    async with asyncio.timeout(BOUND):
        claimed = await driver.claim_when_woken("worker", batch + 1, 1, 1, LONG)
    assert ids_of(claimed.jobs) == ids_of(numbered(1))
    assert claimed.more
    assert ids_of(await take(driver, batch=batch + 2)) == ids_of(numbered(3))[1:]


async def check_a_sleeper_that_takes_one_of_two_wakes_another(stage: Stage) -> None:
    drivers = [await stage.driver() for _ in range(2)]
    producer = await stage.driver()
    async with asyncio.timeout(BOUND), asyncio.TaskGroup() as group:
        sleepers = [group.create_task(sleep_until_given(driver, f"w{n}")) for n, driver in enumerate(drivers)]
        await asyncio.sleep(0.05)
        await producer.enqueue(numbered(2))
    assert sorted(sleeper.result() for sleeper in sleepers) == ids_of(numbered(2))


async def sleep_until_given(driver: Driver, worker: str) -> str:
    """Sleep until a job is claimed, and return its id."""
    await hire(driver, worker)
    batch = 0
    while True:
        batch += 1
        for claim in (await driver.claim_when_woken(worker, batch, 1, 1, LONG)).jobs:
            return claim.id


async def check_a_sleep_that_runs_out_looks_too(stage: Stage) -> None:
    driver = await stage.driver()
    batch = await rest(driver)
    await driver.enqueue(plain("a"))
    await driver.wait("worker", LONG)  # takes the wake-up
    async with asyncio.timeout(BOUND):
        claimed = await driver.claim_when_woken("worker", batch + 1, 1, 1, 0.05)
    assert ids_of(claimed.jobs) == ["a"]


async def check_a_sleeper_learns_what_is_due_next(stage: Stage) -> None:
    driver, producer = await stage.driver(), await stage.driver()
    batch = await rest(driver)
    async with asyncio.timeout(BOUND), asyncio.TaskGroup() as group:
        sleeping = group.create_task(driver.claim_when_woken("worker", batch + 1, 1, 1, LONG))
        await asyncio.sleep(0.05)
        await producer.enqueue([NewJob("a", "task", b"", delay=100)])
    claimed = sleeping.result()
    assert claimed.jobs == []
    assert claimed.due_in is not None
    assert 90 < claimed.due_in <= 100


async def check_the_repeat_of_a_sleepers_batch_gives_its_job(stage: Stage) -> None:
    driver = await stage.driver()
    batch = await rest(driver)
    await driver.enqueue(plain("a", "b"))
    async with asyncio.timeout(BOUND):
        claimed = await driver.claim_when_woken("worker", batch + 1, 1, 1, LONG)
        again = await driver.claim("worker", batch + 1, 1, 1)
        asleep = await driver.claim_when_woken("worker", batch + 1, 1, 1, 0.05)
    assert again.jobs == asleep.jobs == claimed.jobs
    assert ids_of(claimed.jobs) == ["a"]
    await expect_line(driver, ["b"])


async def check_a_sleeper_takes_suspects_first(stage: Stage) -> None:
    driver = await stage.driver()
    batch = await rest(driver)
    await make_suspects(driver, *plain("suspect"))
    await driver.enqueue(plain("a"))
    async with asyncio.timeout(BOUND):
        claimed = await driver.claim_when_woken("worker", batch + 1, 1, 1, LONG)
    assert ids_of(claimed.jobs) == ["suspect"]


async def check_a_sleeper_without_a_lease_gets_nothing(stage: Stage) -> None:
    driver = await stage.driver()
    batch = await rest(driver)
    await driver.retire("worker")
    await driver.enqueue(plain("a"))
    async with asyncio.timeout(BOUND):
        assert (await driver.claim_when_woken("worker", batch + 1, 1, 1, LONG)).jobs == []
    await expect_line(driver, ["a"])


async def check_a_sleeper_gets_nothing_while_the_queue_is_paused(stage: Stage) -> None:
    driver = await stage.driver()
    batch = await rest(driver)
    await driver.pause()
    await driver.enqueue(plain("a"))
    async with asyncio.timeout(BOUND):
        assert (await driver.claim_when_woken("worker", batch + 1, 1, 1, 0.05)).jobs == []
        await driver.resume()
        claimed = await driver.claim_when_woken("worker", batch + 2, 1, 1, LONG)
    assert ids_of(claimed.jobs) == ["a"]


async def check_a_cancelled_sleeper_keeps_no_job_from_others(stage: Stage) -> None:
    first, second, producer = await stage.driver(), await stage.driver(), await stage.driver()
    batch, other = await rest(first, "first"), await rest(second, "second")
    for turns in (0, 1, 2, 3, 5, 8, 13):
        batch += 1
        sleeping = asyncio.create_task(first.claim_when_woken("first", batch, 1, 1, LONG))
        await asyncio.sleep(0.02)
        await producer.enqueue(plain(f"job-{turns}"))
        for _ in range(turns):
            await asyncio.sleep(0)
        sleeping.cancel()
        await asyncio.wait([sleeping])
        if sleeping.cancelled():
            other, claimed = await sleep_until_some(second, "second", other, first)
            assert ids_of(claimed.jobs) == [f"job-{turns}"]


async def sleep_until_some(driver: Driver, worker: str, batch: int, cancelled: Driver) -> tuple[int, Claimed]:
    """Sleep until there is a job; what a cancelled claim did is unknown, so what it holds is handed back first."""
    async with asyncio.timeout(BOUND):
        while True:
            batch += 1
            claimed = await driver.claim_when_woken(worker, batch, 1, 1, 0.2)
            if claimed.jobs:
                return batch, claimed
            await cancelled.release("first", await cancelled.claims("first"))
