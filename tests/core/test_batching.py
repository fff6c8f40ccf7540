"""Calls of one turn of the loop share one operation."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from aioqueue.batching import Batcher

pytestmark = pytest.mark.asyncio


class Recorder:
    """A batch operation that doubles, remembers its batches, and waits while it is told to."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.going = asyncio.Event()
        self.going.set()
        self.error: BaseException | None = None

    async def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        await asyncio.sleep(0)
        await self.going.wait()
        if self.error is not None:
            raise self.error
        return [item * 2 for item in items]


async def test_one_turn_is_one_batch_and_answers_go_to_their_callers() -> None:
    operation = Recorder()
    batcher = Batcher(operation)
    assert await asyncio.gather(*(batcher.submit(n) for n in range(5))) == [0, 2, 4, 6, 8]
    assert await batcher.submit(9) == 18
    assert operation.batches == [[0, 1, 2, 3, 4], [9]]
    await batcher.close()


async def test_what_comes_while_a_batch_is_under_way_goes_together_next() -> None:
    operation = Recorder()
    operation.going.clear()
    batcher = Batcher(operation)
    first = batcher.submit(1)
    await asyncio.sleep(0)
    rest = [batcher.submit(n) for n in (2, 3)]
    operation.going.set()
    assert await asyncio.gather(first, *rest) == [2, 4, 6]
    assert operation.batches == [[1], [2, 3]]


async def test_no_batch_is_larger_than_the_limit() -> None:
    operation = Recorder()
    batcher = Batcher(operation, 3)
    assert await asyncio.gather(*(batcher.submit(n) for n in range(7))) == [0, 2, 4, 6, 8, 10, 12]
    assert operation.batches == [[0, 1, 2], [3, 4, 5], [6]]


async def test_an_error_is_raised_at_each_caller_and_the_next_batch_goes_on() -> None:
    operation = Recorder()
    operation.error = ConnectionError("gone")
    batcher = Batcher(operation, 2)
    answers = await asyncio.gather(*(batcher.submit(n) for n in range(2)), return_exceptions=True)
    assert [str(answer) for answer in answers] == ["gone", "gone"]
    operation.error = None
    assert await batcher.submit(1) == 2


async def test_a_wrong_number_of_answers_reaches_every_caller() -> None:
    async def short(items: Sequence[int]) -> list[int]:
        return [items[0]]

    batcher = Batcher(short)
    futures = [batcher.submit(n) for n in range(3)]
    done, pending = await asyncio.wait(futures, timeout=0.5)
    assert not pending
    assert any(future.cancelled() or future.exception() for future in done)


async def test_an_error_that_nobody_waits_for_is_no_warning() -> None:
    operation = Recorder()
    operation.error = ConnectionError("gone")
    batcher = Batcher(operation)
    batcher.submit(1)
    await batcher.close()
    assert operation.batches == [[1]]


