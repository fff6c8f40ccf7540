"""Rate limits: exact, over a window that slides."""

from __future__ import annotations

import asyncio
from itertools import cycle, islice

from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import AGES


async def check_uses_up_to_the_limit(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    assert [await each.spend("rate", 3, 100) for each in (driver, other, driver)] == [0.0] * 3
    assert 90 < await other.spend("rate", 3, 100) <= 100


async def check_a_refusal_uses_nothing(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.spend("rate", 1, 100)
    await driver.shift(50)
    for _ in range(3):
        assert 40 < await driver.spend("rate", 1, 100) <= 50
    await driver.shift(60)
    assert await driver.spend("rate", 1, 100) == 0.0


async def check_a_window_may_last_for_ages(stage: Stage) -> None:
    driver = await stage.driver()
    for per in AGES:
        assert await driver.spend(f"rate {per}", 1, per) == 0.0
        await driver.shift(60)
        assert await driver.spend(f"rate {per}", 1, per) > 3600


async def check_the_window_slides(stage: Stage) -> None:
    driver = await stage.driver()
    assert await driver.spend("rate", 2, 100) == 0.0
    await driver.shift(60)
    assert await driver.spend("rate", 2, 100) == 0.0
    assert 30 < await driver.spend("rate", 2, 100) <= 40
    await driver.shift(50)
    assert await driver.spend("rate", 2, 100) == 0.0
    assert 40 < await driver.spend("rate", 2, 100) <= 50


async def check_after_the_answer_there_is_a_use(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.spend("rate", 1, 1_000)
    for _ in range(3):
        seconds = await driver.spend("rate", 1, 1_000)
        await driver.shift(seconds - 30)
        assert 0 < await driver.spend("rate", 1, 1_000) <= 30
        await driver.shift(30.01)
        assert await driver.spend("rate", 1, 1_000) == 0.0


async def check_no_window_sees_more_than_the_limit(stage: Stage) -> None:
    driver = await stage.driver()
    time, uses = 0.0, list[float]()
    for step in islice(cycle((0, 0, 10, 30, 0, 20, 0, 0, 50, 10)), 60):
        time += step
        await driver.shift(step)
        free = len([use for use in uses if use > time - 95]) < 4  # at 95, real seconds cannot tip the scale
        assert (await driver.spend("rate", 4, 95) == 0.0) == free
        uses += [time] * free


async def check_short_windows(stage: Stage) -> None:
    driver = await stage.driver()
    assert await driver.spend("rate", 1, 0.05) == 0.0
    async with asyncio.timeout(20):
        while seconds := await driver.spend("rate", 1, 0.05):
            assert 0 < seconds <= 0.05
            await asyncio.sleep(seconds)


async def check_names_have_their_own_uses(stage: Stage) -> None:
    driver = await stage.driver()
    names = ["rate", "é✓😀", "a:b", "{tag}", "'\"", "x" * 300]
    assert [await driver.spend(name, 1, 100) for name in names] == [0.0] * len(names)
    assert all([await driver.spend(name, 1, 100) for name in names])


async def check_of_many_at_once_so_many_are_let_through(stage: Stage) -> None:
    drivers = [await stage.driver(), await stage.driver()]
    seconds = await asyncio.gather(*(drivers[number % 2].spend("rate", 7, 1_000) for number in range(30)))
    assert seconds.count(0.0) == 7


async def check_uses_count_when_drivers_close(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.spend("rate", 1, 1_000)
    await driver.close()
    other = await stage.driver()
    assert await other.spend("rate", 1, 1_000) > 0


async def check_queues_keep_their_rates_apart(stage: Stage) -> None:
    one, other = await stage.driver("one"), await stage.driver("other")
    await one.spend("rate", 1, 1_000)
    assert await other.spend("rate", 1, 1_000) == 0.0
