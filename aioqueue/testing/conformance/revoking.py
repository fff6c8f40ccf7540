"""Revocation: marks on a job or its task, handed out with the claim, and used up by a settle."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from msgspec.structs import replace

from aioqueue.drivers.base import Again, Driver, Ended, Finished, NewChord, NewJob, Revocation
from aioqueue.states import JobState
from aioqueue.testing.conformance.cancelling import TURNS, cut_off
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import (
    AGES,
    expect_line,
    expect_states,
    hire,
    plain,
    run_one,
    success,
    take,
    take_one,
    tokens,
)


async def mark_of(driver: Driver, target: str) -> Revocation:
    """Return the mark that must hold for a target."""
    (mark,) = await driver.revocations([target])
    assert mark is not None
    assert mark.target == target
    return mark


def prevented(job_id: str, token: int, consumes: Revocation | None) -> Finished:
    """Return the outcome of a run that a mark has prevented."""
    return Finished(job_id, token, JobState.CANCELLED, consumes=consumes)


async def check_a_claim_tells_of_no_mark(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.revoke("job:other")
    await driver.revoke("task:other")
    assert (await run_one(driver, "a")).revoked is None
    assert await driver.revocations(["job:a", "task:task"]) == [None, None]


async def check_a_claim_tells_of_the_mark_of_its_job(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await driver.enqueue(plain("a", "b"))
    await other.revoke("job:a")
    await hire(driver)
    revoked, free = await take(driver)
    assert (revoked.id, free.revoked) == ("a", None)
    mark = await mark_of(driver, "job:a")
    assert revoked.revoked == mark
    assert (mark.until, mark.once) == (0.0, False)


async def check_a_claim_tells_of_the_mark_of_its_task(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await other.revoke("task:one", once=True)
    await driver.enqueue([NewJob("a", "one", b""), NewJob("b", "other", b"")])
    await hire(driver)
    revoked, free = await take(driver)
    mark = await mark_of(driver, "task:one")
    assert revoked.revoked == mark
    assert mark.once
    assert free.revoked is None


async def check_the_mark_of_the_job_comes_before_that_of_its_task(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.revoke("job:a")
    await driver.revoke("task:task")
    claim = await run_one(driver, "a")
    assert claim.revoked == await mark_of(driver, "job:a")
    await driver.release("worker", tokens([claim]))
    await driver.restore("job:a")
    assert (await take_one(driver, batch=2)).revoked == await mark_of(driver, "task:task")


async def check_a_mark_holds_until_its_time(stage: Stage) -> None:
    driver = await stage.driver()
    until = await driver.now() + 100
    await driver.revoke("job:a", until)
    await driver.revoke("task:task")
    assert abs((await mark_of(driver, "job:a")).until - until) < 0.01
    await driver.shift(200)
    assert await driver.revocations(["job:a"]) == [None]
    assert (await run_one(driver, "a")).revoked == await mark_of(driver, "task:task")
    assert not await driver.restore("job:a")


async def check_a_mark_of_the_past_does_not_hold(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.revoke("job:a", await driver.now() - 1)
    assert await driver.revocations(["job:a"]) == [None]
    assert (await run_one(driver, "a")).revoked is None


async def check_a_mark_without_a_ttl_is_never_forgotten(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.revoke("job:a")
    await driver.shift(100 * 365 * 86_400)
    assert await driver.revocations(["job:a"]) != [None]


async def check_a_mark_may_hold_for_ages(stage: Stage) -> None:
    driver = await stage.driver()
    for ages in AGES:
        await driver.revoke("job:a", ttl=ages)
        await driver.revoke("job:b", ages)
        assert all(await driver.revocations(["job:a", "job:b"]))
        assert await driver.restore("job:a")
        assert await driver.restore("job:b")


async def check_a_mark_is_forgotten_after_its_ttl(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.revoke("job:a", ttl=100)
    await driver.revoke("task:task", await driver.now() + 1_000, ttl=100)
    await driver.shift(50)
    assert None not in await driver.revocations(["job:a", "task:task"])
    await driver.shift(100)
    assert await driver.revocations(["job:a", "task:task"]) == [None, None]
    assert (await run_one(driver, "a")).revoked is None
    assert not await driver.restore("job:a")


async def check_a_mark_can_be_taken_back(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await driver.revoke("job:a")
    assert await other.restore("job:a")
    assert not await other.restore("job:a")
    assert not await driver.restore("job:unheard-of")
    assert (await run_one(driver, "a")).revoked is None


async def check_a_later_mark_takes_the_place_of_the_earlier(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await driver.revoke("job:a", once=True, ttl=100)
    first = await mark_of(driver, "job:a")
    await other.revoke("job:a")
    second = await mark_of(driver, "job:a")
    assert not second.once
    await driver.shift(200)
    assert await mark_of(driver, "job:a") == second
    await driver.restore("job:a")
    await driver.revoke("job:a", once=True)
    third = await mark_of(driver, "job:a")
    assert len({mark.serial for mark in (first, second, third)}) == 3


async def check_looking_and_claiming_use_nothing_up(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.revoke("job:a", once=True)
    mark = await mark_of(driver, "job:a")
    claim = await run_one(driver, "a")
    assert claim.revoked == mark
    assert [again.revoked for again in await take(driver)] == [mark]
    await driver.release("worker", tokens([claim]))
    assert (await take_one(driver, batch=2)).revoked == mark
    assert await mark_of(driver, "job:a") == mark


async def check_a_settle_uses_a_mark_up(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await driver.revoke("task:task", once=True)
    claim = await run_one(driver, "a")
    assert await other.settle("worker", [prevented("a", claim.token, claim.revoked)]) == ["settled"]
    await expect_states(driver, {"a": JobState.CANCELLED})
    assert await driver.revocations(["task:task"]) == [None]
    assert not await driver.restore("task:task")
    await driver.enqueue(plain("b"))
    assert (await take_one(driver, batch=2)).revoked is None


async def check_a_settle_without_the_mark_leaves_it(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.revoke("task:task", once=True)
    claim = await run_one(driver, "a")
    await driver.settle("worker", [success(claim)])
    assert await mark_of(driver, "task:task") == claim.revoked


async def check_a_mark_that_is_gone_prevents_nothing(stage: Stage) -> None:
    driver, other = await stage.driver(), await stage.driver()
    await driver.revoke("task:task", once=True)
    claim = await run_one(driver, "a")
    outcome = prevented("a", claim.token, claim.revoked)
    await other.restore("task:task")
    assert await driver.settle("worker", [outcome]) == ["unmarked"]
    await other.revoke("task:task", once=True)  # a later one prevents another run
    later = await mark_of(driver, "task:task")
    assert await driver.settle("worker", [outcome]) == ["unmarked"]
    assert await mark_of(driver, "task:task") == later
    await expect_states(driver, {"a": JobState.RUNNING})
    assert await driver.claims("worker") == tokens([claim])
    assert await driver.results(["a"]) == [None]
    assert await driver.settle("worker", [success(claim)]) == ["settled"]


async def check_a_mark_that_has_lapsed_prevents_nothing(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.revoke("task:task", await driver.now() + 100, once=True)
    claim = await run_one(driver, "a")
    await driver.shift(200)
    assert await driver.settle("worker", [prevented("a", claim.token, claim.revoked)]) == ["unmarked"]
    await expect_states(driver, {"a": JobState.RUNNING})


async def check_a_mark_for_good_serves_in_place_of_the_one_that_was_told(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.revoke("task:task", once=True)
    claim = await run_one(driver, "a")
    await driver.revoke("task:task")
    mark = await mark_of(driver, "task:task")
    assert await driver.settle("worker", [prevented("a", claim.token, claim.revoked)]) == ["settled"]
    await expect_states(driver, {"a": JobState.CANCELLED})
    assert await mark_of(driver, "task:task") == mark


async def check_a_mark_prevents_one_run_of_many(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.revoke("task:task", once=True)
    await driver.enqueue(plain("a", "b", "c"))
    await hire(driver)
    claims = await take(driver)
    first, *others = [prevented(claim.id, claim.token, claim.revoked) for claim in claims]
    assert sorted(await driver.settle("worker", [first, *others])) == ["settled", "unmarked", "unmarked"]
    verdicts = [await driver.settle("worker", [outcome]) for outcome in (first, *others)]
    assert sorted(verdicts) == [["already"], ["unmarked"], ["unmarked"]]
    assert await driver.revocations(["task:task"]) == [None]


async def check_a_settle_that_uses_a_mark_up_may_be_sent_again(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.revoke("task:task", once=True)
    claim = await run_one(driver, "a")
    outcome = prevented("a", claim.token, claim.revoked)
    assert await driver.settle("worker", [outcome]) == ["settled"]
    await driver.revoke("task:task", once=True)
    assert await driver.settle("worker", [outcome]) == ["already"]
    assert await driver.revocations(["task:task"]) != [None]


async def check_a_mark_that_holds_more_than_once_is_not_used_up(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.revoke("task:task")
    claim = await run_one(driver, "a")
    assert await driver.settle("worker", [prevented("a", claim.token, claim.revoked)]) == ["settled"]
    assert await mark_of(driver, "task:task") == claim.revoked


async def check_the_mark_of_a_live_job_lasts_as_long_as_the_job(stage: Stage) -> None:
    driver = await stage.driver()
    late = NewJob("scheduled", "task", b"", delay=10_000)
    await driver.enqueue([NewJob("queued", "task", b"", waits=("stage",)), late], [NewChord(plain("callback")[0], 1)])
    ids = ("queued", "stage", "scheduled", "callback")
    targets = [f"job:{job_id}" for job_id in ids]
    for target in targets:
        await driver.revoke(target, ttl=100)
    await driver.revoke("task:task", ttl=100)
    await driver.shift(9_000)
    assert await driver.revocations(["task:task"]) == [None]
    assert all(await driver.revocations(targets))
    await driver.shift(2_000)
    await driver.promote(10)
    await hire(driver)
    assert [claim.revoked and claim.revoked.target for claim in await take(driver)] == ["job:queued", "job:scheduled"]


async def check_the_mark_of_a_job_goes_with_it(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([NewJob("a", "task", b"", waits=("ended", "forgotten")), *plain("b", "c", "d")])
    await driver.revoke("task:task")
    for target in ("job:a", "job:ended", "job:forgotten", "job:b", "job:c", "job:d"):
        await driver.revoke(target, ttl=100)
    await hire(driver)
    a, b, c = await take(driver, limit=3)
    end = Ended("ended", JobState.CANCELLED)
    await driver.settle("worker", [Finished("a", a.token, JobState.CANCELLED, ends=(end,)), success(b)])
    assert await driver.revocations(["job:a", "job:ended", "job:forgotten", "job:b"]) == [None] * 4
    await driver.settle("worker", [Again("c", c.token)])
    await driver.cancel(Ended("d", JobState.CANCELLED))
    assert await driver.revocations(["job:d"]) == [None]
    assert all(await driver.revocations(["job:c", "task:task"]))


async def check_the_next_stage_keeps_the_mark_that_it_was_given_while_it_waited(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue([NewJob("a", "task", b"", waits=("b",))])
    await hire(driver)
    claim = await take_one(driver)
    await driver.revoke("job:b", ttl=100)
    await driver.settle("worker", [replace(success(claim), successors=tuple(plain("b")))])
    await driver.shift(200)
    assert (await take_one(driver, batch=2)).revoked == await mark_of(driver, "job:b")


async def check_a_lost_settle_uses_nothing_up(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.revoke("job:a", once=True)
    claim = await run_one(driver, "a")
    assert await driver.settle("thief", [prevented("a", claim.token, claim.revoked)]) == ["lost"]
    assert await mark_of(driver, "job:a") == claim.revoked


async def check_marks_are_told_in_the_order_of_the_targets(stage: Stage) -> None:
    driver = await stage.driver()
    for target in ("job:a", "task:b"):
        await driver.revoke(target)
    marks = await driver.revocations(["task:b", "job:none", "job:a", "task:b"])
    assert [mark and mark.target for mark in marks] == ["task:b", None, "job:a", "task:b"]
    assert await driver.revocations([]) == []


async def check_a_mark_stays_when_drivers_close(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.revoke("job:a", once=True)
    mark = await mark_of(driver, "job:a")
    await driver.close()
    other = await stage.driver()
    assert await mark_of(other, "job:a") == mark


async def check_queues_keep_their_marks_apart(stage: Stage) -> None:
    one, other = await stage.driver("one"), await stage.driver("other")
    await one.revoke("job:a")
    assert await other.revocations(["job:a"]) == [None]
    assert not await other.restore("job:a")
    assert (await run_one(other, "a")).revoked is None


async def check_targets_are_any_text(stage: Stage) -> None:
    driver = await stage.driver()
    ids = ["é✓😀", "a:b", "{tag}", "%s", "'\"", "x" * 300, "job:a"]
    for job_id in ids[::2]:
        await driver.revoke(f"job:{job_id}")
    await driver.enqueue(plain(*ids))
    await hire(driver)
    assert [claim.id for claim in await take(driver) if claim.revoked] == ids[::2]


async def check_a_mark_leaves_the_line_as_it_is(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.enqueue(plain("a", "b", "c"))
    await driver.revoke("job:b")
    await driver.revoke("task:task")
    await expect_line(driver, ["a", "b", "c"])


async def check_cancelled_marks(stage: Stage) -> None:
    driver = await stage.driver()
    for turns in TURNS:
        target = f"job:{turns}"
        operations: list[Callable[[], Coroutine[Any, Any, object]]] = [
            lambda: driver.revoke(target),  # noqa: B023 - run at once
            lambda: driver.revocations([target]),  # noqa: B023
        ]
        for operation in operations:
            await cut_off(operation(), turns)
            await operation()
        assert (await mark_of(driver, target)).target == target
        await cut_off(driver.restore(target), turns)
        await driver.restore(target)
        assert await driver.revocations([target]) == [None]