async def test_a_cancelled_caller_leaves_its_item_and_the_others_alone() -> None:
    operation = Recorder()
    operation.going.clear()
    batcher = Batcher(operation)

    async def caller(n: int) -> int:
        return await batcher.submit(n)

    callers = [asyncio.create_task(caller(n)) for n in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    callers[1].cancel()
    await asyncio.sleep(0)
    operation.going.set()
    await asyncio.wait(callers)
    assert callers[1].cancelled()
    assert [callers[0].result(), callers[2].result()] == [0, 4]
    assert operation.batches == [[0, 1, 2]]
    assert await batcher.submit(5) == 10


async def test_closing_waits_for_everything_submitted() -> None:
    operation = Recorder()
    operation.going.clear()
    batcher = Batcher(operation, 1)
    futures = [batcher.submit(n) for n in range(3)]
    closing = asyncio.create_task(batcher.close())
    await asyncio.sleep(0)
    assert not closing.done()
    operation.going.set()
    await closing
    assert [future.result() for future in futures] == [0, 2, 4]
    await batcher.close()


async def test_no_caller_waits_for_ever_when_the_loops_tasks_are_cancelled() -> None:
    operation = Recorder()
    operation.going.clear()
    batcher = Batcher(operation, 1)
    before = asyncio.all_tasks()
    futures = [batcher.submit(n) for n in range(3)]
    await asyncio.sleep(0)
    (sending,) = asyncio.all_tasks() - before
    sending.cancel()
    await asyncio.wait(futures, timeout=1)
    assert all(future.done() for future in futures)
    operation.going.set()
    assert await batcher.submit(4) == 8


async def test_a_sending_that_is_cancelled_before_its_first_step_holds_up_nobody() -> None:
    """As `asyncio.run` does to what was submitted in the very last turn of its loop."""
    batcher = Batcher(Recorder())
    before = asyncio.all_tasks()
    future = batcher.submit(1)
    (sending,) = asyncio.all_tasks() - before
    sending.cancel()
    async with asyncio.timeout(1):
        await batcher.close()
    assert future.cancelled()
    assert await batcher.submit(4) == 8


async def test_what_was_submitted_to_a_sending_that_never_began_goes_with_the_next() -> None:
    operation = Recorder()
    batcher = Batcher(operation)
    before = asyncio.all_tasks()
    first = batcher.submit(1)
    (sending,) = asyncio.all_tasks() - before
    sending.cancel()
    await asyncio.wait({sending})
    second = batcher.submit(2)
    async with asyncio.timeout(1):
        assert await asyncio.gather(first, second) == [2, 4]
    assert operation.batches == [[1, 2]]


async def test_many_calls_of_one_turn_are_halved_where_two_batches_may_go_abreast() -> None:
    operation = Recorder()
    operation.going.clear()
    batcher = Batcher(operation, abreast=2)
    futures = [batcher.submit(n) for n in range(101)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert operation.batches == [list(range(51)), list(range(51, 101))]
    later = [batcher.submit(n) for n in (7, 8)]
    await asyncio.sleep(0)
    assert len(operation.batches) == 2
    operation.going.set()
    assert await asyncio.gather(*futures, *later) == [n * 2 for n in (*range(101), 7, 8)]
    assert operation.batches[2:] == [[7, 8]]


async def test_whoever_submits_as_an_answer_comes_is_answered_too() -> None:
    operation = Recorder()
    batcher = Batcher(operation, abreast=2)

    async def caller() -> None:
        for n in range(50):
            assert await batcher.submit(n) == 2 * n

    async with asyncio.timeout(10):
        await asyncio.gather(*(caller() for _ in range(100)))
    assert sum(map(len, operation.batches)) == 5_000
    await batcher.close()


async def test_close_waits_for_batches_that_go_abreast() -> None:
    operation = Recorder()
    operation.going.clear()
    batcher = Batcher(operation, abreast=2)
    futures = [batcher.submit(n) for n in range(100)]
    closing = asyncio.create_task(batcher.close())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not closing.done()
    operation.going.set()
    await closing
    assert all(future.done() for future in futures)


# ---------------------------------------------------------------- callers that are alone
async def test_lone_calls_that_follow_each_other_are_sent_by_their_caller_at_once() -> None:
    operation = Recorder()
    batcher = Batcher(operation)
    assert await batcher.call(1) == 2
    operation.going.clear()
    before = asyncio.all_tasks()
    calling = asyncio.create_task(batcher.call(2))
    await asyncio.sleep(0)
    assert operation.batches == [[1], [2]]
    assert asyncio.all_tasks() - before == {calling}
    operation.going.set()
    assert await calling == 4


async def test_calls_of_one_turn_share_a_batch_also_after_lone_ones() -> None:
    operation = Recorder()
    batcher = Batcher(operation)
    for n in range(3):
        await batcher.call(n)
    assert await asyncio.gather(*(batcher.call(n) for n in range(4))) == [0, 2, 4, 6]
    assert await asyncio.gather(*(batcher.call(n) for n in range(4))) == [0, 2, 4, 6]
    assert operation.batches[3:] == [[0], [1, 2, 3], [0, 1, 2, 3]]


async def test_a_lone_caller_that_is_cancelled_takes_nobody_with_it() -> None:
    operation = Recorder()
    batcher = Batcher(operation)
    await batcher.call(1)
    operation.going.clear()
    lone, other = asyncio.create_task(batcher.call(2)), asyncio.create_task(batcher.call(3))
    await asyncio.sleep(0)
    lone.cancel()
    await asyncio.wait([lone])
    operation.going.set()
    assert await other == 6
    assert await batcher.call(4) == 8
    assert operation.batches == [[1], [2], [3], [4]]


async def test_an_error_reaches_a_lone_caller() -> None:
    operation = Recorder()
    batcher = Batcher(operation)
    await batcher.call(1)
    operation.error = ConnectionError("gone")
    with pytest.raises(ConnectionError, match="gone"):
        await batcher.call(2)
    operation.error = None
    assert await batcher.call(3) == 6


async def test_closing_waits_for_what_begins_meanwhile() -> None:
    operation = Recorder()
    batcher = Batcher(operation)
    await batcher.call(1)
    operation.going.clear()

    async def call_twice() -> list[int]:
        first = await batcher.call(2)
        operation.going.clear()
        return [first, await batcher.call(3)]

    calling = asyncio.create_task(call_twice())
    await asyncio.sleep(0)
    closing = asyncio.create_task(batcher.close())
    await asyncio.sleep(0)
    operation.going.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert operation.batches == [[1], [2], [3]]
    assert not closing.done()
    operation.going.set()
    await closing
    assert await calling == [4, 6]


async def test_closing_waits_for_a_lone_caller() -> None:
    operation = Recorder()
    batcher = Batcher(operation)
    await batcher.call(1)
    operation.going.clear()
    calling = asyncio.create_task(batcher.call(2))
    await asyncio.sleep(0)
    closing = [asyncio.create_task(batcher.close()) for _ in range(2)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in closing)
    operation.going.set()
    await asyncio.gather(*closing)
    assert await calling == 4
