"""Firing: each slot of a schedule gives one job, over all workers."""

from __future__ import annotations

import asyncio

from aioqueue.drivers.base import Driver, NewJob
from aioqueue.states import JobState
from aioqueue.testing.conformance.cancelling import TURNS, cut_off
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import (
    expect_counts,
    expect_line,
    expect_states,
    hire,
    plain,
    success,
    take_one,
)
from aioqueue.testing.conformance.waiting import expect_wake

SLOT = 1_700_000_000.25


async def fire(driver: Driver, slot: float, job_id: str, schedule: str = "schedule") -> bool:
    """Fire one slot with a job of this id."""
    return await driver.fire(schedule, slot, NewJob(job_id, "task", job_id.encode()))


async def check_a_slot_gives_its_job(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    assert await driver.last_slots(["schedule"]) == [None]
    assert await fire(driver, SLOT, "a")
    assert await other.last_slots(["schedule"]) == [SLOT]
    await expect_line(other, ["a"])
    await hire(driver)
    assert (await take_one(driver)).payload == b"a"


async def check_a_slot_fires_once(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    assert await fire(driver, SLOT, "a")
    assert not await fire(other, SLOT, "b")
    assert not await fire(driver, SLOT, "b")
    await expect_line(driver, ["a"])
    await expect_states(driver, {"b": JobState.UNKNOWN})


async def check_slots_only_go_on(stage: Stage) -> None:
    driver = await stage.driver()
    assert await fire(driver, SLOT, "a")
    assert not await fire(driver, SLOT - 60, "before")
    assert await driver.last_slots(["schedule"]) == [SLOT]
    assert await fire(driver, SLOT + 60, "b")
    assert not await fire(driver, SLOT + 30, "between")
    assert await driver.last_slots(["schedule"]) == [SLOT + 60]
    await expect_line(driver, ["a", "b"])


async def check_a_slot_ahead_is_refused(stage: Stage) -> None:
    driver = await stage.driver()
    slot = await driver.now() + 100
    assert not await fire(driver, slot, "a")
    assert await driver.last_slots(["schedule"]) == [None]
    await expect_counts(driver)
    await driver.shift(200)
    assert await fire(driver, slot, "a")


async def check_a_slot_may_be_a_little_ahead(stage: Stage) -> None:
    driver = await stage.driver()
    assert await fire(driver, await driver.now() + 0.9, "a")
    await expect_line(driver, ["a"])


async def check_a_fire_may_be_sent_again(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    assert await fire(driver, SLOT, "a")
    assert await fire(other, SLOT, "a")
    await expect_line(driver, ["a"])
    await hire(driver)
    await driver.settle("worker", [success(await take_one(driver))])
    assert await fire(driver, SLOT, "a")
    await expect_counts(driver)
    await driver.shift(10_000)
    assert await fire(driver, SLOT, "a")
    await expect_counts(driver)
    assert await fire(driver, SLOT + 60, "b")
    assert not await fire(driver, SLOT, "a")
    await expect_line(driver, ["b"])


async def check_schedules_have_their_own_slots(stage: Stage) -> None:
    driver = await stage.driver()
    names = ["one", "two", "é✓😀", "{tag}", "a:b", "x" * 300]
    for number, name in enumerate(names):
        assert await fire(driver, SLOT + number, name, name)
    slots = await driver.last_slots([*reversed(names), "none", "one"])
    assert slots == [*reversed([SLOT + number for number in range(len(names))]), None, SLOT]
    assert await driver.last_slots([]) == []


async def check_a_slot_is_told_exactly(stage: Stage) -> None:
    driver = await stage.driver()
    slots = [1.0, 1_699_999_999.999999, 1_700_000_000.123456]
    for number, slot in enumerate(slots):
        assert await fire(driver, slot, f"job-{number}")
        assert await driver.last_slots(["schedule"]) == [slot]
        assert await fire(driver, slot, f"job-{number}")


async def check_a_fire_wakes(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await expect_wake(driver, lambda: fire(other, SLOT, "a"))


async def check_the_job_of_a_slot_may_have_a_delay(stage: Stage) -> None:
    driver = await stage.driver()
    assert await driver.fire("schedule", SLOT, NewJob("a", "task", b"", delay=100))
    await expect_counts(driver, scheduled=1)


async def check_a_slot_whose_job_is_there_has_fired(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(plain("a"))
    assert await fire(driver, SLOT, "a")
    await expect_line(driver, ["a"])
    assert await driver.last_slots(["schedule"]) == [SLOT]


async def check_of_many_workers_one_fires(stage: Stage) -> None:
    drivers = [await stage.driver(), await stage.driver()]
    for slot in (SLOT, SLOT + 60):
        calls = [fire(drivers[number % 2], slot, f"{slot}-{number}") for number in range(20)]
        assert (await asyncio.gather(*calls)).count(True) == 1
    await expect_counts(drivers[0], queued=2)


async def check_a_fire_that_is_cut_off(stage: Stage) -> None:
    driver = await stage.driver()
    for number, turns in enumerate(TURNS):
        await cut_off(fire(driver, SLOT + number, f"job-{number}"), turns)
        assert await fire(driver, SLOT + number, f"job-{number}")
    await expect_counts(driver, queued=len(TURNS))


async def check_slots_stay_when_drivers_close(stage: Stage) -> None:
    driver = await stage.driver()
    await fire(driver, SLOT, "a")
    await driver.close()
    other = await stage.driver()
    assert await other.last_slots(["schedule"]) == [SLOT]
    assert not await fire(other, SLOT, "b")


async def check_queues_fire_apart(stage: Stage) -> None:
    one, other = await stage.driver("one"), await stage.driver("other")
    assert await fire(one, SLOT, "a")
    assert await other.last_slots(["schedule"]) == [None]
    assert await fire(other, SLOT, "b")
