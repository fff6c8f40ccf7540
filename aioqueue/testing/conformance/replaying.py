"""Replay: a dead letter goes, a new job comes, in one step."""

from __future__ import annotations

import asyncio

from aioqueue.drivers.base import DEAD_LETTER_TTL, Driver, Finished, NewJob
from aioqueue.states import JobState
from aioqueue.testing.conformance.cancelling import TURNS, cut_off
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import (
    expect_counts,
    expect_line,
    expect_states,
    hire,
    ids_of,
    plain,
    success,
    take,
    take_one,
    whole_shelf,
)
from aioqueue.testing.conformance.waiting import expect_wake


async def bury(driver: Driver, *ids: str) -> None:
    """Let jobs fail for good."""
    await driver.enqueue(plain(*ids))
    worker = await hire(driver, f"worker-of-{ids[0]}")
    outcomes = [
        Finished(claim.id, claim.token, JobState.FAILED, b"error", 60.0, dead_reason="reason")
        for claim in await take(driver, worker, limit=len(ids))
    ]
    assert set(await driver.settle(worker, outcomes)) == {"settled"}


def anew(job_id: str = "new") -> NewJob:
    """Return the job that takes the place of a dead letter."""
    return NewJob(job_id, "task", b"anew", priority=3)


async def check_a_replay_makes_a_job_of_a_letter(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await bury(driver, "old", "other")
    assert await other.replay("old", anew())
    assert ids_of(await whole_shelf(driver, "dead")) == ["other"]
    assert await driver.job("old") is None
    await expect_counts(driver, queued=1, dead=1)
    await hire(driver)
    claim = await take_one(driver)
    assert (claim.id, claim.payload, claim.priority, claim.deliveries) == ("new", b"anew", 3, 0)


async def check_the_old_job_stays_failed(stage: Stage) -> None:
    driver = await stage.driver()
    await bury(driver, "old")
    await driver.replay("old", anew())
    await expect_states(driver, {"old": JobState.FAILED, "new": JobState.QUEUED})
    (settled,) = await driver.results(["old"])
    assert settled is not None
    assert settled.outcome == b"error"


async def check_only_a_dead_letter_is_replayed(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(plain("done", "running"))
    await hire(driver)
    done, _ = await take(driver)
    await driver.settle("worker", [success(done)])
    await driver.enqueue([*plain("queued"), NewJob("scheduled", "task", b"", delay=100)])
    for job_id in ("done", "running", "queued", "scheduled", "unheard-of"):
        assert not await driver.replay(job_id, anew())
    await expect_states(driver, {"new": JobState.UNKNOWN, "done": JobState.SUCCEEDED})
    await expect_counts(driver, queued=1, scheduled=1, running=1)


async def check_a_replay_may_be_sent_again(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await bury(driver, "old")
    assert await driver.replay("old", anew())
    assert await other.replay("old", anew())
    await expect_line(driver, ["new"])
    await hire(driver)
    await driver.settle("worker", [success(await take_one(driver))])
    assert await driver.replay("old", anew())
    await expect_states(driver, {"new": JobState.SUCCEEDED})
    await expect_counts(driver)


async def check_a_letter_is_replayed_once(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await bury(driver, "old")
    replays = [(driver if number % 2 else other).replay("old", anew(f"new-{number}")) for number in range(10)]
    assert (await asyncio.gather(*replays)).count(True) == 1
    await expect_counts(driver, queued=1)


async def check_a_replay_wakes(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await bury(driver, "old")
    await expect_wake(driver, lambda: other.replay("old", anew()))


async def check_a_replay_may_be_scheduled(stage: Stage) -> None:
    driver = await stage.driver()
    await bury(driver, "old")
    assert await driver.replay("old", NewJob("new", "task", b"", delay=100))
    await expect_counts(driver, scheduled=1)


async def check_an_old_letter_is_gone(stage: Stage) -> None:
    driver = await stage.driver()
    await bury(driver, "old")
    await driver.shift(DEAD_LETTER_TTL + 60)
    assert not await driver.replay("old", anew())
    await expect_counts(driver)


async def check_a_replay_that_is_cut_off(stage: Stage) -> None:
    driver = await stage.driver()
    for turns in TURNS:
        await bury(driver, f"old-{turns}")
        await cut_off(driver.replay(f"old-{turns}", anew(f"new-{turns}")), turns)
        assert await driver.replay(f"old-{turns}", anew(f"new-{turns}"))
        await take_away(driver, f"new-{turns}")
    await expect_counts(driver, running=len(TURNS))


async def take_away(driver: Driver, job_id: str) -> None:
    """Claim the one job there must be, with a worker of its own."""
    claim = await take_one(driver, await hire(driver, f"worker-of-{job_id}"))
    assert claim.id == job_id


async def check_queues_replay_apart(stage: Stage) -> None:
    one, other = await stage.driver("one"), await stage.driver("other")
    await bury(one, "old")
    assert not await other.replay("old", anew())
    await expect_counts(one, dead=1)
