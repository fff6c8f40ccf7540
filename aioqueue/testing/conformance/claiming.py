"""Claim: whose a job is, how often it is given, and what a repeated request answers."""

from __future__ import annotations

import asyncio

from aioqueue.drivers.base import Again, Claim, Driver, NewJob
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
    reap,
    run_one,
    success,
    take,
    take_one,
    tokens,
)


async def check_a_claimed_job_runs(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([NewJob("a", "module.task", b"payload", priority=-2)])
    await hire(driver)
    claim = await take_one(driver)
    assert claim == Claim("a", claim.token, "module.task", b"payload", -2, 0, 0, 0.0)
    stored = await driver.job("a")
    assert stored is not None
    assert (stored.state, stored.incarnation) == (JobState.RUNNING, "worker")
    assert await driver.state("a") is JobState.RUNNING
    await expect_counts(driver, running=1)


async def check_a_claimed_job_is_not_given_again(stage: Stage) -> None:
    driver = await stage.driver()
    await run_one(driver, "a")
    await hire(driver, "other")
    assert await take(driver, batch=2) == []
    assert await take(driver, "other") == []


async def check_claims_are_listed_by_incarnation(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(numbered(5))
    await hire(driver, "one")
    await hire(driver, "two")
    one, two = await take(driver, "one", limit=3), await take(driver, "two", limit=3)
    assert await driver.claims("one") == tokens(one)
    assert await driver.claims("two") == tokens(two)
    assert await driver.claims("nobody") == {}
    await driver.settle("one", [success(one[0])])
    assert await driver.claims("one") == tokens(one[1:])


async def check_a_limit_is_kept_and_more_is_told(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(numbered(5))
    await hire(driver)
    first = await driver.claim("worker", 1, 3, 1)
    assert (ids_of(first.jobs), first.more) == (ids_of(numbered(3)), True)
    second = await driver.claim("worker", 2, 2, 1)
    assert (len(second.jobs), second.more) == (2, False)
    third = await driver.claim("worker", 3, 2, 1)
    assert (third.jobs, third.more) == ([], False)


async def check_large_jobs_come_in_as_many_claims_as_it_takes(stage: Stage) -> None:
    driver = await stage.driver()
    half_mb = bytes(512 * 1024)
    jobs = [NewJob(f"job-{number:02}", "task", half_mb, priority=number == 0) for number in range(40)]
    await driver.enqueue(jobs)
    await hire(driver)
    seen: list[str] = []
    for batch in range(1, len(jobs) + 1):
        claimed = await driver.claim("worker", batch, 100, 1)
        again = await driver.claim("worker", batch, 100, 1)
        assert ids_of(again.jobs) == ids_of(claimed.jobs) != []
        assert all(claim.payload == half_mb for claim in again.jobs)
        seen += ids_of(claimed.jobs)
        assert claimed.more == again.more == (len(seen) < len(jobs))
        if not claimed.more:
            break
        await expect_line(driver, ids_of(jobs)[len(seen) :])
    assert seen == ids_of(jobs)


async def check_large_suspects_are_left_for_the_next_claim(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([NewJob(name, "task", bytes(1_100_000)) for name in "ab"])
    await hire(driver, "victim")
    for batch in (1, 2):
        await driver.claim("victim", batch, 10, 1)
    assert await reap(driver, "victim") == 2
    await driver.enqueue(plain("c"))
    await hire(driver)
    seen: list[str] = []
    more = True
    while more:
        claimed = await driver.claim("worker", len(seen), 10, 2 - len(seen))
        assert claimed.jobs
        seen, more = seen + ids_of(claimed.jobs), claimed.more
    assert seen == ["a", "b", "c"]


async def check_repeating_a_batch_gives_the_same_jobs(stage: Stage) -> None:
    driver, after_reconnect = await stage.driver(), await stage.driver()
    await driver.enqueue(numbered(6))
    await hire(driver)
    first = await take(driver, limit=3)
    assert await take(driver, limit=3) == first
    assert await take(after_reconnect, limit=5) == first
    await expect_counts(driver, queued=3, running=3)


async def check_repeating_an_empty_batch_takes_nothing(stage: Stage) -> None:
    driver = await stage.driver()
    await hire(driver)
    assert await take(driver) == []
    await driver.enqueue(plain("a"))
    assert await take(driver) == []
    assert ids_of(await take(driver, batch=2)) == ["a"]


async def check_a_repeated_batch_gives_only_what_is_still_held(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(numbered(6))
    await hire(driver)
    done, released, retried, *kept = await take(driver, limit=5)
    await driver.settle("worker", [success(done), Again(retried.id, retried.token)])
    await driver.release("worker", tokens([released]))
    assert await take(driver, limit=5) == kept


async def check_a_repeated_batch_gives_nothing_of_an_earlier_batch(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(numbered(4))
    await hire(driver)
    await take(driver, batch=1, limit=2)
    second = await take(driver, batch=2, limit=2)
    assert await take(driver, batch=2, limit=2) == second


async def check_a_job_that_left_and_came_back_is_of_the_new_batch(stage: Stage) -> None:
    driver = await stage.driver()
    claim = await run_one(driver, "a")
    await driver.release("worker", tokens([claim]))
    later = await take_one(driver, batch=2)
    assert await take(driver, batch=2) == [later]
    assert later.token != claim.token


async def check_batch_numbers_belong_to_their_incarnation(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(numbered(4))
    await hire(driver, "one")
    await hire(driver, "two")
    one, two = await take(driver, "one", limit=2), await take(driver, "two", limit=2)
    assert ids_of(one + two) == ids_of(numbered(4))


async def check_without_a_lease_nothing_is_given(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(plain("a"))
    assert await take(driver, "nobody") == []
    await hire(driver, "retired")
    await driver.retire("retired")
    assert await take(driver, "retired") == []
    await hire(driver, "reaped")
    await reap(driver, "reaped")
    assert await take(driver, "reaped") == []
    await expect_line(driver, ["a"])


async def check_a_reaped_incarnation_gets_nothing_from_a_repeat(stage: Stage) -> None:
    driver = await stage.driver()
    await run_one(driver, "a")
    await reap(driver, "worker")
    assert await take(driver) == []
    assert await driver.claims("worker") == {}


async def check_suspects_come_first_and_are_limited(stage: Stage) -> None:
    driver = await stage.driver()
    await make_suspects(driver, *plain("s1", "s2", "s3"))
    await driver.enqueue(plain("a", "b"))
    await hire(driver)
    first = await driver.claim("worker", 1, 10, 1)
    assert [(claim.id[0], claim.deliveries) for claim in first.jobs] == [("s", 1), ("a", 0), ("b", 0)]
    assert not first.more
    second = await driver.claim("worker", 2, 10, 0)
    assert (second.jobs, second.more) == ([], False)
    third = await driver.claim("worker", 3, 1, 2)
    assert (len(third.jobs), third.more) == (1, True)
    assert len(await take(driver, batch=4, suspects=2)) == 1


async def check_suspects_count_against_the_limit(stage: Stage) -> None:
    driver = await stage.driver()
    await make_suspects(driver, *plain("s1", "s2", "s3"))
    await driver.enqueue(plain("a"))
    await hire(driver)
    claims = await take(driver, limit=2, suspects=100)
    assert [claim.deliveries for claim in claims] == [1, 1]


async def check_suspects_stand_in_line_by_priority(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(
        [NewJob("low", "task", b"", -1), NewJob("high", "task", b"", 1), NewJob("high-2", "task", b"", 1)]
    )
    await hire(driver)
    claims = {claim.id: claim for claim in await take(driver)}
    suspects = [Again(job_id, claims[job_id].token, counts="delivery") for job_id in ("low", "high", "high-2")]
    await driver.settle("worker", suspects)
    await expect_line(driver, ["high", "high-2", "low"])
    assert ids_of(await take(driver, batch=2)) == ["high", "high-2", "low"]


async def check_deliveries_and_deferrals_are_told(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(plain("a"))
    await hire(driver)
    for batch in range(1, 4):
        claim = await take_one(driver, batch=batch)
        await driver.settle("worker", [Again("a", claim.token, counts="deferral")])
    for batch in range(4, 6):
        claim = await take_one(driver, batch=batch)
        await driver.settle("worker", [Again("a", claim.token, counts="delivery")])
    claim = await take_one(driver, batch=6)
    assert (claim.deliveries, claim.deferrals) == (2, 3)


async def check_a_token_is_never_used_twice(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await driver.enqueue(numbered(10))
    await hire(driver)
    seen: list[int] = []
    for batch in range(1, 6):
        claims = await take(driver if batch % 2 else other, batch=batch)
        seen += tokens(claims).values()
        await driver.release("worker", tokens(claims))
    await driver.flush()
    await driver.enqueue(numbered(10))
    seen += tokens(await take(driver, batch=6)).values()
    assert len(set(seen)) == len(seen) == 60


async def check_a_claim_tells_the_time_and_what_is_due(stage: Stage) -> None:
    driver = await stage.driver()
    await hire(driver)
    assert (await driver.claim("worker", 1, 1, 1)).due_in is None
    await driver.enqueue([NewJob("far", "task", b"", delay=1_000), NewJob("near", "task", b"", delay=100)])
    before = await driver.now()
    claimed = await driver.claim("worker", 2, 1, 1)
    assert before - 0.01 <= claimed.now <= await driver.now() + 0.01
    assert claimed.due_in is not None
    assert 90 < claimed.due_in <= 100
    await driver.shift(500)
    claimed = await driver.claim("worker", 3, 1, 1)
    assert claimed.jobs == []
    assert claimed.due_in == 0
    assert claimed.now > before + 490


async def check_workers_that_claim_at_once_get_different_jobs(stage: Stage) -> None:
    drivers = [await stage.driver() for _ in range(4)]
    jobs = numbered(400)
    await drivers[0].enqueue(jobs)
    shares = await asyncio.gather(*(claim_until_empty(driver, f"w{n}") for n, driver in enumerate(drivers)))
    assert sorted(ids_of(claim for share in shares for claim in share)) == ids_of(jobs)
    assert len({claim.token for share in shares for claim in share}) == len(jobs)


async def claim_until_empty(driver: Driver, worker: str) -> list[Claim]:
    """Claim in small batches until nothing comes."""
    await hire(driver, worker)
    share: list[Claim] = []
    while lot := await take(driver, worker, batch=len(share) + 1, limit=7):
        share += lot
    return share


async def check_a_claim_that_comes_late_takes_nothing(stage: Stage) -> None:
    driver = await stage.driver()
    await hire(driver)
    await driver.enqueue(numbered(3))
    first = await take(driver, batch=5, limit=1)
    assert await take(driver, batch=4) == []
    assert await take(driver, batch=5) == first
    await expect_counts(driver, queued=2, running=1)
