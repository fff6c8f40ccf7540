"""`aioqueue_enqueued` knows what was enqueued, and says what there was instead of what was asked for."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import ANY

import pytest

from aioqueue import Queue, Task, TaskException, chord, group
from aioqueue.testing.enqueued import Enqueued, recording
from aioqueue.testing.swapping import Swap
from aioqueue.testing.workers import Workers
from aioqueue.witnesses import witnesses

pytestmark = pytest.mark.asyncio


@dataclass
class Letter:
    to: str
    copies: tuple[str, ...] = ()


class Mail:
    """An application with some tasks."""

    def __init__(self, queue: Queue) -> None:
        @queue.task(name="mail.send")
        async def send(letter: Letter, day: date | None = None) -> None: ...

        @queue.task(name="mail.count")
        async def count(first: int, second: int = 2, *, eta: int = 0) -> int:
            return first + second

        @queue.task(name="mail.sweep", priority=3)
        async def sweep() -> None: ...

        self.send: Task[..., None] = send
        self.count: Task[..., int] = count
        self.sweep: Task[..., None] = sweep


@pytest.fixture
def mail(queue: Queue, aioqueue_memory: Swap) -> Mail:
    aioqueue_memory(queue)
    return Mail(queue)


async def test_a_call(mail: Mail, aioqueue_enqueued: Enqueued) -> None:
    result = await mail.count(1)
    job = aioqueue_enqueued.assert_enqueued(mail.count, 1)
    assert job.id == result.id
    for same in (lambda: ((1, 2), {}), lambda: ((), {"first": 1}), lambda: ((1,), {"second": 2}), lambda: ((), {})):
        args, kwargs = same()
        assert aioqueue_enqueued.assert_enqueued(mail.count, *args, **kwargs).id == result.id
    for other in ((2,), (1, 3)):
        with pytest.raises(AssertionError):
            aioqueue_enqueued.assert_enqueued(mail.count, *other)


async def test_arguments_are_compared_as_the_body_sees_them(mail: Mail, aioqueue_enqueued: Enqueued) -> None:
    await mail.send(Letter("ann", ("bob",)), date(2026, 1, 2))
    aioqueue_enqueued.assert_enqueued(mail.send, Letter("ann", ("bob",)), date(2026, 1, 2))
    aioqueue_enqueued.assert_enqueued(mail.send, ANY, day=date(2026, 1, 2))
    with pytest.raises(AssertionError, match=r"mail\.send\(letter=<ANY>, day=datetime\.date\(2026, 1, 3\)\)"):
        aioqueue_enqueued.assert_enqueued(mail.send, ANY, day=date(2026, 1, 3))
    with pytest.raises(AssertionError):
        aioqueue_enqueued.assert_enqueued(mail.send, Letter("ann"), date(2026, 1, 2))


async def test_when_it_is_due(mail: Mail, aioqueue_enqueued: Enqueued) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    await mail.send.options(eta=tomorrow)(Letter("ann"))
    await mail.send.options(delay=600)(Letter("bob"))
    ann, bob = (Letter("ann"),), (Letter("bob"),)
    aioqueue_enqueued.assert_enqueued(mail.send, *ann, eta=tomorrow + timedelta(seconds=3))
    aioqueue_enqueued.assert_enqueued(mail.send, *ann, delay=timedelta(days=1))
    aioqueue_enqueued.assert_enqueued(mail.send, *bob, delay=600)
    aioqueue_enqueued.assert_enqueued(mail.send, *bob, eta=datetime.now(UTC) + timedelta(seconds=600))
    for wrong in ({"eta": tomorrow + timedelta(seconds=30)}, {"delay": 86_430}, {"delay": 0}):
        with pytest.raises(AssertionError):
            aioqueue_enqueued.assert_enqueued(mail.send, *ann, **wrong)
    with pytest.raises(AssertionError):
        aioqueue_enqueued.assert_enqueued(mail.send, *bob, delay=601)


async def test_that_it_is_not_delayed(mail: Mail, aioqueue_enqueued: Enqueued) -> None:
    await mail.sweep.options(delay=1)()
    with pytest.raises(AssertionError):
        aioqueue_enqueued.assert_enqueued(mail.sweep, delay=0)
    await mail.sweep()
    aioqueue_enqueued.assert_enqueued(mail.sweep, delay=0)


async def test_its_priority(mail: Mail, aioqueue_enqueued: Enqueued) -> None:
    await mail.sweep()
    await mail.count.options(priority=-2)(1)
    aioqueue_enqueued.assert_enqueued(mail.sweep, priority=3)
    aioqueue_enqueued.assert_enqueued(mail.count, 1, priority=-2)
    with pytest.raises(AssertionError, match="priority 5"):
        aioqueue_enqueued.assert_enqueued(mail.count, 1, priority=5)


async def test_a_keyword_that_the_task_has_is_the_tasks(mail: Mail, aioqueue_enqueued: Enqueued) -> None:
    await mail.count.options(delay=9)(1, eta=7)
    job = aioqueue_enqueued.assert_enqueued(mail.count, 1, eta=7, delay=9)
    assert job.delay == 9
    with pytest.raises(AssertionError):
        aioqueue_enqueued.assert_enqueued(mail.count, 1, eta=8)


async def test_the_message_lists_what_there_is(mail: Mail, aioqueue_enqueued: Enqueued) -> None:
    with pytest.raises(AssertionError) as failed:
        aioqueue_enqueued.assert_enqueued(mail.count, 1)
    assert str(failed.value) == "not enqueued: mail.count(first=1, second=2, eta=0)\nnothing was enqueued"
    await mail.count(1, 5)
    await mail.sweep.options(delay=90)()
    await mail.send.options(eta=datetime(2070, 1, 2, 3, 4, 5, tzinfo=UTC))(Letter("x" * 500))
    with pytest.raises(AssertionError) as failed:
        aioqueue_enqueued.assert_enqueued(mail.sweep, delay=60, priority=1)
    expected, head, *listed = str(failed.value).splitlines()
    assert expected == "not enqueued: mail.sweep(any arguments) in 60 s, priority 1"
    assert head == "enqueued were:"
    assert listed[:2] == ["  1. mail.count(first=1, second=5, eta=0)", "  2. mail.sweep() in 90 s, priority 3"]
    assert listed[2].endswith(" due 2070-01-02 03:04:05Z")
    assert len(listed[2]) < 200
    assert len(listed) == 3


async def test_none(mail: Mail, aioqueue_enqueued: Enqueued) -> None:
    aioqueue_enqueued.none()
    await mail.count(1)
    aioqueue_enqueued.none(mail.send)
    with pytest.raises(AssertionError) as failed:
        aioqueue_enqueued.none(mail.count)
    listed = "\nenqueued were:\n  1. mail.count(first=1, second=2, eta=0)"
    assert str(failed.value) == f"no job of mail.count was to be enqueued{listed}"
    with pytest.raises(AssertionError) as failed:
        aioqueue_enqueued.none()
    assert str(failed.value) == f"nothing was to be enqueued{listed}"
    aioqueue_enqueued.clear()
    aioqueue_enqueued.none()


@pytest.mark.parametrize("asked", [None, "mail.send", len])
async def test_what_is_no_task_is_refused(aioqueue_enqueued: Enqueued, asked: Any) -> None:
    with pytest.raises(TypeError, match=r"decorated with @queue\.task"):
        aioqueue_enqueued.assert_enqueued(asked, 1)
    if asked is not None:
        with pytest.raises(TypeError, match=r"decorated with @queue\.task"):
            aioqueue_enqueued.none(asked)


async def test_arguments_that_the_task_cannot_take_are_refused(mail: Mail, aioqueue_enqueued: Enqueued) -> None:
    with pytest.raises(TypeError, match=r"mail\.count\(\).*thrid"):
        aioqueue_enqueued.assert_enqueued(mail.count, 1, thrid=3)
    with pytest.raises(TypeError, match=r"mail\.count\(\).*first"):
        aioqueue_enqueued.assert_enqueued(mail.count, "one")
    with pytest.raises(ValueError, match="priority"):
        aioqueue_enqueued.assert_enqueued(mail.count, 1, priority=99)


async def test_every_way_to_enqueue(queue: Queue, mail: Mail, aioqueue_enqueued: Enqueued) -> None:
    await mail.count(1)
    await mail.count.map([2, 3])
    await queue.enqueue(mail.count.s(4))
    await queue.enqueue(mail.count.s(5).then(mail.count))
    await queue.enqueue(group([mail.count.s(6), mail.count.s(7)]))
    await queue.enqueue_all([mail.count.s(8)])
    await mail.count.schedule((9,), delay=10)
    for number in range(1, 10):
        aioqueue_enqueued.assert_enqueued(mail.count, number)
    assert len(aioqueue_enqueued.jobs) == 9


async def test_the_members_of_a_chord(queue: Queue, aioqueue_memory: Swap, aioqueue_enqueued: Enqueued) -> None:
    aioqueue_memory(queue)

    @queue.task
    async def double(n: int) -> int:
        return 2 * n

    @queue.task
    async def total(values: list[int]) -> int:
        return sum(values)

    await queue.enqueue(chord([double.s(1), double.s(2)], total))
    aioqueue_enqueued.assert_enqueued(double, 2)
    aioqueue_enqueued.none(total)


async def test_what_is_there_already_or_is_a_workers_doing_is_left_out(
    queue: Queue, aioqueue_memory: Swap, aioqueue_enqueued: Enqueued, aioqueue_worker: Workers
) -> None:
    aioqueue_memory(queue)

    @queue.task(retries=1, unique="one")
    async def flaky() -> None:
        raise ValueError("always")

    first, second = await flaky(), await flaky()
    assert first.id == second.id
    await aioqueue_worker(queue).drain()
    assert [job.id for job in aioqueue_enqueued.jobs] == [first.id]


async def test_what_a_body_enqueues_is_there(
    queue: Queue, mail: Mail, aioqueue_enqueued: Enqueued, aioqueue_worker: Workers
) -> None:
    @queue.task
    async def outer() -> None:
        await mail.count(1)

    await outer()
    await aioqueue_worker(queue).drain(raise_errors=True)
    assert [job.task_name for job in aioqueue_enqueued.jobs] == [outer.name, "mail.count"]


async def test_what_was_refused_was_not_enqueued(mail: Mail, aioqueue_enqueued: Enqueued) -> None:
    with pytest.raises(TypeError):
        await mail.count("one")
    aioqueue_enqueued.none()


async def test_tasks_of_one_name_on_two_queues(aioqueue_memory: Swap, aioqueue_enqueued: Enqueued) -> None:
    here, there = Mail(Queue("memory://", name="here")), Mail(Queue("memory://", name="there"))
    await here.count(1)
    aioqueue_enqueued.assert_enqueued(here.count, 1)
    aioqueue_enqueued.none(there.count)


async def test_immediate_jobs_are_told_in_their_order(
    queue: Queue, aioqueue_immediate: Swap, aioqueue_enqueued: Enqueued
) -> None:
    aioqueue_immediate(queue)
    mail = Mail(queue)

    @queue.task
    async def outer() -> None:
        await mail.sweep()
        raise ValueError("after it")

    with pytest.raises(TaskException, match="after it"):
        await outer.call()
    assert [job.task_name for job in aioqueue_enqueued.jobs] == [outer.name, "mail.sweep"]


async def test_calls_that_wait_are_told(
    queue: Queue, mail: Mail, aioqueue_enqueued: Enqueued, aioqueue_worker: Workers
) -> None:
    async with aioqueue_worker(queue):
        assert await mail.count.call(1) == 3
    job = aioqueue_enqueued.assert_enqueued(mail.count, 1)
    assert [job.id] == [each.id for each in aioqueue_enqueued.jobs]


@pytest.mark.parametrize("count", [1, 249, 250, 251, 1_100])
async def test_jobs_of_many_steps_are_told_in_their_order(
    queue: Queue, mail: Mail, aioqueue_enqueued: Enqueued, count: int
) -> None:
    stored = [*await mail.count.map(range(count)), *await queue.enqueue_all(mail.count.s(n) for n in range(count))]
    assert [job.id for job in aioqueue_enqueued.jobs] == [result.id for result in stored]
    assert len(stored) == 2 * count
    aioqueue_enqueued.assert_enqueued(mail.count, count - 1)


async def test_of_many_jobs_those_that_were_there_are_left_out(
    queue: Queue, mail: Mail, aioqueue_enqueued: Enqueued
) -> None:
    there = await mail.count.options(id="there")(1)
    jobs = [mail.count.s(2), mail.count.options(id="there").s(1), mail.count.s(3)]
    results = await queue.enqueue_all(jobs)
    assert [result.id for result in results][1] == there.id
    assert [job.id for job in aioqueue_enqueued.jobs] == [there.id, *(jobs[n].id for n in (0, 2))]


async def test_nothing_is_recorded_after_the_end(mail: Mail) -> None:
    with recording() as enqueued:
        await mail.count(1)
    await mail.count(2)
    assert [job.task_name for job in enqueued.jobs] == ["mail.count"]


async def test_recordings_may_overlap_and_end_in_any_order(mail: Mail) -> None:
    with ExitStack() as first, ExitStack() as second:
        one, other = first.enter_context(recording()), second.enter_context(recording())
        await mail.count(1)
        first.close()
        await mail.count(2)
        second.close()
        await mail.count(3)
        assert (len(one.jobs), len(other.jobs)) == (1, 2)
    assert witnesses == []
