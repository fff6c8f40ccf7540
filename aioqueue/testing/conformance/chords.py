"""Chords: a callback that waits for the values of its members, and is given them in order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aioqueue.drivers.base import (
    DONE_MARKER_TTL,
    Again,
    Claim,
    Driver,
    Ended,
    Finished,
    Membership,
    NewChord,
    NewJob,
)
from aioqueue.states import JobState
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import (
    EVERY_BYTE,
    admissions,
    expect_counts,
    expect_line,
    expect_states,
    expect_waiting,
    hire,
    numbered,
    plain,
    reap,
    run_one,
    success,
    take,
    take_one,
    tokens,
)
from aioqueue.testing.conformance.waiting import expect_wake


def chord(size: int, job_id: str = "callback") -> NewChord:
    """Return a chord of that many members."""
    return NewChord(NewJob(job_id, "gather", job_id.encode()), size)


def member(claim: Claim, index: int, value: bytes, job_id: str = "callback") -> Finished:
    """Return the outcome of a member."""
    return Finished(claim.id, claim.token, JobState.SUCCEEDED, value, 60.0, member=Membership(job_id, index))


async def run_members(driver: Driver, *ids: str, size: int = 0) -> list[Claim]:
    """Enqueue a chord of these members, and let a fresh worker claim them."""
    await driver.enqueue(plain(*ids), [chord(size or len(ids))])
    await hire(driver)
    return await take(driver)


async def finish_members(driver: Driver, claims: Sequence[Claim]) -> None:
    """Settle members in their order, each with its id for a value."""
    outcomes = [member(claim, index, claim.id.encode()) for index, claim in enumerate(claims)]
    assert set(await driver.settle("worker", outcomes)) == {"settled"}


async def check_a_callback_waits_for_its_members(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    assert await admissions(driver, [*plain("a", "b")]) == ["accepted", "accepted"]
    assert await driver.enqueue([], [chord(2)]) == []
    await expect_waiting(other, "callback")
    await expect_counts(driver, queued=2)
    assert await admissions(driver, plain("callback")) == ["present"]
    await hire(driver)
    first, second = await take(driver)
    await driver.settle("worker", [member(first, 0, b"first")])
    await expect_waiting(other, "callback")
    await other.settle("worker", [member(second, 1, b"second")])
    await expect_states(driver, {"callback": JobState.QUEUED})
    await expect_line(driver, ["callback"])


async def check_answers_are_of_the_jobs_alone(stage: Stage) -> None:
    driver = await stage.driver()
    answers = await driver.enqueue(plain("a", "a"), [chord(1)])
    assert [(answer.id, answer.admission) for answer in answers] == [("a", "accepted"), ("a", "present")]


async def check_a_callback_is_given_the_values_in_order(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    claims = await run_members(driver, "a", "b", "c")
    values = [b"", EVERY_BYTE, b"third"]
    for driver_of_one, index in ((other, 2), (driver, 0), (other, 1)):
        await driver_of_one.settle("worker", [member(claims[index], index, values[index])])
    claim = await take_one(driver, batch=2)
    assert (claim.id, claim.task, claim.payload, claim.inputs) == ("callback", "gather", b"callback", tuple(values))


async def check_members_may_end_in_one_settle(stage: Stage) -> None:
    driver = await stage.driver()
    claims = await run_members(driver, "a", "b", "c")
    await finish_members(driver, claims)
    assert (await take_one(driver, batch=2)).inputs == (b"a", b"b", b"c")


async def check_members_may_be_stored_later(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([], [chord(1)])
    await driver.enqueue(plain("a"))
    await hire(driver)
    await finish_members(driver, [await take_one(driver)])
    await expect_line(driver, ["callback"])


async def check_a_value_is_kept_without_a_result(stage: Stage) -> None:
    driver = await stage.driver()
    first, second = await run_members(driver, "a", "b")
    unkept = Finished("a", first.token, JobState.SUCCEEDED, b"value", 0.0, member=Membership("callback", 0))
    await driver.settle("worker", [unkept])
    await driver.shift(2 * DONE_MARKER_TTL)
    await driver.settle("worker", [member(second, 1, b"late")])
    assert (await take_one(driver, batch=2)).inputs == (b"value", b"late")


async def check_the_last_value_wakes(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    (claim,) = await run_members(driver, "a")
    await expect_wake(driver, lambda: other.settle("worker", [member(claim, 0, b"value")]))


async def check_a_second_value_for_one_place_changes_nothing(stage: Stage) -> None:
    driver = await stage.driver()
    first, twin, last, late = await run_members(driver, "a", "twin", "b", "late", size=2)
    await driver.settle("worker", [member(first, 0, b"first")])
    assert await driver.settle("worker", [member(twin, 0, b"twin")]) == ["settled"]
    await expect_waiting(driver, "callback")
    await driver.settle("worker", [member(last, 1, b"last")])
    await expect_line(driver, ["callback"])
    assert await driver.settle("worker", [member(late, 1, b"late")]) == ["settled"]
    await expect_line(driver, ["callback"])
    assert (await take_one(driver, batch=2)).inputs == (b"first", b"last")


async def check_a_settle_of_members_may_be_sent_again(stage: Stage) -> None:
    driver = await stage.driver()
    (claim,) = await run_members(driver, "a")
    outcome = member(claim, 0, b"value")
    assert await driver.settle("worker", [outcome]) == ["settled"]
    callback = await take_one(driver, batch=2)
    await driver.settle("worker", [success(callback)])
    assert await driver.settle("worker", [outcome]) == ["already"]
    await expect_counts(driver)
    await expect_states(driver, {"callback": JobState.SUCCEEDED})


async def check_a_lost_settle_is_no_value(stage: Stage) -> None:
    driver = await stage.driver()
    (claim,) = await run_members(driver, "a")
    assert await driver.settle("thief", [member(claim, 0, b"stolen")]) == ["lost"]
    await expect_waiting(driver, "callback")
    await finish_members(driver, [claim])
    assert (await take_one(driver, batch=2)).inputs == (b"a",)


async def check_the_values_come_with_every_claim_of_the_callback(stage: Stage) -> None:
    driver = await stage.driver()
    await finish_members(driver, await run_members(driver, "a", "b"))
    values = (b"a", b"b")
    assert [claim.inputs for claim in await take(driver, batch=2)] == [values]
    (claim,) = await take(driver, batch=2)
    assert claim.inputs == values
    await driver.release("worker", tokens([claim]))
    claim = await take_one(driver, batch=3)
    assert claim.inputs == values
    await driver.settle("worker", [Again("callback", claim.token, b"other payload")])
    claim = await take_one(driver, batch=4)
    assert (claim.payload, claim.inputs) == (b"other payload", values)
    await driver.settle("worker", [Again("callback", claim.token, delay=100)])
    await driver.shift(200)
    await driver.promote(1)
    assert (await take_one(driver, batch=5)).inputs == values
    await reap(driver, "worker")
    await hire(driver, "other")
    assert (await take_one(driver, "other")).inputs == values


async def check_the_values_go_when_the_callback_has_finished(stage: Stage) -> None:
    driver = await stage.driver()
    await finish_members(driver, await run_members(driver, "a"))
    await driver.settle("worker", [success(await take_one(driver, batch=2))])
    await driver.shift(2 * DONE_MARKER_TTL)
    assert await admissions(driver, plain("callback")) == ["accepted"]
    assert (await take_one(driver, batch=3)).inputs == ()


async def check_no_other_job_is_given_values(stage: Stage) -> None:
    driver = await stage.driver()
    claims = await run_members(driver, "a", "b")
    assert [claim.inputs for claim in claims] == [(), ()]
    await finish_members(driver, claims)
    await driver.enqueue(plain("other"))
    inputs = {claim.id: claim.inputs for claim in await take(driver, batch=2)}
    assert inputs == {"callback": (b"a", b"b"), "other": ()}


async def check_a_callback_that_is_there_is_left_as_it_is(stage: Stage) -> None:
    driver = await stage.driver()
    first, second = await run_members(driver, "a", "b")
    await driver.settle("worker", [member(first, 0, b"first")])
    await driver.enqueue(plain("a", "b"), [NewChord(NewJob("callback", "other", b""), 5)])
    await expect_waiting(driver, "callback")
    await driver.settle("worker", [member(second, 1, b"second")])
    callback = await take_one(driver, batch=2)
    assert (callback.task, callback.inputs) == ("gather", (b"first", b"second"))
    await driver.enqueue([], [chord(2)])
    await driver.settle("worker", [success(callback)])
    await driver.enqueue([], [chord(2)])
    await expect_states(driver, {"callback": JobState.SUCCEEDED})


async def check_an_ended_callback_stays_ended(stage: Stage) -> None:
    driver = await stage.driver()
    first, second = await run_members(driver, "a", "b")
    ends = (Ended("callback", JobState.FAILED, b"", 0.0),)
    failure = Finished("a", first.token, JobState.FAILED, b"error", 60.0, ends=ends)
    assert await driver.settle("worker", [failure]) == ["settled"]
    await expect_states(driver, {"callback": JobState.FAILED})
    assert await driver.settle("worker", [member(second, 1, b"second")]) == ["settled"]
    await expect_states(driver, {"callback": JobState.FAILED, "b": JobState.SUCCEEDED})
    await expect_counts(driver)


async def check_a_value_of_a_chord_unheard_of_is_nothing(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(plain("a"))
    await hire(driver)
    assert await driver.settle("worker", [member(await take_one(driver), 0, b"", "unheard-of")]) == ["settled"]
    await expect_states(driver, {"a": JobState.SUCCEEDED, "unheard-of": JobState.UNKNOWN})


async def check_a_callback_has_its_own_priority_expiry_and_stages(stage: Stage) -> None:
    driver = await stage.driver()
    callback = NewJob("callback", "gather", b"", priority=5, expires_at=5e9, waits=("next",))
    await driver.enqueue([NewJob("a", "task", b"", priority=7), *plain("low")], [NewChord(callback, 1)])
    await expect_waiting(driver, "callback", "next")
    await hire(driver)
    await finish_members(driver, [await take_one(driver)])
    claim = await take_one(driver, batch=2)
    assert (claim.id, claim.priority, claim.expires_at) == ("callback", 5, 5e9)
    await expect_waiting(driver, "next")


async def run_the_member_of(driver: Driver, callback: NewJob, *, after: float) -> float:
    """Enqueue a chord of one, settle its member `after` that many seconds, and return when that was."""
    await driver.enqueue(plain("a"), [NewChord(callback, 1)])
    await driver.shift(after)
    await hire(driver)
    await finish_members(driver, [await take_one(driver)])
    return await driver.now()


async def check_the_delay_of_a_callback_counts_from_the_last_value(stage: Stage) -> None:
    driver = await stage.driver()
    turn = await run_the_member_of(driver, NewJob("callback", "gather", b"", delay=100), after=1_000)
    await expect_counts(driver, scheduled=1)
    await expect_states(driver, {"callback": JobState.SCHEDULED})
    stored = await driver.job("callback")
    assert stored is not None
    assert turn + 99 < stored.due_at < turn + 100.5
    assert await take(driver, batch=2) == []
    await driver.shift(101)
    assert await driver.promote(10) is None
    assert (await take_one(driver, batch=3)).inputs == (b"a",)


async def check_a_callback_waits_for_its_eta(stage: Stage) -> None:
    driver = await stage.driver()
    eta = await driver.now() + 5_000
    await run_the_member_of(driver, NewJob("callback", "gather", b"", eta=eta), after=1_000)
    stored = await driver.job("callback")
    assert stored is not None
    assert stored.due_at == eta
    assert await driver.reschedule("callback", 0, 0)
    assert (await take_one(driver, batch=2)).inputs == (b"a",)


async def check_an_eta_that_is_over_keeps_no_callback_waiting(stage: Stage) -> None:
    driver = await stage.driver()
    eta = await driver.now() + 500
    await run_the_member_of(driver, NewJob("callback", "gather", b"", eta=eta), after=1_000)
    await expect_line(driver, ["callback"])


async def check_the_expiry_of_a_callback_counts_from_the_last_value(stage: Stage) -> None:
    driver = await stage.driver()
    callback = NewJob("callback", "gather", EVERY_BYTE, priority=3, delay=50, expires_in=100)
    turn = await run_the_member_of(driver, callback, after=1_000)
    await driver.shift(60)
    await driver.promote(10)
    claim = await take_one(driver, batch=2)
    assert (claim.task, claim.payload, claim.priority) == ("gather", EVERY_BYTE, 3)
    assert turn + 99 < claim.expires_at < turn + 101


async def check_a_callback_due_before_all_others_wakes(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await driver.enqueue([*plain("a"), NewJob("late", "task", b"", delay=1_000)])
    await driver.enqueue([], [NewChord(NewJob("callback", "gather", b"", delay=500), 1)])
    await hire(driver)
    claim = await take_one(driver)
    await expect_wake(driver, lambda: other.settle("worker", [member(claim, 0, b"value")]))


async def expect_refusal(driver: Driver, known: str, jobs: Sequence[NewJob], *chords: NewChord) -> None:
    """Enqueue what must be refused because of the job `known`."""
    try:
        await driver.enqueue(jobs, chords)
    except ValueError as error:
        assert known in str(error).split()  # noqa: PT017 -- the suite needs no pytest
    else:
        raise AssertionError(f"{known} is there already, and the chord was stored")


def chord_of(*members: str, job_id: str = "callback") -> NewChord:
    """Return a chord whose values come from these jobs."""
    return NewChord(NewJob(job_id, "gather", b""), len(members), members)


async def check_a_member_that_has_finished_refuses_the_chord(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.settle("worker", [success(await run_one(driver, "done"))])
    await expect_refusal(driver, "done", plain("b", "done"), chord_of("b", "done"))
    await expect_states(driver, dict.fromkeys(("b", "callback"), JobState.UNKNOWN))
    await expect_counts(driver)
    await driver.shift(2 * DONE_MARKER_TTL)
    assert len(await driver.enqueue(plain("b", "done"), [chord_of("b", "done")])) == 2
    await expect_waiting(driver, "callback")


async def check_a_member_that_is_there_refuses_the_chord(stage: Stage) -> None:
    driver = await stage.driver()
    await run_one(driver, "running")
    await driver.enqueue([NewJob("queued", "task", b"", waits=("stage",)), NewJob("later", "task", b"", delay=100)])
    for known in ("running", "queued", "later", "stage"):
        await expect_refusal(driver, known, plain("b", known), chord_of("b", known))
        await expect_states(driver, dict.fromkeys(("b", "callback"), JobState.UNKNOWN))
    await expect_counts(driver, running=1, queued=1, scheduled=1)


async def check_one_refused_chord_refuses_all_of_the_call(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(plain("taken"))
    chords = [chord_of("a", "inner"), chord_of("taken", job_id="inner")]
    await expect_refusal(driver, "taken", plain("a", "taken"), *chords)
    await expect_states(driver, dict.fromkeys(("a", "inner", "callback"), JobState.UNKNOWN))


async def check_a_chord_may_be_stored_again(stage: Stage) -> None:
    driver = await stage.driver()
    whole = [chord_of("a", "b", "inner"), chord_of("b", job_id="inner")]
    await driver.enqueue(plain("a", "b"), whole)
    await driver.enqueue(plain("a", "b"), whole)
    await hire(driver)
    first, second = await take(driver)
    await driver.settle("worker", [member(first, 0, b"a"), member(second, 0, b"b", "inner")])
    await driver.enqueue(plain("a", "b"), whole)
    await driver.settle("worker", [member(await take_one(driver, batch=2), 1, b"inner")])
    await driver.enqueue(plain("a", "b"), whole)
    await expect_waiting(driver, "callback")
    await expect_counts(driver)


async def check_the_members_of_a_large_chord_are_all_looked_at(stage: Stage) -> None:
    driver = await stage.driver()
    members = numbered(2_500)
    await driver.enqueue(members[-1:])
    whole = chord_of(*(job.id for job in members))
    await expect_refusal(driver, members[-1].id, members, whole)
    await expect_counts(driver, queued=1)


async def check_a_chord_in_a_chord(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(plain("a"), [chord(1, "inner"), chord(1, "outer")])
    await hire(driver)
    await driver.settle("worker", [member(await take_one(driver), 0, b"value", "inner")])
    inner = await take_one(driver, batch=2)
    assert (inner.id, inner.inputs) == ("inner", (b"value",))
    await driver.settle("worker", [member(inner, 0, b"larger value", "outer")])
    outer = await take_one(driver, batch=3)
    assert (outer.id, outer.inputs) == ("outer", (b"larger value",))


async def check_a_large_chord(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    members = numbered(1_500)
    answers = await driver.enqueue(members, [chord(1_500)])
    assert {answer.admission for answer in answers} == {"accepted"}
    await hire(driver)
    claims = await take(driver, limit=1_500)
    outcomes = [member(claim, index, claim.id.encode()) for index, claim in enumerate(claims)]
    await asyncio.gather(driver.settle("worker", outcomes[1::2]), other.settle("worker", outcomes[::2]))
    assert (await take_one(driver, batch=2)).inputs == tuple(job.id.encode() for job in members)


async def check_queues_keep_their_chords_apart(stage: Stage) -> None:
    one, other = await stage.driver("one"), await stage.driver("other")
    await run_members(one, "a")
    (claim,) = await run_members(other, "a")
    await finish_members(other, [claim])
    await expect_states(other, {"callback": JobState.QUEUED})
    await expect_waiting(one, "callback")
