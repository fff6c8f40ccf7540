"""Release: jobs go back as if they had not been claimed."""

from __future__ import annotations

from msgspec.structs import replace

from aioqueue.drivers.base import NewJob
from aioqueue.states import JobState
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import (
    expect_counts,
    expect_line,
    hire,
    ids_of,
    make_suspects,
    numbered,
    plain,
    run_one,
    success,
    take,
    take_one,
    tokens,
)


async def check_released_jobs_stand_at_the_head_in_their_order(stage: Stage) -> None:
    driver = await stage.driver()
    jobs = [NewJob("high", "task", b"", 1), *numbered(4), NewJob("low", "task", b"", -1)]
    await driver.enqueue(jobs)
    await hire(driver)
    claims = await take(driver, limit=4)
    assert await driver.release("worker", tokens(claims)) == 4
    await expect_line(driver, ids_of(jobs))
    assert await driver.claims("worker") == {}
    assert await take(driver, limit=4) == []
    assert ids_of(await take(driver, batch=2)) == ids_of(jobs)


async def check_a_release_counts_nothing(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    before = await driver.job("a")
    await driver.release("worker", tokens([claim]))
    after = await driver.job("a")
    assert before is not None
    assert after == replace(before, state=JobState.QUEUED, incarnation="")
    again = await take_one(driver, batch=2)
    assert (again.deliveries, again.deferrals, again.payload) == (0, 0, claim.payload)
    assert again.token != claim.token


async def check_a_released_suspect_stays_a_suspect(stage: Stage) -> None:
    driver = await stage.driver()
    await make_suspects(driver, *plain("a"))
    await driver.enqueue(plain("b"))
    await hire(driver)
    claim = await take_one(driver)
    assert await driver.release("worker", tokens([claim])) == 1
    await expect_line(driver, ["a", "b"])
    assert ids_of(await take(driver, batch=2, suspects=0)) == ["b"]
    assert (await take_one(driver, batch=3)).deliveries == 1


async def check_only_what_is_held_is_released(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(plain("held", "wrong-token", "done"))
    await hire(driver)
    held, wrong, done = await take(driver)
    await driver.settle("worker", [success(done)])
    asked = {**tokens([held, done]), "wrong-token": wrong.token + 1_000, "unheard-of": 1}
    assert await driver.release("worker", asked) == 1
    await expect_counts(driver, queued=1, running=1)
    assert await driver.claims("worker") == tokens([wrong])


async def check_a_repeated_release_does_nothing(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    assert await driver.release("worker", tokens([claim])) == 1
    assert await driver.release("worker", tokens([claim])) == 0
    await hire(driver, "other")
    later = await take_one(driver, "other")
    assert await driver.release("worker", tokens([claim])) == 0
    assert await driver.claims("other") == tokens([later])


async def check_another_incarnation_releases_nothing(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    await hire(driver, "thief")
    assert await driver.release("thief", tokens([claim])) == 0
    assert await driver.release("nobody", tokens([claim])) == 0
    assert await driver.claims("worker") == tokens([claim])
