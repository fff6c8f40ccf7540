"""Settle: one outcome for each claim, whatever is repeated, late or forged."""

from __future__ import annotations

import asyncio
import math

from aioqueue.drivers.base import DEAD_LETTERS_KEPT, Again, Claim, Driver, Ended, Finished, NewJob, Outcome, Settled
from aioqueue.states import TERMINAL, JobState
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import (
    AGES,
    EVERY_BYTE,
    admissions,
    expect_counts,
    expect_line,
    expect_states,
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
    whole_shelf,
)


# ---------------------------------------------------------------------- verdicts
async def check_a_settle_ends_the_job_in_its_state(stage: Stage) -> None:
    driver = await stage.driver()
    states = {state.value: state for state in sorted(TERMINAL)}
    await driver.enqueue(plain(*states))
    await hire(driver)
    claims = await take(driver)
    outcomes = [Finished(claim.id, claim.token, states[claim.id], claim.id.encode(), 60) for claim in claims]
    assert await driver.settle("worker", outcomes) == ["settled"] * len(states)
    await expect_states(driver, states)
    expected = [Settled(job_id, state, job_id.encode()) for job_id, state in states.items()]
    assert await driver.results(list(states)) == expected
    assert [await driver.job(job_id) for job_id in states] == [None] * len(states)
    assert await driver.claims("worker") == {}
    await expect_counts(driver)


async def check_a_repeated_settle_changes_nothing(stage: Stage) -> None:
    driver, after_reconnect = await stage.driver(), await stage.driver()
    claim = await run_one(driver, "a")
    assert await driver.settle("worker", [success(claim)]) == ["settled"]
    assert await after_reconnect.settle("worker", [success(claim)]) == ["already"]
    other = Finished("a", claim.token, JobState.FAILED, b"other", 60, (NewJob("b", "task", b""),), "reason")
    assert await driver.settle("worker", [other]) == ["already"]
    assert await driver.settle("worker", [Again("a", claim.token)]) == ["already"]
    assert await driver.results(["a"]) == [Settled("a", JobState.SUCCEEDED, b"value")]
    await expect_counts(driver)


