"""Cancelling jobs: those that do not run end at once, those that do are asked."""

from __future__ import annotations

import asyncio

from aioqueue.drivers.base import DONE_MARKER_TTL, Again, Claim, Driver, Ended, Finished, NewChord, NewJob, Settled
from aioqueue.states import JobState
from aioqueue.testing.conformance.cancelling import TURNS, cut_off
from aioqueue.testing.conformance.results import listening
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
    make_suspects,
    numbered,
    plain,
    reap,
    run_one,
    success,
    take,
    take_one,
    tokens,
)


def ended(job_id: str, outcome: bytes = b"cancelled", result_ttl: float = 60.0) -> Ended:
    """Return the end of a cancelled job."""
    return Ended(job_id, JobState.CANCELLED, outcome, result_ttl)


async def one_of_each(driver: Driver) -> tuple[str, ...]:
    """Store a job in each state in which it does not run; return their ids."""
    await make_suspects(driver, *plain("suspect"))
    jobs = [NewJob("queued", "task", b"", waits=("place",)), NewJob("scheduled", "task", b"", delay=100)]
    await driver.enqueue(jobs, [NewChord(NewJob("callback", "task", b""), 1)])
    return ("suspect", "place", "queued", "scheduled", "callback")


async def check_whatever_does_not_run_ends(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    ids = await one_of_each(driver)
    for job_id in ids:
        assert await other.cancel(ended(job_id, EVERY_BYTE)) == "cancelled"
    assert await driver.results(ids) == [Settled(job_id, JobState.CANCELLED, EVERY_BYTE) for job_id in ids]
    await expect_states(driver, dict.fromkeys(ids, JobState.CANCELLED))
    await expect_counts(driver)
    assert await admissions(driver, plain(*ids)) == ["finished"] * len(ids)


async def check_a_cancelled_job_never_runs(stage: Stage) -> None:
    driver = await stage.driver()
    for job_id in await one_of_each(driver):
        await driver.cancel(ended(job_id))
    await driver.shift(200)
    assert await driver.promote(10) is None
    await hire(driver)
    claimed = await driver.claim("worker", 1, 10, 10)
    assert (claimed.jobs, claimed.due_in, claimed.more) == ([], None, False)


async def check_whoever_waits_is_told(stage: Stage) -> None:
    waiter, driver = await stage.driver(), await stage.driver()
    listener = await listening(waiter)
    ids = await one_of_each(driver)
    assert await waiter.watch(ids, 600) == [None] * len(ids)
    for job_id in ids:
        await driver.cancel(ended(job_id))
    await listener.hears(*ids)
    assert listener.heard == {job_id: Settled(job_id, JobState.CANCELLED, b"cancelled") for job_id in ids}


async def check_any_end_can_be_given(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(plain("a"))
    assert await driver.cancel(Ended("a", JobState.EXPIRED, b"too late", 60)) == "cancelled"
    assert await driver.results(["a"]) == [Settled("a", JobState.EXPIRED, b"too late")]


async def check_what_is_left_of_a_cancelled_job_fades(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(plain("kept", "unkept"))
    await driver.cancel(ended("kept", result_ttl=2 * DONE_MARKER_TTL))
    await driver.cancel(ended("unkept", result_ttl=0))
    assert await driver.results(["unkept"]) == [Settled("unkept", JobState.CANCELLED, b"")]
    await driver.shift(DONE_MARKER_TTL + 60)
    assert await driver.results(["kept", "unkept"]) == [Settled("kept", JobState.CANCELLED, b"cancelled"), None]
    await expect_states(driver, {"unkept": JobState.UNKNOWN})
    assert await admissions(driver, plain("unkept")) == ["accepted"]


async def check_the_others_stay_in_line(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(plain("a", "b", "c", "d"))
    await driver.cancel(ended("c"))
    await driver.cancel(ended("a"))
    await expect_line(driver, ["b", "d"])
    await hire(driver)
    assert ids_of(await take(driver)) == ["b", "d"]


async def check_the_next_scheduled_job_is_due(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([NewJob("near", "task", b"", delay=100), NewJob("far", "task", b"", delay=1_000)])
    await driver.cancel(ended("near"))
    due_in = await driver.promote(10)
    assert due_in is not None
    assert 900 < due_in <= 1_000
    await expect_counts(driver, scheduled=1)


async def check_others_end_with_a_job(stage: Stage) -> None:
    waiter, driver = await stage.driver(), await stage.driver()
    listener = await listening(waiter)
    await driver.enqueue([NewJob("a", "task", b"", delay=100, waits=("b", "c", "d"))])
    await waiter.watch(["a", "b", "c"], 600)
    assert await driver.cancel(ended("a"), [ended("b"), Ended("c", JobState.FAILED, b"other", 60)]) == "cancelled"
    told = {"a": ended("a"), "b": ended("b"), "c": Ended("c", JobState.FAILED, b"other")}
    await listener.hears(*told)
    assert listener.heard == {each.id: Settled(each.id, each.state, each.outcome) for each in told.values()}
    await expect_states(driver, {"d": JobState.UNKNOWN})
    await expect_counts(driver)


async def check_what_does_not_wait_does_not_end_with_a_job(stage: Stage) -> None:
    driver = await stage.driver()
    await run_one(driver, "running")
    await driver.enqueue(plain("a", "b"))
    assert await driver.cancel(ended("a"), [ended("b"), ended("running"), ended("unheard-of")]) == "cancelled"
    await expect_states(driver, {"b": JobState.QUEUED, "running": JobState.RUNNING, "unheard-of": JobState.UNKNOWN})
    await expect_counts(driver, queued=1, running=1)


async def check_a_cancel_may_be_sent_again(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([NewJob("a", "task", b"", waits=("b",))])
    assert await driver.cancel(ended("a"), [ended("b")]) == "cancelled"
    assert await driver.cancel(ended("a", b"other"), [ended("b", b"other")]) == "finished"
    assert await driver.results(["a", "b"]) == [Settled(job_id, JobState.CANCELLED, b"cancelled") for job_id in "ab"]


async def check_a_finished_job_is_left_as_it_is(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    await driver.settle("worker", [success(claim)])
    await driver.enqueue([NewJob("other", "task", b"", waits=("place",))])
    assert await driver.cancel(ended("a"), [ended("place")]) == "finished"
    assert await driver.results(["a"]) == [Settled("a", JobState.SUCCEEDED, b"value")]
    await expect_waiting(driver, "place")


async def check_an_unknown_job_is_not_made(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([NewJob("other", "task", b"", waits=("place",))])
    assert await driver.cancel(ended("a"), [ended("place")]) == "unknown"
    await expect_states(driver, {"a": JobState.UNKNOWN})
    assert await driver.results(["a"]) == [None]
    assert await admissions(driver, plain("a")) == ["accepted"]
    await expect_waiting(driver, "place")


async def check_a_running_job_is_asked(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await driver.enqueue(plain("a", "b", "c"))
    await hire(driver)
    await hire(driver, "neighbour")
    a, _ = await take(driver, limit=2)
    await take_one(driver, "neighbour")
    assert await driver.cancellations("worker") == []
    assert (await driver.renew("worker")).cancel == []
    assert await other.cancel(ended("a")) == "asked"
    assert await other.cancel(ended("a")) == "asked"
    assert await driver.cancellations("worker") == ["a"]
    assert (await driver.renew("worker")).cancel == ["a"]
    assert await driver.cancellations("neighbour") == []
    assert (await driver.renew("neighbour")).cancel == []
    await expect_states(driver, {"a": JobState.RUNNING})
    assert await driver.settle("worker", [success(a)]) == ["settled"]
    assert await driver.results(["a"]) == [Settled("a", JobState.SUCCEEDED, b"value")]
    assert await driver.cancellations("worker") == []


async def check_stages_of_a_running_job_are_left_to_its_worker(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([NewJob("a", "task", b"", waits=("b",))])
    await hire(driver)
    claim = await take_one(driver)
    assert await driver.cancel(ended("a"), [ended("b")]) == "asked"
    await expect_waiting(driver, "b")
    outcome = Finished("a", claim.token, JobState.CANCELLED, ends=(ended("b"),))
    assert await driver.settle("worker", [outcome]) == ["settled"]
    await expect_states(driver, {"a": JobState.CANCELLED, "b": JobState.CANCELLED})


async def check_several_running_jobs_are_asked(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(numbered(5))
    await hire(driver)
    await take(driver)
    for job in numbered(5)[1:4]:
        assert await driver.cancel(ended(job.id)) == "asked"
    asked = ids_of(numbered(5)[1:4])
    assert sorted(await driver.cancellations("worker")) == asked
    assert sorted((await driver.renew("worker")).cancel) == asked
    assert await driver.cancellations("unheard-of") == []


async def let_go(driver: Driver, how: str, claim: Claim) -> None:
    """Have the worker's claim end without an end of its job, and see that it was counted."""
    if how == "release":
        assert await driver.release("worker", tokens([claim])) == 1
    elif how == "retire":
        assert await driver.retire("worker") == 1
    elif how == "reap":
        assert await reap(driver, "worker") == 1
    else:
        again = Again(claim.id, claim.token, b"changed", delay=100 if how == "later" else 0)
        assert await driver.settle("worker", [again]) == ["settled"]


WAYS = ("release", "retire", "reap", "again", "later")


async def check_a_job_that_was_asked_never_runs_again(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    for how in WAYS:
        claim = await run_another(driver, how)
        assert await other.cancel(ended(how, EVERY_BYTE)) == "asked"
        await let_go(driver, how, claim)
        await expect_states(driver, {how: JobState.CANCELLED})
        assert await driver.results([how]) == [Settled(how, JobState.CANCELLED, EVERY_BYTE)]
        assert await driver.cancellations("worker") == []
        assert await driver.claims("worker") == {}
        assert await other.cancel(ended(how)) == "finished"
        assert await admissions(driver, plain(how)) == ["finished"]
        await expect_counts(driver)


async def run_another(driver: Driver, job_id: str) -> Claim:
    """Enqueue a job, and let a worker with a lease of its own, and no batch before, claim it."""
    await driver.retire("worker")
    return await run_one(driver, job_id)


async def check_whoever_waits_for_a_job_that_was_asked_is_told(stage: Stage) -> None:
    waiter, driver = await stage.driver(), await stage.driver()
    listener = await listening(waiter)
    for how in WAYS:
        claim = await run_another(driver, how)
        assert await waiter.watch([how], 600) == [None]
        await driver.cancel(ended(how))
        await let_go(driver, how, claim)
    await listener.hears(*WAYS)
    assert listener.heard == {how: Settled(how, JobState.CANCELLED, b"cancelled") for how in WAYS}


async def check_what_waits_for_a_job_that_was_asked_ends_with_it(stage: Stage) -> None:
    driver = await stage.driver()
    for how in WAYS:
        await driver.retire("worker")
        await hire(driver)
        ended_too, forgotten = f"{how} ended", f"{how} forgotten"
        await driver.enqueue([NewJob(how, "task", b"", waits=(ended_too, forgotten), unique="key")])
        claim = await take_one(driver)
        assert await driver.cancel(ended(how), [ended(ended_too, b"with it"), ended("unheard-of")]) == "asked"
        await expect_waiting(driver, ended_too, forgotten)
        await let_go(driver, how, claim)
        assert await driver.results([ended_too]) == [Settled(ended_too, JobState.CANCELLED, b"with it")]
        await expect_states(driver, {forgotten: JobState.UNKNOWN, "unheard-of": JobState.UNKNOWN})
    await expect_counts(driver)
    await driver.enqueue([NewJob("next", "task", b"", unique="key")])
    await expect_line(driver, ["next"])


async def check_neighbours_of_a_job_that_was_asked_go_back(stage: Stage) -> None:
    driver = await stage.driver()
    jobs = numbered(4)
    await driver.enqueue(jobs)
    for batch, how in enumerate(("release", "retire", "reap")):
        await hire(driver)
        claims = await take(driver, batch=batch)
        await driver.cancel(ended(claims[1].id))
        if how == "release":
            assert await driver.release("worker", tokens(claims)) == len(claims)
        else:
            assert await (driver.retire("worker") if how == "retire" else reap(driver, "worker")) == len(claims)
        jobs = [job for job in jobs if job.id != claims[1].id]
        await expect_line(driver, ids_of(jobs))
    await hire(driver, "last")
    assert [claim.deliveries for claim in await take(driver, "last")] == [1]


async def check_a_settle_that_ends_a_job_that_was_asked_may_be_sent_again(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    await driver.cancel(ended("a", result_ttl=0))
    outcome = Again("a", claim.token, delay=100, successors=(NewJob("successor", "task", b""),))
    assert await driver.settle("worker", [outcome]) == ["settled"]
    assert await driver.settle("worker", [outcome]) == ["already"]
    assert await driver.results(["a"]) == [Settled("a", JobState.CANCELLED, b"")]
    await expect_line(driver, ["successor"])
    assert await driver.promote(10) is None


async def check_the_last_request_says_how_a_job_ends(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    await driver.cancel(ended("a"))
    await driver.cancel(Ended("a", JobState.EXPIRED, b"too late", 60))
    await driver.release("worker", tokens([claim]))
    assert await driver.results(["a"]) == [Settled("a", JobState.EXPIRED, b"too late")]


async def check_an_end_of_its_own_is_what_a_job_that_was_asked_has(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    await driver.cancel(ended("a"))
    assert await driver.settle("worker", [success(claim)]) == ["settled"]
    assert await driver.results(["a"]) == [Settled("a", JobState.SUCCEEDED, b"value")]
    assert await driver.retire("worker") == 0
    await expect_counts(driver)


async def check_a_job_whose_claim_is_lost_is_not_ended_by_it(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    await driver.cancel(ended("a"))
    assert await driver.release("worker", {"a": claim.token + 1_000}) == 0
    assert await driver.release("thief", tokens([claim])) == 0
    assert await driver.settle("thief", [Again("a", claim.token)]) == ["lost"]
    await expect_states(driver, {"a": JobState.RUNNING})
    assert await driver.cancellations("worker") == ["a"]


async def check_the_same_batch_again_keeps_the_request(stage: Stage) -> None:
    driver = await stage.driver()
    await run_one(driver, "a")
    await driver.cancel(ended("a"))
    assert ids_of(await take(driver)) == ["a"]
    assert await driver.cancellations("worker") == ["a"]


async def check_a_request_stays_when_drivers_close(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await run_one(driver, "a")
    await other.cancel(ended("a"))
    await other.close()
    await driver.close()
    await driver.open()
    assert await driver.cancellations("worker") == ["a"]


async def check_a_job_is_either_cancelled_or_claimed(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    jobs = numbered(40)
    await driver.enqueue(jobs)
    await hire(driver)
    claims = [take(driver, batch=1, limit=40)]
    answers, (claimed,) = await asyncio.gather(
        asyncio.gather(*(other.cancel(ended(job.id)) for job in jobs)), asyncio.gather(*claims)
    )
    taken = set(ids_of(claimed))
    assert set(answers) <= {"cancelled", "asked"}
    assert {job.id for job, answer in zip(jobs, answers, strict=True) if answer == "cancelled"} == (
        set(ids_of(jobs)) - taken
    )
    await expect_counts(driver, running=len(taken))


async def check_a_cancel_that_is_cut_off(stage: Stage) -> None:
    driver = await stage.driver()
    for turns in TURNS:
        job_id = f"job-{turns}"
        await driver.enqueue([NewJob(job_id, "task", b"", waits=(f"after-{turns}",))])
        await cut_off(driver.cancel(ended(job_id), [ended(f"after-{turns}")]), turns)
        assert await driver.cancel(ended(job_id), [ended(f"after-{turns}")]) in {"cancelled", "finished"}
        await expect_states(driver, dict.fromkeys((job_id, f"after-{turns}"), JobState.CANCELLED))
    await expect_counts(driver)


async def check_queues_cancel_apart(stage: Stage) -> None:
    one, other = await stage.driver("one"), await stage.driver("other")
    await run_one(one, "a")
    await other.enqueue(plain("a"))
    assert await one.cancel(ended("a")) == "asked"
    assert await other.cancellations("worker") == []
    assert await other.cancel(ended("a")) == "cancelled"
    await expect_states(one, {"a": JobState.RUNNING})
