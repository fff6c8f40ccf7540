"""Unique keys: while a live job has one, no other of it is stored."""

from __future__ import annotations

import asyncio

from aioqueue.drivers.base import Admitted, Again, Ended, Finished, NewChord, NewJob
from aioqueue.states import TERMINAL, JobState
from aioqueue.testing.conformance.cancelling import TURNS, cut_off
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import (
    admissions,
    expect_counts,
    expect_line,
    expect_states,
    hire,
    make_suspects,
    numbered,
    reap,
    success,
    take_one,
    tokens,
)


def keyed(job_id: str, key: str = "key", delay: float = 0.0) -> NewJob:
    """Return a job with a key."""
    return NewJob(job_id, "task", b"", delay=delay, unique=key)


HELD = [Admitted("present", "holder")]


async def check_a_key_names_the_job_that_has_it(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    assert await driver.enqueue([keyed("holder")]) == [Admitted("accepted", "holder")]
    assert await other.enqueue([keyed("second"), keyed("third", "other")]) == [*HELD, Admitted("accepted", "third")]
    await expect_states(driver, {"second": JobState.UNKNOWN})
    await expect_line(driver, ["holder", "third"])


async def check_one_call_stores_a_key_once(stage: Stage) -> None:
    driver = await stage.driver()
    answers = await driver.enqueue([keyed("holder"), keyed("second"), keyed("holder")])
    assert answers == [Admitted("accepted", "holder"), *HELD, *HELD]
    await expect_line(driver, ["holder"])


async def check_no_key_is_no_key(stage: Stage) -> None:
    driver = await stage.driver()
    assert await admissions(driver, [keyed("a", ""), keyed("b", "")]) == ["accepted", "accepted"]


async def check_a_known_id_counts_before_its_key(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([keyed("holder"), keyed("other", "other")])
    assert await driver.enqueue([keyed("other")]) == [Admitted("present", "other")]
    await hire(driver)
    claim = await take_one(driver)
    await driver.settle("worker", [success(claim)])
    assert await driver.enqueue([keyed("holder")]) == [Admitted("finished", "holder")]


async def check_a_key_is_kept_as_long_as_its_job_lives(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([keyed("holder", delay=100)])
    assert await driver.enqueue([keyed("second")]) == HELD
    assert await driver.reschedule("holder", 50, 0)
    await driver.shift(200)
    await driver.promote(1)
    await hire(driver)
    claim = await take_one(driver)
    assert await driver.enqueue([keyed("second")]) == HELD
    await driver.release("worker", tokens([claim]))
    claim = await take_one(driver, batch=2)
    await driver.settle("worker", [Again("holder", claim.token)])
    assert await driver.enqueue([keyed("second")]) == HELD
    await take_one(driver, batch=3)
    await reap(driver, "worker")
    assert await driver.enqueue([keyed("second")]) == HELD


async def check_a_suspect_keeps_its_key(stage: Stage) -> None:
    driver = await stage.driver()
    await make_suspects(driver, keyed("holder"))
    assert await driver.enqueue([keyed("second")]) == HELD


async def check_a_callback_that_waits_has_its_key(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([], [NewChord(keyed("holder"), 1)])
    assert await driver.enqueue([keyed("second")]) == HELD
    assert await driver.cancel(Ended("holder", JobState.CANCELLED)) == "cancelled"
    assert await admissions(driver, [keyed("second")]) == ["accepted"]


async def check_every_end_frees_a_key(stage: Stage) -> None:
    driver = await stage.driver()
    await hire(driver)
    for batch, state in enumerate(sorted(TERMINAL), 1):
        assert await admissions(driver, [keyed(state)]) == ["accepted"]
        claim = await take_one(driver, batch=batch)
        reason = "reason" if state is JobState.FAILED else ""
        await driver.settle("worker", [Finished(claim.id, claim.token, state, b"", 60.0, dead_reason=reason)])


async def check_a_cancelled_job_frees_its_key(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    for job_id, delay in (("queued", 0.0), ("scheduled", 100.0)):
        await driver.enqueue([keyed(job_id, delay=delay)])
        assert await other.cancel(Ended(job_id, JobState.CANCELLED)) == "cancelled"
    assert await admissions(driver, [keyed("next")]) == ["accepted"]


async def check_a_successor_meets_a_key(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([NewJob("a", "task", b""), keyed("holder")])
    await hire(driver)
    claim = await take_one(driver)
    outcome = Finished("a", claim.token, JobState.SUCCEEDED, b"", 60.0, (keyed("second"),))
    assert await driver.settle("worker", [outcome]) == ["settled"]
    await expect_states(driver, {"second": JobState.UNKNOWN})
    await expect_line(driver, ["holder"])


async def check_a_successor_may_take_over_the_key(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([keyed("a")])
    await hire(driver)
    claim = await take_one(driver)
    outcome = Finished("a", claim.token, JobState.SUCCEEDED, b"", 60.0, (keyed("holder"),))
    assert await driver.settle("worker", [outcome]) == ["settled"]
    assert await driver.enqueue([keyed("third")]) == HELD


async def check_of_many_at_once_one_is_stored(stage: Stage) -> None:
    drivers = [await stage.driver(), await stage.driver()]
    calls = [drivers[number % 2].enqueue([keyed(f"job-{number}")]) for number in range(20)]
    answers = [answer for (answer,) in await asyncio.gather(*calls)]
    assert [answer.admission for answer in answers].count("accepted") == 1
    assert len({answer.id for answer in answers}) == 1
    await expect_counts(drivers[0], queued=1)


async def check_a_cancelled_enqueue_of_a_key(stage: Stage) -> None:
    driver = await stage.driver()
    for turns in TURNS:
        jobs = [keyed(f"job-{turns}", f"key-{turns}")]
        await cut_off(driver.enqueue(jobs), turns)
        assert await admissions(driver, jobs) in (["accepted"], ["present"])
    await expect_counts(driver, queued=len(TURNS))


async def check_queues_keep_their_keys_apart(stage: Stage) -> None:
    one, other = await stage.driver("one"), await stage.driver("other")
    await one.enqueue([keyed("a")])
    assert await admissions(other, [keyed("b")]) == ["accepted"]


async def check_unique_keys_are_any_text(stage: Stage) -> None:
    driver = await stage.driver()
    keys = ["é✓😀", "a:b", "{tag}", "%s", "'\"", "x" * 300, " ", "0"]
    await driver.enqueue([keyed(f"first-{number}", key) for number, key in enumerate(keys)])
    answers = await driver.enqueue([keyed(f"second-{number}", key) for number, key in enumerate(keys)])
    assert answers == [Admitted("present", f"first-{number}") for number in range(len(keys))]


async def check_many_keys_in_one_call(stage: Stage) -> None:
    driver = await stage.driver()
    jobs = [keyed(job.id, f"key-of-{job.id}") for job in numbered(1_500)]
    assert await admissions(driver, jobs) == ["accepted"] * 1_500
    twins = [keyed(f"twin-of-{job.id}", job.unique) for job in jobs]
    assert await driver.enqueue(twins) == [Admitted("present", job.id) for job in jobs]
