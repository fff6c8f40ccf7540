"""Canvas: later stages that wait for their job to end, and what takes or ends them."""

from __future__ import annotations

from aioqueue.drivers.base import DONE_MARKER_TTL, Again, Claim, Driver, Ended, Finished, NewJob, Settled
from aioqueue.states import JobState
from aioqueue.testing.conformance.results import listening, watching
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import (
    EVERY_BYTE,
    admissions,
    expect_counts,
    expect_line,
    expect_states,
    expect_waiting,
    hire,
    ids_of,
    plain,
    reap,
    run_one,
    success,
    take,
    take_one,
    tokens,
)
from aioqueue.testing.conformance.waiting import expect_wake


async def run_first(driver: Driver, job_id: str, *stages: str) -> Claim:
    """Enqueue a job that later stages wait for, and let a fresh worker claim it."""
    await driver.enqueue([NewJob(job_id, "task", b"", waits=stages)])
    await hire(driver)
    return await take_one(driver)


def then(claim: Claim, *successors: NewJob, ends: tuple[Ended, ...] = ()) -> Finished:
    """Return the outcome of a job that is followed by others."""
    return Finished(claim.id, claim.token, JobState.SUCCEEDED, b"value", 60, successors, ends=ends)


async def check_later_stages_wait(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    assert await admissions(driver, [NewJob("a", "task", b"", waits=("b", "c"))]) == ["accepted"]
    await expect_waiting(other, "b", "c")
    await expect_counts(driver, queued=1)
    await hire(driver)
    assert ids_of(await take(driver)) == ["a"]


async def check_what_waits_is_not_scheduled(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([NewJob("a", "task", b"", waits=("b",))])
    await driver.shift(1_000)
    await hire(driver)
    assert await driver.promote(10) is None
    assert (await driver.claim("worker", 1, 10, 1)).due_in is None
    assert not await driver.reschedule("b", 0, 0)
    await expect_waiting(driver, "b")


async def check_a_stage_that_waits_is_present(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([NewJob("a", "task", b"", waits=("b",))])
    assert await admissions(driver, plain("b")) == ["present"]
    await expect_waiting(driver, "b")
    await expect_line(driver, ["a"])


async def check_a_scheduled_job_has_stages_too(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([NewJob("a", "task", b"", delay=100, waits=("b",))])
    await expect_counts(driver, scheduled=1)
    await driver.shift(200)
    assert await driver.promote(10) is None
    await expect_waiting(driver, "b")


async def check_the_stages_of_a_refused_job_do_not_wait(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "done")
    await driver.settle("worker", [success(claim)])
    await driver.enqueue([NewJob("live", "task", b"", unique="key")])
    refused = [
        NewJob("done", "task", b"", waits=("after-done",)),
        NewJob("live", "task", b"", waits=("after-live",)),
        NewJob("same-key", "task", b"", unique="key", waits=("after-same-key",)),
    ]
    await driver.enqueue(refused)
    await expect_states(driver, dict.fromkeys(("after-done", "after-live", "after-same-key"), JobState.UNKNOWN))


async def check_an_id_that_is_taken_does_not_wait(stage: Stage) -> None:
    driver = await stage.driver()
    done = await run_one(driver, "done")
    await driver.settle("worker", [success(done)])
    await driver.enqueue([*plain("queued"), NewJob("scheduled", "task", b"", delay=1_000)])
    await driver.enqueue([NewJob("a", "task", b"", waits=("done", "queued", "scheduled"))])
    await expect_states(
        driver,
        {"done": JobState.SUCCEEDED, "queued": JobState.QUEUED, "scheduled": JobState.SCHEDULED},
    )
    await expect_counts(driver, queued=2, scheduled=1)


async def check_a_successor_takes_the_place_that_waits(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    claim = await run_first(driver, "a", "b", "c")
    following = NewJob("b", "second", EVERY_BYTE, priority=3, waits=("c",))
    assert await other.settle("worker", [then(claim, following)]) == ["settled"]
    await expect_states(driver, {"a": JobState.SUCCEEDED, "b": JobState.QUEUED})
    await expect_waiting(driver, "c")
    (second,) = await take(driver, batch=2)
    assert (second.id, second.task, second.payload, second.priority) == ("b", "second", EVERY_BYTE, 3)
    await driver.settle("worker", [then(second, *plain("c"))])
    assert ids_of(await take(driver, batch=3)) == ["c"]


async def check_a_successor_that_takes_a_place_wakes(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    claim = await run_first(driver, "a", "b")
    await expect_wake(driver, lambda: other.settle("worker", [then(claim, *plain("b"))]))


async def check_a_successor_with_a_delay_is_scheduled_in_its_place(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_first(driver, "a", "b")
    await driver.settle("worker", [then(claim, NewJob("b", "task", b"", delay=100))])
    await expect_counts(driver, scheduled=1)
    assert await driver.job("b") is not None
    await driver.shift(200)
    assert await driver.promote(10) is None
    await expect_line(driver, ["b"])


async def check_whoever_watches_a_stage_is_told_when_it_has_run(stage: Stage) -> None:
    waiter, driver = await stage.driver(), await stage.driver()
    listener = await listening(waiter)
    claim = await run_first(driver, "a", "b")
    assert await waiter.watch(["b"], 600) == [None]
    await driver.settle("worker", [then(claim, *plain("b"))])
    await driver.settle("worker", [success(await take_one(driver, batch=2), b"second")])
    await listener.hears("b")
    assert listener.heard == {"b": Settled("b", JobState.SUCCEEDED, b"second")}


async def check_the_end_of_a_job_gives_up_the_places_that_wait_for_it(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_first(driver, "a", "b", "c", "d")
    await driver.settle("worker", [then(claim, NewJob("b", "task", b"", waits=("c",)))])
    await expect_states(driver, {"b": JobState.QUEUED, "d": JobState.UNKNOWN})
    await expect_waiting(driver, "c")
    assert await admissions(driver, plain("d")) == ["accepted"]


async def check_stages_wait_as_long_as_their_job_lives(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_first(driver, "a", "b")
    await driver.settle("worker", [Again("a", claim.token)])
    await expect_waiting(driver, "b")
    claim = await take_one(driver, batch=2)
    await driver.release("worker", tokens([claim]))
    await expect_waiting(driver, "b")
    await take_one(driver, batch=3)
    await reap(driver, "worker")
    await expect_waiting(driver, "b")
    await hire(driver, "other")
    await take_one(driver, "other")
    await driver.retire("other")
    await expect_waiting(driver, "b")


async def check_ends_end_what_waits(stage: Stage) -> None:
    waiter, driver = await stage.driver(), await stage.driver()
    listener = await listening(waiter)
    claim = await run_first(driver, "a", "b", "c")
    assert await waiter.watch(["b", "c"], 600) == [None, None]
    ends = (Ended("b", JobState.CANCELLED, EVERY_BYTE, 1_000.0), Ended("c", JobState.FAILED, b"not kept"))
    assert await driver.settle("worker", [then(claim, ends=ends)]) == ["settled"]
    told = [Settled("b", JobState.CANCELLED, EVERY_BYTE), Settled("c", JobState.FAILED, b"")]
    assert await waiter.results(["b", "c"]) == told
    await listener.hears("b", "c")
    assert [listener.heard[settled.id] for settled in told] == told
    assert await admissions(driver, plain("b", "c")) == ["finished", "finished"]
    await expect_counts(driver)


async def check_what_is_left_of_an_ended_stage_fades(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_first(driver, "a", "b", "c")
    ends = (Ended("b", JobState.CANCELLED, b"kept", 2 * DONE_MARKER_TTL), Ended("c", JobState.CANCELLED))
    await driver.settle("worker", [then(claim, ends=ends)])
    await driver.shift(DONE_MARKER_TTL + 60)
    assert await driver.results(["b", "c"]) == [Settled("b", JobState.CANCELLED, b"kept"), None]
    await driver.shift(DONE_MARKER_TTL + 60)
    await expect_states(driver, {"b": JobState.UNKNOWN, "c": JobState.UNKNOWN})


async def check_ends_change_nothing_of_what_does_not_wait(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(plain("a", "running", "done"))
    await hire(driver)
    claim, _, done = await take(driver)
    await driver.settle("worker", [success(done, b"own")])
    await driver.enqueue([*plain("queued"), NewJob("scheduled", "task", b"", delay=1_000)])
    ids = ("running", "done", "queued", "scheduled", "unheard-of")
    before = {job_id: await driver.state(job_id) for job_id in ids}
    ends = tuple(Ended(job_id, JobState.CANCELLED, b"ended", 60) for job_id in ids)
    assert await driver.settle("worker", [then(claim, ends=ends)]) == ["settled"]
    await expect_states(driver, before)
    assert await driver.results(["done"]) == [Settled("done", JobState.SUCCEEDED, b"own")]
    await expect_counts(driver, queued=1, scheduled=1, running=1)


async def check_a_lost_settle_touches_no_stage(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_first(driver, "a", "b", "c")
    outcome = then(claim, *plain("b"), ends=(Ended("c", JobState.CANCELLED),))
    assert await driver.settle("thief", [outcome]) == ["lost"]
    await expect_waiting(driver, "b", "c")
    await expect_counts(driver, running=1)


async def check_a_settle_of_stages_may_be_sent_again(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_first(driver, "a", "b", "c")
    outcome = then(claim, *plain("b"), ends=(Ended("c", JobState.CANCELLED, b"once", 60),))
    assert await driver.settle("worker", [outcome]) == ["settled"]
    assert await driver.settle("worker", [outcome]) == ["already"]
    await expect_line(driver, ["b"])
    (second,) = await take(driver, batch=2)
    await driver.settle("worker", [success(second)])
    assert await driver.settle("worker", [outcome]) == ["already"]
    await expect_states(driver, {"b": JobState.SUCCEEDED, "c": JobState.CANCELLED})
    await expect_counts(driver)


async def check_an_enqueue_of_stages_may_be_sent_again(stage: Stage) -> None:
    driver = await stage.driver()
    job = NewJob("a", "task", b"", waits=("b",))
    assert await admissions(driver, [job, job]) == ["accepted", "present"]
    assert await admissions(driver, [job]) == ["present"]
    await expect_waiting(driver, "b")
    await expect_line(driver, ["a"])


async def check_what_waits_stays_when_drivers_close(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([NewJob("a", "task", b"", waits=("b",))])
    await driver.close()
    other = await stage.driver()
    await expect_waiting(other, "b")
    await watching(other, "b")


async def check_queues_keep_their_stages_apart(stage: Stage) -> None:
    one, other = await stage.driver("one"), await stage.driver("other")
    await one.enqueue([NewJob("a", "task", b"", waits=("b",))])
    assert await other.state("b") is JobState.UNKNOWN
    assert await admissions(other, plain("b")) == ["accepted"]
    await expect_waiting(one, "b")


async def check_many_stages(stage: Stage) -> None:
    driver = await stage.driver()
    stages = tuple(f"stage-{number}" for number in range(300))
    claim = await run_first(driver, "a", *stages)
    await expect_waiting(driver, stages[0], stages[-1])
    await driver.settle("worker", [then(claim, ends=tuple(Ended(each, JobState.CANCELLED) for each in stages))])
    assert {settled and settled.state for settled in await driver.results(stages)} == {JobState.CANCELLED}
