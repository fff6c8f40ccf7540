"""Reschedule: another due time for a job that is not due yet."""

from __future__ import annotations

from aioqueue.drivers.base import Driver, NewJob
from aioqueue.states import JobState
from aioqueue.testing.conformance.cancelling import TURNS, cut_off
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import (
    expect_counts,
    expect_line,
    expect_states,
    ids_of,
    plain,
    run_one,
    success,
    take_one,
    whole_shelf,
)
from aioqueue.testing.conformance.waiting import expect_wake


async def due_at(driver: Driver, job_id: str) -> float:
    """Return when a scheduled job is due."""
    stored = await driver.job(job_id)
    assert stored is not None
    assert stored.state is JobState.SCHEDULED
    return stored.due_at


async def check_a_scheduled_job_gets_another_due_time(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    now = await driver.now()
    jobs = [NewJob(job_id, "task", b"payload", delay=delay) for job_id, delay in (("a", 100), ("b", 200), ("c", 300))]
    await driver.enqueue(jobs)
    assert await other.reschedule("a", 1_000, 0)
    assert await other.reschedule("c", 0, now + 50)
    assert now + 999 < await due_at(driver, "a") < now + 1_100
    assert abs(await due_at(driver, "c") - (now + 50)) < 0.01
    assert ids_of(await whole_shelf(driver, "scheduled")) == ["c", "b", "a"]
    await driver.shift(250)
    due_in = await driver.promote(10)
    assert due_in is not None
    assert 600 < due_in <= 750
    await expect_line(driver, ["c", "b"])


async def check_an_eta_comes_before_a_delay(stage: Stage) -> None:
    driver = await stage.driver()
    now = await driver.now()
    await driver.enqueue([NewJob("a", "task", b"", delay=100)])
    assert await driver.reschedule("a", 50, now + 700)
    assert abs(await due_at(driver, "a") - (now + 700)) < 0.01


async def check_a_job_that_is_due_is_queued(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([NewJob(job_id, "task", b"", delay=100) for job_id in ("now", "past", "later")])
    assert await driver.reschedule("now", 0, 0)
    assert await driver.reschedule("past", 0, await driver.now() - 100)
    await expect_line(driver, ["now", "past"])
    await expect_counts(driver, queued=2, scheduled=1)


async def check_only_a_scheduled_job_is_rescheduled(stage: Stage) -> None:
    driver = await stage.driver()
    done = await run_one(driver, "done")
    await driver.settle("worker", [success(done)])
    await driver.enqueue(plain("running"))
    await take_one(driver, batch=2)
    await driver.enqueue(plain("queued"))
    for job_id in ("done", "running", "queued", "unheard-of"):
        assert not await driver.reschedule(job_id, 100, 0)
    await expect_states(driver, {"done": JobState.SUCCEEDED, "unheard-of": JobState.UNKNOWN})
    await expect_counts(driver, queued=1, running=1)


async def check_a_reschedule_may_be_sent_again(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([NewJob("a", "task", b"", delay=100)])
    eta = await driver.now() + 500
    assert [await driver.reschedule("a", 0, eta) for _ in range(3)] == [True] * 3
    assert abs(await due_at(driver, "a") - eta) < 0.01
    await expect_counts(driver, scheduled=1)


async def check_a_reschedule_wakes(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await driver.enqueue([NewJob("near", "task", b"", delay=500), NewJob("far", "task", b"", delay=1_000)])
    await expect_wake(driver, lambda: other.reschedule("far", 100, 0))
    await expect_wake(driver, lambda: other.reschedule("near", 0, 0))


async def check_a_reschedule_keeps_everything_else(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([NewJob("a", "task", b"payload", priority=3, delay=100, expires_in=5_000)])
    before = await driver.job("a")
    assert await driver.reschedule("a", 0, 0)
    after = await driver.job("a")
    assert before is not None
    assert after is not None
    assert (after.task, after.payload, after.priority, after.expires_at, after.deliveries) == (
        before.task,
        before.payload,
        before.priority,
        before.expires_at,
        before.deliveries,
    )


async def check_a_reschedule_that_is_cut_off(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([NewJob("a", "task", b"", delay=100)])
    for turns in TURNS:
        await cut_off(driver.reschedule("a", 200 + turns, 0), turns)
        assert await driver.reschedule("a", 200 + turns, 0)
    await expect_counts(driver, scheduled=1)
