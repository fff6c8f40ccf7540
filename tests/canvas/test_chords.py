"""A callback that waits for the values of all members."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.msgpack import encode

from aioqueue import (
    Chord,
    ConfigurationError,
    Job,
    JobState,
    Queue,
    Result,
    Task,
    TaskCancelled,
    TaskException,
    TaskExpired,
    TaskLost,
    chord,
    group,
)
from aioqueue.drivers.base import Driver, Finished, Membership

pytestmark = pytest.mark.asyncio


def adder(queue: Queue, **options: Any) -> Task[..., int]:
    @queue.task(name="add", **options)
    async def add(a: int, b: int = 2) -> int:
        return a + b

    return add


def totals(queue: Queue, **options: Any) -> tuple[Task[..., float], list[list[Any]]]:
    """Return a callback, and the lists it is called with."""
    calls: list[list[Any]] = []

    @queue.task(name="total", **options)
    async def total(values: list[Any], scale: float = 1.0) -> float:
        calls.append(values)
        return sum(values) * scale

    return total, calls


async def claimed_by_a_dead_worker(driver: Driver, limit: int = 1) -> None:
    """Have an incarnation claim jobs and be reaped: they are delivered again, as suspects."""
    incarnation = uuid.uuid4().hex
    await driver.register(incarnation, 30.0, b"")
    assert len((await driver.claim(incarnation, 1, limit, limit)).jobs) == limit
    lease = next(one for one in await driver.leases() if one.incarnation == incarnation)
    assert await driver.reap(incarnation, lease.counter) == limit


async def members_ended_by_hand(driver: Driver, chord_id: str, values: list[int]) -> None:
    """Settle the members in the line, as a worker would; the callback is queued then."""
    incarnation = uuid.uuid4().hex
    await driver.register(incarnation, 30.0, b"")
    claims = (await driver.claim(incarnation, 1, len(values), 0)).jobs
    ends = [
        Finished(claim.id, claim.token, JobState.SUCCEEDED, encode(value), 60.0, member=Membership(chord_id, index))
        for index, (claim, value) in enumerate(zip(claims, values, strict=True))
    ]
    assert await driver.settle(incarnation, ends) == ["settled"] * len(values)
    await driver.retire(incarnation)


# ---------------------------------------------------------------- values
async def test_the_callback_is_called_with_the_values_in_the_order_of_the_members(queue: Queue) -> None:
    total, calls = totals(queue)
    turn = asyncio.Event()

    @queue.task
    async def first(n: int) -> int:
        await turn.wait()  # the first member ends last
        return n

    @queue.task
    async def second(n: int) -> int:
        turn.set()
        return n

    async with queue, queue.worker():
        result = await queue.enqueue(chord([first.s(1), second.s(2), second.s(3)], total, 2.0))
        assert await result.get(timeout=5) == 12.0
    assert calls == [[1, 2, 3]]


async def test_extra_arguments_and_keywords_come_after_the_list(queue: Queue) -> None:
    add = adder(queue)

    @queue.task
    async def said(values: list[int], *args: str, **kwargs: str) -> str:
        return f"{values} {args} {kwargs}"

    async with queue, queue.worker():
        result = await queue.enqueue(chord([add.s(1)], said, "x", label="y"))
        assert await result.get(timeout=5) == "[3] ('x',) {'label': 'y'}"


async def test_a_chord_of_nothing_calls_back_at_once_with_an_empty_list(queue: Queue) -> None:
    total, calls = totals(queue)
    async with queue, queue.worker():
        assert await (await queue.enqueue(chord([], total, 2.0))).get(timeout=5) == 0
    assert calls == [[]]


async def test_members_and_callbacks_may_be_chords_of_one(queue: Queue) -> None:
    add, (total, _) = adder(queue), totals(queue)
    async with queue, queue.worker():
        assert await (await queue.enqueue(chord([add.s(1)], total))).get(timeout=5) == 3


async def test_none_is_a_value_of_a_member(queue: Queue) -> None:
    @queue.task
    async def nothing() -> None: ...

    @queue.task
    async def count(values: list[None]) -> int:
        return len(values)

    async with queue, queue.worker():
        assert await (await queue.enqueue(chord([nothing.s(), nothing.s()], count))).get(timeout=5) == 2


async def test_members_may_be_pipelines(queue: Queue) -> None:
    add, (total, calls) = adder(queue), totals(queue)
    members: Any = [add.s(1, 2).then(add, 3).then(add, 4), add.s(1, 1), add.s(0, 0).then(add, 5)]
    async with queue, queue.worker():
        assert await (await queue.enqueue(chord(members, total))).get(timeout=5) == 17
    assert calls == [[10, 2, 5]]


async def test_members_may_be_chords_even_of_nothing(queue: Queue) -> None:
    add, (total, calls) = adder(queue), totals(queue)
    inner: Any = chord([add.s(1, 1), add.s(2, 2)], total)
    deep: Any = chord([chord([chord([add.s(1, 0)], total)], total)], total)  # type: ignore[list-item]
    empty: Any = chord([], total)
    async with queue, queue.worker():
        assert await (await queue.enqueue(chord([inner, add.s(0, 1), deep, empty], total))).get(timeout=5) == 8
    assert calls[-1] == [6, 1, 1, 0]


async def test_a_chord_collects_values_where_results_are_off(queue: Queue) -> None:
    add, (total, calls) = adder(queue, results=False), totals(queue)
    async with queue, queue.worker():
        members: Any = [add.s(1), add.s(2).then(add)]
        assert await (await queue.enqueue(chord(members, total))).get(timeout=5) == 9
    assert calls == [[3, 6]]


async def test_a_chord_may_have_many_members(queue: Queue) -> None:
    add, (total, _) = adder(queue), totals(queue)
    async with queue, queue.worker():
        result = await queue.enqueue(chord([add.s(n, 0) for n in range(500)], total))
        assert await result.get(timeout=20) == sum(range(500))


@pytest.mark.parametrize("header", [list, group])
async def test_a_group_and_a_list_are_the_same_members(queue: Queue, header: Any) -> None:
    add, (total, calls) = adder(queue), totals(queue)
    async with queue, queue.worker():
        assert await (await queue.enqueue(chord(header([add.s(1), add.s(2)]), total))).get(timeout=5) == 7
    assert calls == [[3, 4]]


async def test_the_value_of_a_group_among_the_members_is_a_list(queue: Queue) -> None:
    add, (total, _) = adder(queue), totals(queue)

    @queue.task
    async def tell(values: Any) -> str:
        return str(values)

    members: Any = [
        group([add.s(1), add.s(2).then(add)]),
        add.s(3),
        group([group([add.s(4)]), chord([add.s(5)], total), group([])]),  # type: ignore[list-item]
    ]
    async with queue, queue.worker():
        result = await queue.enqueue(chord(members, tell))
        assert await result.get(timeout=5) == "[[3, 6], 5, [[6], 7.0, []]]"


async def test_groups_of_nothing_call_back_at_once_with_empty_lists(queue: Queue) -> None:
    @queue.task
    async def tell(values: Any) -> str:
        return str(values)

    empty: Any = [group([]), group([group([])])]  # type: ignore[list-item]
    async with queue, queue.worker():
        assert await (await queue.enqueue(chord(empty, tell))).get(timeout=5) == "[[], [[]]]"


async def test_a_member_of_a_group_that_fails_ends_the_callback(queue: Queue) -> None:
    add, (total, calls) = adder(queue), totals(queue)

    @queue.task
    async def boom() -> int:
        raise ValueError("boom")

    members: Any = [add.s(1), group([add.s(2), boom.s()])]
    async with queue, queue.worker():
        with pytest.raises(TaskException, match="boom"):
            await (await queue.enqueue(chord(members, total))).get(timeout=5)
    assert not calls


# ---------------------------------------------------------------- the callback's own turn
async def stored_chord(queue: Queue, member: Job[int], callback: Any) -> tuple[Driver, Result[float]]:
    """Enqueue a chord of one member, which then takes a thousand seconds."""
    driver = (await queue.session()).driver
    result: Result[float] = await queue.enqueue(chord([member], callback))
    await driver.shift(1_000)
    await members_ended_by_hand(driver, result.id, [3])
    return driver, result


async def test_the_delay_of_a_callback_counts_from_the_last_value(queue: Queue) -> None:
    add, (total, calls) = adder(queue), totals(queue)
    async with queue:
        driver, result = await stored_chord(queue, add.s(1), total.options(delay=60))
        assert (await queue.counts())[JobState.SCHEDULED] == 1
        async with queue.worker() as worker:
            await worker.drain()
            assert not calls
            await driver.shift(61)
            await worker.drain()
        assert (calls, await result) == ([[3]], 3)


async def test_a_callback_waits_for_its_eta(queue: Queue) -> None:
    add, (total, _) = adder(queue), totals(queue)
    async with queue:
        eta = datetime.now(UTC) + timedelta(seconds=1_500)
        driver, result = await stored_chord(queue, add.s(1), total.options(eta=eta))
        (waiting,) = await queue.scheduled()
        assert (waiting.id, waiting.eta) == (result.id, eta.timestamp())
        await driver.shift(501)
        async with queue.worker():
            assert await result.get(timeout=5) == 3


async def test_the_expiry_of_a_callback_counts_from_the_last_value(queue: Queue) -> None:
    add, (total, calls) = adder(queue), totals(queue)
    async with queue:
        _, result = await stored_chord(queue, add.s(1), total.options(expires=60))
        async with queue.worker():
            assert await result.get(timeout=5) == 3
        driver, result = await stored_chord(queue, add.s(1), total.options(expires=60))
        await driver.shift(61)
        async with queue.worker():
            with pytest.raises(TaskExpired):
                await result.get(timeout=5)
    assert calls == [[3]]


# ---------------------------------------------------------------- ids that are there
@pytest.mark.parametrize("state", ["finished", "queued"])
async def test_a_member_whose_id_is_there_already_is_refused_with_the_chord(queue: Queue, state: str) -> None:
    add, (total, calls) = adder(queue), totals(queue)
    known, other = add.options(id="known").s(1), add.s(2)
    members: Any
    async with queue:
        await queue.enqueue(known)
        if state == "finished":
            async with queue.worker() as worker:
                await worker.drain()
        before = await queue.counts()
        for members in (
            [other, known],
            [other, known.then(add)],
            [other.then(add.options(id="known"))],
            [other, chord([known], total)],
            [group([other, known])],
        ):
            with pytest.raises(ValueError, match="job known is there already"):
                await queue.enqueue(chord(members, total))
        with pytest.raises(ValueError, match="job known is there already"):
            await queue.enqueue(group([other, chord([known], total)]))  # type: ignore[list-item]
        assert await queue.counts() == before
        assert await queue.result(other.id).state() is JobState.UNKNOWN
    assert not calls


# ---------------------------------------------------------------- once
async def test_the_callback_runs_once_although_members_are_delivered_again(queue: Queue) -> None:
    add, (total, calls) = adder(queue), totals(queue)
    async with queue:
        driver = (await queue.session()).driver
        result = await queue.enqueue(chord([add.s(1), add.s(2), add.s(3)], total))
        await claimed_by_a_dead_worker(driver)
        await claimed_by_a_dead_worker(driver)
        async with queue.worker():
            assert await result.get(timeout=5) == 12
            await asyncio.sleep(0.05)
        assert sum((await queue.counts()).values()) == 0
    assert calls == [[3, 4, 5]]


async def test_a_callback_that_is_delivered_again_has_all_its_values(queue: Queue) -> None:
    add, (total, calls) = adder(queue), totals(queue)
    async with queue:
        driver = (await queue.session()).driver
        result = await queue.enqueue(chord([add.s(1), add.s(2)], total))
        await members_ended_by_hand(driver, result.id, [3, 4])
        await claimed_by_a_dead_worker(driver)
        async with queue.worker():
            assert await result.get(timeout=5) == 7
    assert calls == [[3, 4]]


async def test_a_member_that_is_retried_counts_once(queue: Queue) -> None:
    total, calls = totals(queue)

    @queue.task(retries=2, context=True)
    async def flaky(job: Job[Any], n: int) -> int:
        if job.tries < 2:
            raise ValueError
        return n

    async with queue, queue.worker():
        assert await (await queue.enqueue(chord([flaky.s(1), flaky.s(2)], total))).get(timeout=5) == 3
    assert calls == [[1, 2]]


async def test_enqueueing_one_chord_twice_stores_it_once(queue: Queue) -> None:
    add, (total, calls) = adder(queue), totals(queue)
    whole = chord([add.s(1), add.s(2)], total)
    async with queue:
        await queue.enqueue(whole)
        result = await queue.enqueue(whole)
        assert (await queue.counts())[JobState.QUEUED] == 2
        async with queue.worker():
            assert await result.get(timeout=5) == 7
            assert await (await queue.enqueue(whole)).get(timeout=5) == 7
        assert sum((await queue.counts()).values()) == 0
    assert calls == [[3, 4]]


async def test_the_callback_waits_in_the_store(queue: Queue) -> None:
    add, (total, _) = adder(queue), totals(queue)
    async with queue:
        result = await queue.enqueue(chord([add.s(1)], total))
        assert await result.state() is JobState.SCHEDULED
        wait = asyncio.create_task(result.get())
        async with queue.worker():
            assert await asyncio.wait_for(wait, 5) == 3


# ---------------------------------------------------------------- endings without a value
@pytest.mark.parametrize("nested", [False, True])
async def test_a_failing_member_ends_the_callback_with_its_error(queue: Queue, nested: bool) -> None:
    add, (total, calls) = adder(queue), totals(queue)

    @queue.task
    async def boom(x: int) -> int:
        raise ValueError(f"boom {x}")

    inner: Any = chord([add.s(1), add.s(2).then(boom).then(add)], total)  # type: ignore[list-item]
    whole: Chord[float] = chord([inner, add.s(1)], total) if nested else inner
    async with queue, queue.worker():
        result = await queue.enqueue(whole)
        with pytest.raises(TaskException, match="boom 4"):
            await result.get(timeout=5)
        assert await result.state() is JobState.FAILED
    assert not calls


async def test_members_go_on_when_another_has_failed(queue: Queue) -> None:
    total, calls = totals(queue)
    ended = asyncio.Event()

    @queue.task
    async def boom() -> int:
        raise ValueError("boom")

    @queue.task
    async def slow() -> int:
        ended.set()
        return 1

    async with queue, queue.worker(concurrency=1):
        result = await queue.enqueue(chord([boom.s(), slow.s()], total))
        with pytest.raises(TaskException):
            await result.get(timeout=5)
        await asyncio.wait_for(ended.wait(), 5)
    assert not calls


async def test_a_revoked_member_ends_the_callback(queue: Queue) -> None:
    add, (total, calls) = adder(queue), totals(queue)
    member = add.s(1)
    async with queue:
        result = await queue.enqueue(chord([member, add.s(2)], total))
        await queue.result(member.id).revoke()
        async with queue.worker():
            with pytest.raises(TaskCancelled) as caught:
                await result.get(timeout=5)
        assert caught.value.reason == "revoked"
    assert not calls


async def test_a_cancelled_member_ends_the_callback(queue: Queue) -> None:
    add, (total, calls) = adder(queue), totals(queue)
    member = add.s(1)
    async with queue:
        result = await queue.enqueue(chord([member, add.s(2)], total))
        assert await queue.result(member.id).cancel()
        with pytest.raises(TaskCancelled) as caught:
            await result.get(timeout=5)
        assert caught.value.reason == "cancelled"
        async with queue.worker():
            pass
    assert not calls


async def test_an_expired_member_ends_the_callback(queue: Queue) -> None:
    add, (total, calls) = adder(queue), totals(queue)
    async with queue:
        result = await queue.enqueue(chord([add.options(expires=10).s(1), add.s(2)], total))
        await (await queue.session()).driver.shift(20)
        async with queue.worker():
            with pytest.raises(TaskExpired):
                await result.get(timeout=5)
    assert not calls


async def test_a_cancelled_callback_does_not_run(queue: Queue) -> None:
    add, (total, calls) = adder(queue), totals(queue)
    async with queue:
        result = await queue.enqueue(chord([add.s(1)], total))
        assert await result.cancel()
        async with queue.worker():
            with pytest.raises(TaskCancelled):
                await result.get(timeout=5)
    assert not calls


async def test_a_callback_that_fails_is_retried_with_the_same_values(queue: Queue) -> None:
    add, seen = adder(queue), []

    @queue.task(retries=1, context=True)
    async def gather(job: Job[Any], values: list[int]) -> int:
        seen.append(values)
        if not job.tries:
            raise ValueError
        return sum(values)

    async with queue, queue.worker():
        assert await (await queue.enqueue(chord([add.s(1), add.s(2)], gather))).get(timeout=5) == 7
    assert seen == [[3, 4], [3, 4]]


async def test_a_dead_callback_is_never_replayed_without_its_values(queue: Queue) -> None:
    add, (total, calls) = adder(queue), totals(queue, at_most_once=True)
    async with queue:
        driver = (await queue.session()).driver
        result = await queue.enqueue(chord([add.s(1), add.s(2)], total))
        await members_ended_by_hand(driver, result.id, [3, 4])
        await claimed_by_a_dead_worker(driver)
        async with queue.worker():
            with pytest.raises(TaskLost):
                await result.get(timeout=5)
            (letter,) = await queue.dead()
            with pytest.raises(LookupError, match="values"):
                await queue.replay(letter.id)
        assert await queue.dead() == [letter]
    assert not calls


# ---------------------------------------------------------------- bad input
async def test_one_job_is_no_two_members(memory_queue: Queue) -> None:
    """Its callback would wait for a second value for ever."""
    add, (total, _) = adder(memory_queue), totals(memory_queue)
    job = add.s(1)
    with pytest.raises(ValueError, match="twice"):
        chord([job, job], total)
    with pytest.raises(ValueError, match="twice"):
        chord([job, job.then(add)], total)  # type: ignore[list-item]


async def test_a_member_with_a_unique_key_is_refused(memory_queue: Queue) -> None:
    """Where the key is taken the member would never be stored, and the callback wait for ever."""
    add, (total, _) = adder(memory_queue), totals(memory_queue)
    with pytest.raises(ValueError, match="unique"):
        chord([add.options(unique="k").s(1)], total)
    nested: Any = [group([add.options(unique="k").s(1)])]
    with pytest.raises(ValueError, match="unique"):
        chord(nested, total)


async def test_a_callback_of_another_queue_is_refused(memory_queue: Queue) -> None:
    add = adder(memory_queue)
    foreign, _ = totals(Queue("memory://", name="other"))
    with pytest.raises(ConfigurationError, match="another queue"):
        chord([add.s(1)], foreign)


async def test_members_of_another_queue_are_refused(memory_queue: Queue) -> None:
    add, (total, _) = adder(memory_queue), totals(memory_queue)
    foreign = adder(Queue("memory://", name="other"))
    with pytest.raises(ConfigurationError, match="different queues"):
        chord([add.s(1), foreign.s(1)], total)


async def test_what_is_no_callback_or_member_is_refused(memory_queue: Queue) -> None:
    add, (total, _) = adder(memory_queue), totals(memory_queue)
    bad: Any
    for bad in (print, None, total.s([])):
        with pytest.raises(TypeError, match="a stage is a task"):
            chord([add.s(1)], bad)
        with pytest.raises(TypeError, match="a stage is a task"):
            chord([], bad)
    for bad in (add, None, 5):
        with pytest.raises(TypeError, match="a member is made by"):
            chord([bad], total)


async def test_a_callback_that_cannot_take_the_list_is_refused(memory_queue: Queue) -> None:
    @memory_queue.task
    async def nothing() -> None: ...

    total: Any
    total, _ = totals(memory_queue)
    add = adder(memory_queue)
    callback: Any = nothing
    with pytest.raises(TypeError, match="too many"):
        chord([add.s(1)], callback)
    with pytest.raises(TypeError, match="colour"):
        chord([add.s(1)], total, colour="red")


async def test_a_chord_of_another_queue_is_refused(memory_queue: Queue) -> None:
    other = Queue("memory://", name="other")
    add, (total, _) = adder(other), totals(other)
    async with memory_queue:
        with pytest.raises(ConfigurationError):
            await memory_queue.enqueue(chord([add.s(1)], total))
        assert sum((await memory_queue.counts()).values()) == 0
