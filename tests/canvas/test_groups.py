"""Jobs that run side by side."""

from __future__ import annotations

from typing import Any

import pytest

from aioqueue import ConfigurationError, JobState, Queue, ResultGroup, Task, TaskException, chord, group
from aioqueue.inspection import seen_new

pytestmark = pytest.mark.asyncio


def adder(queue: Queue, **options: Any) -> Task[..., int]:
    @queue.task(name="add", **options)
    async def add(a: int, b: int = 2) -> int:
        return a + b

    return add


async def test_a_group_is_stored_in_one_step_and_awaits_to_its_values_in_order(queue: Queue) -> None:
    add = adder(queue)
    async with queue:
        results = await queue.enqueue(group([add.s(1, 2), add.s(3, 4), add.s(5, 6)]))
        assert isinstance(results, ResultGroup)
        assert (await queue.counts())[JobState.QUEUED] == 3
        async with queue.worker():
            assert await results.get(timeout=5) == [3, 7, 11]
            assert await results[1] == 7
            assert {await one async for one in results.as_completed()} == {3, 7, 11}


async def test_a_group_of_nothing_awaits_to_nothing(queue: Queue) -> None:
    async with queue:
        assert await (await queue.enqueue(group([]))) == []


async def test_members_may_be_pipelines_and_chords_whose_value_is_that_of_their_last_job(queue: Queue) -> None:
    add = adder(queue)

    @queue.task
    async def total(values: list[int]) -> int:
        return sum(values)

    members: Any = [add.s(1, 2).then(add, 10), chord([add.s(1, 1), add.s(2, 2)], total), add.s(0, 0)]
    async with queue, queue.worker():
        assert await (await queue.enqueue(group(members))).get(timeout=5) == [13, 6, 0]


async def test_the_value_of_a_group_in_a_group_is_a_list(queue: Queue) -> None:
    add = adder(queue)
    inner: Any = group([add.s(1), add.s(2), group([])])  # type: ignore[list-item]
    async with queue:
        results = await queue.enqueue(group([inner, add.s(3)]))
        assert (len(results), (await queue.counts())[JobState.QUEUED]) == (2, 3)
        async with queue.worker():
            assert await results.get(timeout=5) == [[3, 4, []], 5]
            assert await results.get(timeout=0) == [[3, 4, []], 5]
            assert await results[0] == [3, 4, []]
            values = [await one async for one in results.as_completed()]
            assert 5 in values
            assert [3, 4, []] in values


async def test_an_error_in_an_inner_group_is_that_of_the_group(queue: Queue) -> None:
    add = adder(queue)

    @queue.task
    async def boom() -> int:
        raise ValueError("inner")

    inner: Any = group([add.s(1), boom.s()])
    async with queue, queue.worker():
        with pytest.raises(TaskException, match="inner"):
            await (await queue.enqueue(group([add.s(2), inner]))).get(timeout=5)


async def test_an_inner_group_answers_with_what_is_there_by_its_unique_key(queue: Queue) -> None:
    add = adder(queue)
    async with queue:
        there = await add.options(unique="k")(1, 1)
        inner: Any = group([add.options(unique="k").s(9, 9)])
        results: Any = await queue.enqueue(group([inner]))
        assert results[0][0].id == there.id


async def test_the_first_error_in_the_order_of_the_jobs_is_raised_and_the_others_go_on(queue: Queue) -> None:
    add = adder(queue)

    @queue.task
    async def boom(text: str) -> int:
        raise ValueError(text)

    async with queue, queue.worker():
        results = await queue.enqueue(group([add.s(1), boom.s("first"), boom.s("second"), add.s(2)]))
        with pytest.raises(TaskException, match="first"):
            await results.get(timeout=5)
        assert (await results[0], await results[3]) == (3, 4)


async def test_enqueueing_one_group_twice_stores_it_once(queue: Queue) -> None:
    add = adder(queue)
    jobs = group([add.s(1), add.s(2)])
    async with queue:
        first, second = await queue.enqueue(jobs), await queue.enqueue(jobs)
        assert [one.id for one in first] == [one.id for one in second]
        assert (await queue.counts())[JobState.QUEUED] == 2


async def test_options_of_members_hold(queue: Queue) -> None:
    add = adder(queue)
    async with queue:
        await queue.enqueue(group([add.options(delay=60).s(1), add.options(priority=-1).s(2), add.s(3)]))
        counts = await queue.counts()
        assert (counts[JobState.SCHEDULED], counts[JobState.QUEUED]) == (1, 2)
        assert [job.priority for job in await queue.pending()] == [0, -1]


async def test_a_member_that_is_there_by_its_unique_key_answers_with_the_one_there(queue: Queue) -> None:
    add = adder(queue)
    async with queue:
        there = await add.options(unique="k")(1, 1)
        results = await queue.enqueue(group([add.s(2, 2), add.options(unique="k").s(9, 9)]))
        async with queue.worker():
            assert await results.get(timeout=5) == [4, 2]
        assert results[1].id == there.id


async def test_with_nobody_listening_no_record_is_read_back(
    memory_queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, read = adder(memory_queue), []
    monkeypatch.setattr(
        "aioqueue.queue.seen_new", lambda stored, source: read.append(stored.id) or seen_new(stored, source)
    )
    async with memory_queue:
        await memory_queue.enqueue(group([add.s(1), add.s(2)]))
        assert read == []
        memory_queue.signal("enqueued")(lambda signal, job: None)
        results = await memory_queue.enqueue(group([add.s(1), add.s(2)]))
        assert read == [result.id for result in results]


async def test_map_is_a_group_of_one_task(queue: Queue) -> None:
    add = adder(queue)
    async with queue, queue.worker():
        assert await (await add.map([(1, 2), (3,), 5])).get(timeout=5) == [3, 5, 7]
        assert await (await add.map([])) == []


async def test_what_is_no_member_is_refused(memory_queue: Queue) -> None:
    add = adder(memory_queue)
    bad: Any
    for bad in (add, None, 5):
        with pytest.raises(TypeError, match="a member is made by"):
            group([bad])


async def test_one_job_is_no_two_members(memory_queue: Queue) -> None:
    job = adder(memory_queue).s(1)
    with pytest.raises(ValueError, match="twice"):
        group([job, job])
    nested: Any = [job, group([job])]
    with pytest.raises(ValueError, match="twice"):
        group(nested)


async def test_a_group_of_another_queue_is_refused(memory_queue: Queue) -> None:
    foreign = adder(Queue("memory://", name="other"))
    async with memory_queue:
        with pytest.raises(ConfigurationError):
            await memory_queue.enqueue(group([foreign.s(1)]))
        assert sum((await memory_queue.counts()).values()) == 0
