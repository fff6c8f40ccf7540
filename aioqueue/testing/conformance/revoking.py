"""Revocation: marks on a job or its task, handed out with the claim, and used up by a settle."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from aioqueue.drivers.base import Driver, Finished, NewJob, Revocation
from aioqueue.states import JobState
from aioqueue.testing.conformance.cancelling import TURNS, cut_off
from aioqueue.testing.conformance.stage import Stage
from aioqueue.testing.conformance.steps import (
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
    await driver.revoke("job:a", once=True)
    claim = await run_one(driver, "a")
    await driver.settle("worker", [success(claim)])
    assert await mark_of(driver, "job:a") == claim.revoked


async def check_a_settle_leaves_a_later_mark(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.revoke("job:a", once=True)
    claim = await run_one(driver, "a")
    await driver.revoke("job:a", once=True)
    later = await mark_of(driver, "job:a")
    assert await driver.settle("worker", [prevented("a", claim.token, claim.revoked)]) == ["settled"]
    assert await mark_of(driver, "job:a") == later


async def check_a_settle_may_use_up_a_mark_that_is_gone(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.revoke("job:a", once=True)
    claim = await run_one(driver, "a")
    await driver.restore("job:a")
    assert await driver.settle("worker", [prevented("a", claim.token, claim.revoked)]) == ["settled"]


async def check_a_mark_that_holds_more_than_once_is_not_used_up(stage: Stage) -> None:
    driver = await stage.driver()
    await driver.revoke("job:a")
    claim = await run_one(driver, "a")
    await driver.settle("worker", [prevented("a", claim.token, claim.revoked)])
    assert await mark_of(driver, "job:a") == claim.revoked


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
