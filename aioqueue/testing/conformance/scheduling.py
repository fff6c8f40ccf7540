"""The schedule and the store's clock: nothing runs before it is due."""

from __future__ import annotations

import asyncio

from aioqueue.drivers.base import NewJob
from aioqueue.states import JobState
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import (
    expect_counts,
    expect_line,
    expect_states,
    hire,
    ids_of,
    plain,
    take,
    take_one,
    whole_shelf,
)


def due_after(**delays: float) -> list[NewJob]:
    """Return jobs by id and delay."""
    return [NewJob(job_id, "task", b"", delay=delay) for job_id, delay in delays.items()]


async def check_nothing_is_given_before_it_is_due(stage: Stage) -> None:
    driver = await stage.driver()
    await hire(driver)
    await driver.enqueue(due_after(a=100))
    assert await driver.promote(10) is not None
    assert await take(driver) == []
    await driver.shift(50)
    await driver.promote(10)
    assert await take(driver, batch=2) == []
    await expect_states(driver, {"a": JobState.SCHEDULED})
    await driver.shift(51)
    assert await driver.promote(10) is None
    assert ids_of(await take(driver, batch=3)) == ["a"]


async def check_promotion_is_earliest_first_and_limited(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(due_after(third=30, first=10, far=1_000, second=20))
    await driver.shift(100)
    assert await driver.promote(2) == 0
    await expect_line(driver, ["first", "second"])
    due_in = await driver.promote(2)
    assert due_in is not None
    assert 840 < due_in <= 900
    await expect_line(driver, ["first", "second", "third"])
    await expect_counts(driver, queued=3, scheduled=1)


async def check_promotion_tells_when_the_next_is_due(stage: Stage) -> None:
    driver = await stage.driver()
    assert await driver.promote(10) is None
    await driver.enqueue(due_after(far=1_000, near=100))
    due_in = await driver.promote(10)
    assert due_in is not None
    assert 40 < due_in <= 100


async def check_a_promoted_job_stands_at_the_back_of_its_priority(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([NewJob("scheduled", "task", b"", 2, delay=10)])
    await driver.enqueue(
        [NewJob("high", "task", b"", 3), NewJob("same", "task", b"", 2), NewJob("low", "task", b"", 1)]
    )
    await driver.shift(20)
    await driver.promote(10)
    await expect_line(driver, ["high", "same", "scheduled", "low"])


async def check_a_promoted_job_is_whole(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([NewJob("a", "module.task", b"payload", 7, delay=10, expires_at=9_999_999_999.5)])
    await driver.shift(20)
    await driver.promote(10)
    stored = await driver.job("a")
    assert stored is not None
    assert (stored.state, stored.due_at) == (JobState.QUEUED, 0.0)
    await hire(driver)
    claim = await take_one(driver)
    assert (claim.task, claim.payload, claim.priority, claim.expires_at) == (
        "module.task",
        b"payload",
        7,
        9_999_999_999.5,
    )


async def check_promotions_at_once_queue_each_job_once(stage: Stage) -> None:
    drivers = [await stage.driver() for _ in range(4)]
    await drivers[0].enqueue([NewJob(f"job-{n}", "task", b"", delay=10 + n) for n in range(100)])
    await drivers[0].shift(1_000)
    await asyncio.gather(*(driver.promote(100) for driver in drivers))
    await expect_counts(drivers[0], queued=100)


async def check_the_schedule_is_listed_by_due_time(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(due_after(third=30, first=10, second=20))
    assert ids_of(await whole_shelf(driver, "scheduled")) == ["first", "second", "third"]


async def check_the_clock_is_moved_for_every_driver(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    before = await other.now()
    await driver.shift(1_000)
    await driver.shift(500.5)
    late = await stage.driver()
    for each in (driver, other, late):
        assert before + 1_500.4 < await each.now() < before + 1_500.5 + 60
    await other.enqueue(plain("now"))
    await other.enqueue(
        [NewJob("ahead", "task", b"", eta=before + 2_000), NewJob("past", "task", b"", eta=before + 1_000)]
    )
    await expect_line(driver, ["now", "past"])
