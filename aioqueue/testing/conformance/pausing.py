"""Pausing: claims of a queue give nothing, everything else goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aioqueue.drivers.base import NewJob
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import (
    BOUND,
    admissions,
    expect_counts,
    expect_line,
    hire,
    ids_of,
    make_suspects,
    plain,
    run_one,
    success,
    take,
    tokens,
)
from aioqueue.testing.conformance.waiting import LONG, calm, expect_wake


async def check_a_paused_queue_gives_nothing(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await make_suspects(driver, *plain("suspect"))
    await driver.enqueue(plain("a", "b"))
    await other.pause()
    await hire(driver)
    await hire(other, "other")
    claimed = await driver.claim("worker", 1, 10, 10)
    assert (claimed.jobs, claimed.more) == ([], False)
    assert await take(other, "other") == []
    await expect_line(driver, ["suspect", "a", "b"])


async def check_a_resumed_queue_gives_jobs_again(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await driver.enqueue(plain("a", "b"))
    await hire(driver)
    await driver.pause()
    assert await take(driver, batch=1) == []
    await other.resume()
    assert ids_of(await take(driver, batch=2)) == ["a", "b"]


async def check_a_pause_is_seen_everywhere(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    assert not await driver.is_paused()
    await driver.pause()
    await driver.pause()
    assert [await each.is_paused() for each in (driver, other)] == [True, True]
    await other.resume()
    await other.resume()
    assert [await each.is_paused() for each in (driver, other)] == [False, False]


async def check_a_pause_and_its_end_wake(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await expect_wake(driver, other.pause)
    await expect_wake(driver, other.resume)


async def expect_all_wake(stage: Stage, news: Callable[[], Awaitable[object]]) -> None:
    """Check that `news` ends the waits of several drivers."""
    drivers = [await stage.driver() for _ in range(3)]
    for number, driver in enumerate(drivers):
        await hire(driver, f"sleeper-{number}")
        await calm(driver, f"sleeper-{number}")
    async with asyncio.timeout(BOUND), asyncio.TaskGroup() as group:
        for number, driver in enumerate(drivers):
            group.create_task(driver.wait(f"sleeper-{number}", LONG))
        await asyncio.sleep(0.1)  # so that all wait, mostly
        await news()


async def check_a_pause_wakes_all(stage: Stage) -> None:
    await expect_all_wake(stage, (await stage.driver()).pause)


async def check_the_end_of_a_pause_wakes_all(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.pause()
    await expect_all_wake(stage, driver.resume)


async def check_a_paused_queue_takes_jobs(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.pause()
    assert await admissions(driver, [*plain("a"), NewJob("later", "task", b"", delay=100)]) == ["accepted"] * 2
    await hire(driver)
    due_in = (await driver.claim("worker", 1, 10, 10)).due_in
    assert due_in is not None
    assert 90 < due_in <= 100
    await driver.shift(200)
    assert await driver.promote(10) is None
    await expect_line(driver, ["a", "later"])


async def check_running_jobs_go_on(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(plain("a", "b"))
    await hire(driver)
    first, second = await take(driver)
    await driver.pause()
    assert await driver.claims("worker") == tokens([first, second])
    assert (await driver.renew("worker")).alive
    assert await driver.settle("worker", [success(first)]) == ["settled"]
    assert await driver.release("worker", tokens([second])) == 1
    await expect_line(driver, ["b"])


async def check_a_pause_stays_when_drivers_close_and_queues_are_flushed(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.pause()
    await driver.flush()
    await driver.close()
    other = await stage.driver()
    assert await other.is_paused()
    await other.enqueue(plain("a"))
    await hire(other)
    assert await take(other) == []


async def check_queues_pause_apart(stage: Stage) -> None:
    one, other = await stage.driver("one"), await stage.driver("other")
    await one.pause()
    assert not await other.is_paused()
    await run_one(other, "a")
    await expect_counts(other, running=1)