async def check_a_repeated_settle_without_a_result_is_already_done(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    assert await driver.settle("worker", [success(claim, result_ttl=0)]) == ["settled"]
    assert await driver.settle("worker", [success(claim, result_ttl=0)]) == ["already"]


async def check_no_ttl_is_too_long_to_settle(stage: Stage) -> None:
    driver = await stage.driver()
    for batch, ttl in enumerate((*AGES, math.nan), 1):
        names = [f"{where} {ttl}" for where in ("before", "absurd", "after")]
        await driver.enqueue(plain(*names))
        await hire(driver)
        claims = await take(driver, batch=batch)
        outcomes = [success(claim, result_ttl=ttl if "absurd" in claim.id else 60) for claim in claims]
        assert await driver.settle("worker", outcomes) == ["settled"] * 3
        await expect_states(driver, dict.fromkeys(names, JobState.SUCCEEDED))
        first, absurd, last = await driver.results(names)
        assert first == Settled(names[0], JobState.SUCCEEDED, b"value")
        assert last == Settled(names[2], JobState.SUCCEEDED, b"value")
        assert absurd is not None
        assert absurd.outcome == b"value" or math.isnan(ttl)
        assert await driver.claims("worker") == {}
    await expect_counts(driver)


async def check_a_ttl_below_zero_keeps_the_state_only(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(plain("before", "absurd", "after"))
    await hire(driver)
    outcomes = [success(claim, result_ttl=-1 if claim.id == "absurd" else 60) for claim in await take(driver)]
    assert await driver.settle("worker", outcomes) == ["settled"] * 3
    assert await driver.settle("worker", outcomes) == ["already"] * 3
    assert [settled and settled.outcome for settled in await driver.results(["before", "absurd", "after"])] == [
        b"value",
        b"",
        b"value",
    ]
    await expect_counts(driver)


async def check_no_ttl_is_too_long_to_end(stage: Stage) -> None:
    driver = await stage.driver()
    for ttl in AGES:
        stage_of = f"stage of {ttl}"
        await driver.enqueue([NewJob(f"{ttl}", "task", b"", waits=(stage_of,))])
        ends = [Ended(stage_of, JobState.CANCELLED, b"over", ttl)]
        assert await driver.cancel(Ended(f"{ttl}", JobState.CANCELLED, b"over", ttl), ends) == "cancelled"
        assert await driver.results([f"{ttl}"]) == [Settled(f"{ttl}", JobState.CANCELLED, b"over")]
        await expect_states(driver, dict.fromkeys((f"{ttl}", stage_of), JobState.CANCELLED))
    await expect_counts(driver)


async def check_a_wrong_token_settles_nothing(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    for token in (claim.token + 1_000, -1, 0):
        await expect_lost(driver, "worker", claim, token)
    assert await driver.claims("worker") == tokens([claim])


async def check_another_incarnation_settles_nothing(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    await hire(driver, "thief")
    await expect_lost(driver, "thief", claim)
    await expect_lost(driver, "nobody", claim)
    assert await driver.claims("worker") == tokens([claim])
    assert await driver.settle("worker", [success(claim)]) == ["settled"]


async def check_another_token_cannot_resettle_a_finished_job(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    await driver.settle("worker", [success(claim)])
    forged = Finished("a", claim.token + 1_000, JobState.FAILED, b"forged", 60)
    assert await driver.settle("worker", [forged]) == ["lost"]
    assert await driver.results(["a"]) == [Settled("a", JobState.SUCCEEDED, b"value")]


async def check_a_released_claim_is_lost(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    await driver.release("worker", tokens([claim]))
    await expect_lost(driver, "worker", claim)
    await expect_line(driver, ["a"])


async def check_only_the_newer_claim_settles(stage: Stage) -> None:
    driver = await stage.driver()
    old = await run_one(driver, "a")
    await driver.release("worker", tokens([old]))
    new = await take_one(driver, batch=2)
    await expect_lost(driver, "worker", old)
    assert await driver.settle("worker", [success(new)]) == ["settled"]
    await expect_lost(driver, "worker", old)


async def check_a_reaped_claim_is_lost(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    await reap(driver, "worker")
    await expect_lost(driver, "worker", claim)
    await hire(driver, "heir")
    new = await take_one(driver, "heir")
    await expect_lost(driver, "worker", claim)
    assert await driver.settle("heir", [success(new, b"heir")]) == ["settled"]
    await expect_lost(driver, "worker", claim)
    assert await driver.results(["a"]) == [Settled("a", JobState.SUCCEEDED, b"heir")]


async def check_a_retired_claim_is_lost(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    await driver.retire("worker")
    await expect_lost(driver, "worker", claim)
    await expect_line(driver, ["a"])


async def check_a_flushed_claim_is_lost(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    await driver.flush()
    await expect_lost(driver, "worker", claim)
    await expect_counts(driver)


async def check_an_unheard_of_job_is_lost(stage: Stage) -> None:
    driver = await stage.driver()
    await hire(driver)
    assert await driver.settle("worker", [Finished("nothing", 1, JobState.SUCCEEDED, b"", 60)]) == ["lost"]
    assert await driver.settle("worker", [Again("nothing", 1)]) == ["lost"]
    assert await driver.state("nothing") is JobState.UNKNOWN
    await expect_counts(driver)


async def check_verdicts_come_in_the_order_of_the_outcomes(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(plain("done", "released", "fresh", "retried", "twice"))
    await hire(driver)
    claims = {claim.id: claim for claim in await take(driver)}
    await driver.settle("worker", [success(claims["done"])])
    await driver.release("worker", tokens([claims["released"]]))
    outcomes: list[Outcome] = [success(claims[job_id]) for job_id in ("released", "fresh", "done", "twice", "twice")]
    outcomes.insert(2, Again("retried", claims["retried"].token))
    verdicts = await driver.settle("worker", outcomes)
    assert verdicts == ["lost", "settled", "settled", "already", "settled", "already"]
    await expect_line(driver, ["released", "retried"])


async def check_settles_of_one_claim_at_once_have_one_winner(stage: Stage) -> None:
    drivers = [await stage.driver() for _ in range(4)]
    claim = await run_one(drivers[0], "a")
    verdicts = await asyncio.gather(
        *(driver.settle("worker", [success(claim, str(n).encode())]) for n, driver in enumerate(drivers))
    )
    assert sorted(verdicts) == [["already"], ["already"], ["already"], ["settled"]]
    winner = verdicts.index(["settled"])
    assert await drivers[0].results(["a"]) == [Settled("a", JobState.SUCCEEDED, str(winner).encode())]


async def expect_lost(driver: Driver, incarnation: str, claim: Claim, token: int | None = None) -> None:
    """Check that no kind of settle of this claim writes anything."""
    token = claim.token if token is None else token
    successor = NewJob(f"after-{claim.id}", "task", b"")
    before = (await driver.job(claim.id), await driver.results([claim.id]), await driver.counts())
    for outcome in (
        Finished(claim.id, token, JobState.FAILED, b"late", 60, (successor,), "reason"),
        Again(claim.id, token, b"late", counts="delivery", successors=(successor,)),
    ):
        assert await driver.settle(incarnation, [outcome]) == ["lost"]
    assert (await driver.job(claim.id), await driver.results([claim.id]), await driver.counts()) == before
    assert await driver.state(successor.id) is JobState.UNKNOWN


# ---------------------------------------------------------------------- again
async def check_again_queues_at_the_back(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([*plain("a", "b"), NewJob("low", "task", b"", -1)])
    await hire(driver)
    (claim,) = await take(driver, limit=1)
    assert await driver.settle("worker", [Again("a", claim.token)]) == ["settled"]
    await expect_line(driver, ["b", "a", "low"])
    assert await driver.results(["a"]) == [None]


async def check_again_keeps_what_it_does_not_change(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([NewJob("a", "module.task", EVERY_BYTE, 4, expires_at=9_999_999_999.5)])
    await hire(driver)
    first = await take_one(driver)
    await driver.settle("worker", [Again("a", first.token)])
    second = await take_one(driver, batch=2)
    assert second == Claim("a", second.token, "module.task", EVERY_BYTE, 4, 0, 0, 9_999_999_999.5)
    assert second.token != first.token


async def check_again_may_replace_the_payload(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    for batch, payload in enumerate((b"", EVERY_BYTE), 2):
        await driver.settle("worker", [Again("a", claim.token, payload)])
        claim = await take_one(driver, batch=batch)
        assert claim.payload == payload


async def check_again_may_wait(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(plain("delay", "eta", "past"))
    await hire(driver)
    claims = {claim.id: claim for claim in await take(driver)}
    now = await driver.now()
    outcomes = [
        Again("delay", claims["delay"].token, delay=100),
        Again("eta", claims["eta"].token, eta=now + 200, delay=5),
        Again("past", claims["past"].token, eta=now - 5, delay=100),
    ]
    assert await driver.settle("worker", outcomes) == ["settled"] * 3
    expected = {"delay": JobState.SCHEDULED, "eta": JobState.SCHEDULED, "past": JobState.QUEUED}
    await expect_states(driver, expected)
    assert {job.incarnation for job_id in expected if (job := await driver.job(job_id))} == {""}
    due = [stored.due_at for stored in await whole_shelf(driver, "scheduled")]
    assert now + 99.9 < due[0] < now + 99.9 + 60
    assert abs(due[1] - (now + 200)) < 0.01
    await expect_counts(driver, queued=1, scheduled=2)


async def check_a_waiting_retry_comes_back_whole(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    await driver.settle("worker", [Again("a", claim.token, b"new", delay=100, counts="deferral")])
    await driver.shift(200)
    await driver.promote(10)
    claim = await take_one(driver, batch=2)
    assert (claim.payload, claim.deliveries, claim.deferrals) == (b"new", 0, 1)


async def check_a_repeated_again_changes_nothing(stage: Stage) -> None:
    driver = await stage.driver()
    first = await run_one(driver, "a")
    again = Again("a", first.token, b"new", counts="deferral", successors=(NewJob("b", "task", b""),))
    assert await driver.settle("worker", [again]) == ["settled"]
    assert await driver.settle("worker", [again]) == ["already"]
    await expect_line(driver, ["a", "b"])
    second = await take_one(driver, batch=2)
    assert second.deferrals == 1
    assert await driver.settle("worker", [again]) == ["already"]
    assert await driver.settle("worker", [success(second)]) == ["settled"]
    assert await driver.settle("worker", [again]) == ["already"]
    await expect_line(driver, ["b"])
    assert await driver.state("a") is JobState.SUCCEEDED


async def check_a_counted_delivery_makes_a_suspect(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(plain("a", "b"))
    await hire(driver)
    (claim,) = await take(driver, limit=1)
    await driver.settle("worker", [Again("a", claim.token, counts="delivery")])
    await expect_line(driver, ["a", "b"])
    assert ids_of(await take(driver, batch=2, suspects=0)) == ["b"]
    suspect = await take_one(driver, batch=3)
    assert (suspect.id, suspect.deliveries) == ("a", 1)


async def check_a_deferral_makes_no_suspect(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    await driver.settle("worker", [Again("a", claim.token, counts="deferral")])
    assert ids_of(await take(driver, batch=2, suspects=0)) == ["a"]


async def check_a_suspect_stays_one_through_its_retries(stage: Stage) -> None:
    driver = await stage.driver()
    await make_suspects(driver, *plain("a"))
    await hire(driver)
    claim = await take_one(driver)
    await driver.settle("worker", [Again("a", claim.token, delay=100)])
    await driver.shift(200)
    await driver.promote(10)
    assert await take(driver, batch=2, suspects=0) == []
    assert (await take_one(driver, batch=3)).deliveries == 1


# ---------------------------------------------------------------------- successors
async def check_successors_are_enqueued_with_the_settle(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(plain("one", "two"))
    await hire(driver)
    one, two = await take(driver)
    later = NewJob("later", "task", b"", delay=100)
    urgent = NewJob("urgent", "next.task", EVERY_BYTE, 5, expires_in=50)
    before = await driver.now()
    outcomes: list[Outcome] = [
        Finished("one", one.token, JobState.SUCCEEDED, b"", 60, (*plain("next"), later, urgent)),
        Again("two", two.token, successors=tuple(plain("callback"))),
    ]
    assert await driver.settle("worker", outcomes) == ["settled"] * 2
    await expect_counts(driver, queued=4, scheduled=1)
    claims = await take(driver, batch=2)
    assert ids_of(claims)[0] == "urgent"
    assert sorted(ids_of(claims)) == ["callback", "next", "two", "urgent"]
    assert (claims[0].task, claims[0].payload, claims[0].priority) == ("next.task", EVERY_BYTE, 5)
    assert before + 49.9 < claims[0].expires_at < before + 49.9 + 60


async def check_repeated_settles_do_not_repeat_successors(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    outcome = Finished("a", claim.token, JobState.SUCCEEDED, b"", 60, tuple(plain("next")))
    await driver.settle("worker", [outcome])
    following = await take_one(driver, batch=2)
    await driver.settle("worker", [success(following)])
    assert await driver.settle("worker", [outcome]) == ["already"]
    await expect_counts(driver)


async def check_a_successor_that_is_known_is_left_alone(stage: Stage) -> None:
    driver = await stage.driver()
    done = await run_one(driver, "done")
    await driver.settle("worker", [success(done)])
    await driver.enqueue([*plain("a"), NewJob("there", "task", b"first", -5)])
    (claim,) = await take(driver, batch=2, limit=1)
    successors = (NewJob("there", "task", b"second"), NewJob("done", "task", b"second"), NewJob("new", "task", b""))
    outcome = Finished("a", claim.token, JobState.SUCCEEDED, b"", 60, successors)
    assert await driver.settle("worker", [outcome]) == ["settled"]
    await expect_line(driver, ["new", "there"])
    stored = await driver.job("there")
    assert stored is not None
    assert stored.payload == b"first"
    assert await driver.state("done") is JobState.SUCCEEDED


async def check_many_successors(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    successors = tuple(numbered(900))
    await driver.settle("worker", [Finished("a", claim.token, JobState.SUCCEEDED, b"", 60, successors)])
    assert ids_of(await take(driver, batch=2, limit=1_000)) == ids_of(successors)


# ---------------------------------------------------------------------- dead letters
async def check_a_dead_letter_keeps_the_job(stage: Stage) -> None:
    driver = await stage.driver()
    await make_suspects(driver, NewJob("a", "module.task", EVERY_BYTE, 2))
    await hire(driver)
    claim = await take_one(driver)
    before = await driver.now()
    outcome = Finished("a", claim.token, JobState.FAILED, b"error", 60, dead_reason="lost too often ✗")
    assert await driver.settle("worker", [outcome]) == ["settled"]
    letter = await driver.job("a")
    assert letter is not None
    assert (letter.id, letter.state, letter.task, letter.payload) == ("a", JobState.FAILED, "module.task", EVERY_BYTE)
    assert (letter.priority, letter.deliveries, letter.dead_reason) == (2, 1, "lost too often ✗")
    assert before - 0.01 <= letter.died_at <= await driver.now() + 0.01
    assert (letter.due_at, letter.incarnation) == (0.0, "")
    assert await whole_shelf(driver, "dead") == [letter]
    assert await driver.results(["a"]) == [Settled("a", JobState.FAILED, b"error")]
    assert await admissions(driver, plain("a")) == ["finished"]
    await expect_counts(driver, dead=1)


async def check_a_dead_letter_keeps_the_payload_of_the_last_try(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    await driver.settle("worker", [Again("a", claim.token, b"second")])
    claim = await take_one(driver, batch=2)
    await driver.settle("worker", [Finished("a", claim.token, JobState.FAILED, dead_reason="reason")])
    letter = await driver.job("a")
    assert letter is not None
    assert letter.payload == b"second"


async def check_dead_letters_are_bounded(stage: Stage) -> None:
    driver = await stage.driver()
    await hire(driver)
    jobs = numbered(DEAD_LETTERS_KEPT + 50)
    for batch, start in enumerate(range(0, len(jobs), 1_000), 1):
        await driver.enqueue(jobs[start : start + 1_000])
        claims = await take(driver, batch=batch, limit=1_000)
        outcomes = [Finished(claim.id, claim.token, JobState.FAILED, dead_reason="reason") for claim in claims]
        await driver.settle("worker", outcomes)
    assert (await driver.counts())["dead"] == DEAD_LETTERS_KEPT
    newest = await driver.jobs("dead", limit=1)
    assert ids_of(newest.jobs) == [jobs[-1].id]
    assert await driver.job(jobs[0].id) is None
    assert await driver.state(jobs[0].id) is JobState.FAILED
