"""Results: awaited, asked, given up, on every store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest

from aioqueue import (
    ConfigurationError,
    JobState,
    Queue,
    Result,
    ResultGroup,
    ResultsDisabled,
    ResultTimeout,
    ResultUnknown,
    SerializationError,
    TaskException,
)
from aioqueue.drivers.base import Settled
from aioqueue.ids import new_id
from tests.core.stores import MakeQueue, eventually

pytestmark = pytest.mark.asyncio


async def test_a_result_can_be_awaited_as_often_as_you_like(make_queue: MakeQueue) -> None:
    queue, other = make_queue(), make_queue()

    @queue.task
    async def body() -> list[int]:
        return [1]

    async with queue, other, queue.worker():
        result = await body()
        first = await result
        first.append(2)
        assert await result == [1]
        assert await result.get(timeout=0) == [1]
        assert await body.result(result.id) == [1]
        assert await other.result(result.id) == [1]
        assert await result.ready()


@pytest.mark.parametrize("value", [None, False, 0, "", [], {}], ids=repr)
async def test_a_value_that_is_nothing_is_a_value(make_queue: MakeQueue, value: Any) -> None:
    queue = make_queue()

    @queue.task
    async def body() -> Any:
        return value

    async with queue, queue.worker():
        result = await body()
        assert await result.get(timeout=5) == value
        assert await queue.result(result.id).get(timeout=0) == value


async def test_a_value_comes_as_the_declared_type(make_queue: MakeQueue) -> None:
    queue = make_queue()

    @queue.task
    async def pair() -> tuple[int, set[str]]:
        return 1, {"a"}

    @queue.task
    async def liar() -> int:
        return "one"  # type: ignore[return-value]

    async with queue, queue.worker():
        assert await pair.call() == (1, {"a"})
        with pytest.raises(TaskException, match=r"liar.*not of the type declared"):
            await liar.call()


async def test_states_through_the_life_of_a_job(make_queue: MakeQueue) -> None:
    queue = make_queue()
    began, go = asyncio.Event(), asyncio.Event()

    @queue.task
    async def body(fails: bool = False) -> None:
        began.set()
        await go.wait()
        if fails:
            raise ValueError

    async def moves_on(result: Result[None], state: JobState) -> None:
        async def is_so() -> bool:
            return await result.state() is state

        await eventually(is_so)

    async with queue:
        result = await body.options(delay=1000)()
        assert await result.state() is JobState.SCHEDULED
        assert not await result.ready()
        await (await queue.session()).driver.shift(1001)
        queued = await body(fails=True)
        assert await queued.state() is JobState.QUEUED
        async with queue.worker():
            await began.wait()
            await moves_on(queued, JobState.RUNNING)
            go.set()
            await moves_on(queued, JobState.FAILED)
            await moves_on(result, JobState.SUCCEEDED)
        assert await queued.ready()
        with pytest.raises(TaskException):
            await queued
        assert await queued.state() is JobState.FAILED


async def test_a_wait_ends_after_its_timeout_and_the_job_goes_on(make_queue: MakeQueue) -> None:
    queue = make_queue()

    @queue.task
    async def body() -> int:
        return 1

    async with queue:
        result = await body()
        with pytest.raises(ResultTimeout, match=r"0\.02 s; waiting no longer has not cancelled it$") as caught:
            await result.get(timeout=0.02)
        assert isinstance(caught.value, TimeoutError)
        for timeout in (0, -1):
            with pytest.raises(ResultTimeout, match="queued"):
                await result.get(timeout=timeout)
        async with queue.worker():
            assert await result.get(timeout=5) == 1


async def test_a_timeout_around_the_wait_is_the_callers_own(memory_queue: Queue) -> None:
    @memory_queue.task
    async def body() -> int:
        return 1

    async with memory_queue:
        result = await body()
        with pytest.raises(TimeoutError) as caught:
            async with asyncio.timeout(0.01):
                await result.get(timeout=60)
        assert not isinstance(caught.value, ResultTimeout)


async def test_a_job_nobody_knows_is_unknown_at_once(make_queue: MakeQueue) -> None:
    queue = make_queue()
    async with queue, asyncio.timeout(5):
        for timeout in (None, 5, 0):
            with pytest.raises(ResultUnknown, match="never heard"):
                await queue.result(new_id()).get(timeout=timeout)
        for silent in (new_id(time.time() - 7200), "chosen-by-hand"):  # whether there ever was such a job
            with pytest.raises(ResultUnknown, match=r"left the store \(result_ttl\), or there never was such a job"):
                await queue.result(silent).get()
        result = queue.result(new_id())
        assert await result.state() is JobState.UNKNOWN
        assert not await result.ready()


async def test_a_result_leaves_the_store_after_its_ttl(make_queue: MakeQueue) -> None:
    queue = make_queue(result_ttl=50)

    @queue.task
    async def body() -> int:
        return 1

    async with queue:
        async with queue.worker():
            kept, gone = await body.options(result_ttl=5000)(), await body()
            assert await kept.get(timeout=5) == await gone.get(timeout=5) == 1
        await (await queue.session()).driver.shift(1000)
        assert await gone == 1
        gone.reset()
        with pytest.raises(ResultUnknown):
            async with asyncio.timeout(5):
                await gone
        kept.reset()
        assert await kept.get(timeout=5) == 1


async def test_a_flush_while_waiting_is_learned_of(make_queue: MakeQueue) -> None:
    queue = make_queue()

    @queue.task
    async def body() -> None: ...

    async with queue:
        wait = asyncio.create_task((await body()).get())
        await asyncio.sleep(0.02)
        await queue.flush()
        with pytest.raises(ResultUnknown):
            async with asyncio.timeout(5):
                await wait


async def test_results_off_raise_at_once(make_queue: MakeQueue) -> None:
    queue = make_queue(results=False)

    @queue.task
    async def off() -> int:
        return 1

    @queue.task(results=True)
    async def on() -> int:
        return 2

    async with queue, asyncio.timeout(5):
        result = await off()
        with pytest.raises(ResultsDisabled, match=result.id):
            await result
        with pytest.raises(ResultsDisabled):
            await result.get(timeout=0)
        assert await result.state() is JobState.QUEUED
        async with queue.worker():
            assert await on.call() == 2


# ---------------------------------------------------------------- many, cancelled, elsewhere
async def test_ten_thousand_results_awaited_together(make_queue: MakeQueue) -> None:
    queue = make_queue()

    @queue.task
    async def body(n: int) -> int:
        return n

    async with queue, asyncio.timeout(60):
        results = await body.map(range(10_000))
        waits = [asyncio.create_task(result.get()) for result in results]
        await asyncio.sleep(0.05)
        async with queue.worker(concurrency=200):
            assert await asyncio.gather(*waits) == list(range(10_000))
        assert (await queue.session()).listener._waits == {}


async def test_giving_up_a_wait_disturbs_nobody(make_queue: MakeQueue) -> None:
    queue = make_queue()

    @queue.task
    async def body(n: int) -> int:
        return n

    async with queue:
        results = await body.map(range(50))
        waits = [asyncio.create_task(result.get()) for result in results for _ in range(2)]
        await asyncio.sleep(0.02)
        for wait in waits[::3]:
            wait.cancel()
        await asyncio.sleep(0)
        async with queue.worker(), asyncio.timeout(10):
            outcomes = await asyncio.gather(*waits, return_exceptions=True)
        for number, outcome in enumerate(outcomes):
            assert isinstance(outcome, asyncio.CancelledError) if number % 3 == 0 else outcome == number // 2
        assert (await queue.session()).listener._waits == {}
        assert await results.get(timeout=5) == list(range(50))


async def test_a_call_that_is_given_up_in_whatever_turn_leaves_no_registration(
    make_queue: MakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = make_queue()
    registered: set[str] = set()

    @queue.task
    async def body(n: int) -> int:
        return n

    async with queue, asyncio.timeout(10):
        driver = (await queue.session()).driver
        watch, unwatch = driver.watch, driver.unwatch

        async def watching(ids: Sequence[str], ttl: float) -> list[Settled | None]:
            registered.update(ids)
            return await watch(ids, ttl)

        async def unwatching(ids: Sequence[str]) -> None:
            registered.difference_update(ids)
            await unwatch(ids)

        monkeypatch.setattr(driver, "watch", watching)
        monkeypatch.setattr(driver, "unwatch", unwatching)
        for turns in range(12):
            call = asyncio.create_task(body.call(turns))
            for _ in range(turns):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait([call])
        await body(0)  # a request of its own, behind those
        await eventually(lambda: not registered)
        await asyncio.sleep(0.05)
        assert registered == set()


async def test_waiters_in_two_places_hear_of_one_result(make_queue: MakeQueue) -> None:
    queue, elsewhere, third = make_queue(), make_queue(), make_queue()

    @queue.task
    async def body() -> int:
        return 1

    async with queue, elsewhere, third:
        result = await body()
        waits = [asyncio.create_task(place.result(result.id).get(timeout=10)) for place in (queue, elsewhere, third)]
        await asyncio.sleep(0.03)
        waits.pop().cancel()
        async with queue.worker():
            assert await asyncio.gather(*waits) == [1, 1]


async def test_a_large_value_reaches_a_waiter(make_queue: MakeQueue) -> None:
    queue = make_queue()

    @queue.task
    async def body(n: int) -> bytes:
        return b"x" * n

    async with queue:
        results = [await body(n) for n in (60_000, 70_000, 3_000_000)]
        waits = [asyncio.create_task(result.get(timeout=10)) for result in results]
        await asyncio.sleep(0.02)
        async with queue.worker():
            assert [len(value) for value in await asyncio.gather(*waits)] == [60_000, 70_000, 3_000_000]


# ---------------------------------------------------------------- groups
async def test_a_group_is_a_sequence_that_awaits_to_values(make_queue: MakeQueue) -> None:
    queue = make_queue()

    @queue.task
    async def add(a: int, b: int = 10) -> int:
        return a + b

    async with queue, queue.worker():
        group = await add.map([(1, 2), 3, (4,)])
        assert await group == [3, 13, 14]
        assert await group.get(timeout=5) == [3, 13, 14]
        assert len(group) == 3
        assert [await result for result in group] == [3, 13, 14]
        assert await group[-1] == 14
        assert isinstance(group[1:], ResultGroup)
        assert await group[1:] == [13, 14]
        with pytest.raises(IndexError):
            group[3]
        assert await (await add.map([])) == []


async def test_a_group_raises_the_first_error_in_order(make_queue: MakeQueue) -> None:
    queue = make_queue()

    @queue.task
    async def body(n: int) -> int:
        if n % 2:
            raise ValueError(f"odd {n}")
        return n

    async with queue, queue.worker():
        group = await body.map(range(6))
        with pytest.raises(TaskException, match="odd 1"):
            await group


async def test_a_group_with_a_timeout(make_queue: MakeQueue) -> None:
    queue = make_queue()

    @queue.task
    async def body() -> int:
        return 1

    async with queue:
        group = await body.map([(), ()])
        for timeout in (0.02, 0):
            with pytest.raises(ResultTimeout):
                await group.get(timeout=timeout)
        async with queue.worker():
            assert await group.get(timeout=5) == [1, 1]


async def test_a_group_that_is_there_needs_no_waiting(make_queue: MakeQueue) -> None:
    queue = make_queue()

    @queue.task
    async def body() -> int:
        return 1

    async with queue:
        group = await body.map([(), ()])
        async with queue.worker():
            await group
        for result in group:
            result.reset()
        assert await group.get(timeout=0) == [1, 1]


async def test_map_checks_every_row_before_it_stores_one(make_queue: MakeQueue) -> None:
    queue = make_queue()

    @queue.task
    async def body(n: int) -> None: ...

    async with queue:
        with pytest.raises(TypeError, match="'n'"):
            await body.map([1, 2, "three"])
        with pytest.raises(TypeError, match="positional"):
            await body.map([1, (2, 3)])
        assert set((await queue.counts()).values()) == {0}


async def test_as_completed_gives_each_when_it_has_finished(make_queue: MakeQueue) -> None:
    queue = make_queue()
    gates = [asyncio.Event() for _ in range(3)]

    @queue.task
    async def body(n: int) -> int:
        await gates[n].wait()
        if n == 1:
            raise ValueError
        return n

    async with queue, queue.worker():
        group = await body.map(range(3))
        gates[2].set()
        seen: list[str] = []
        async for result in group.as_completed():
            seen.append(result.id)
            assert await result.ready()
            gates[[1, 0, 0][len(seen) - 1]].set()
        assert seen == [group[2].id, group[1].id, group[0].id]


async def test_leaving_as_completed_early_stops_waiting(make_queue: MakeQueue) -> None:
    queue = make_queue()

    @queue.task
    async def body(n: int) -> int:
        if n:
            await asyncio.sleep(60)
        return n

    async with queue:
        group = await body.map([0, 1, 1])
        async with queue.worker(shutdown_timeout=0):
            completed = group.as_completed()
            assert await (await anext(completed)) == 0
            await completed.aclose()  # type: ignore[attr-defined]
        assert (await queue.session()).listener._waits == {}


# ---------------------------------------------------------------- what goes in
async def test_what_is_refused_at_the_call_is_not_stored(make_queue: MakeQueue) -> None:
    queue = make_queue(max_payload=1_000)

    @queue.task
    async def body(n: int, extra: Any = None) -> None: ...

    async with queue:
        for args, error in [
            ((), TypeError),
            (("x",), TypeError),
            ((1, object()), SerializationError),
            ((1, "x" * 2_000), SerializationError),
        ]:
            with pytest.raises(error, match="body"):
                await body(*args)  # type: ignore[arg-type]
            with pytest.raises(error, match="body"):
                await body.call(*args)  # type: ignore[arg-type]
            with pytest.raises(error, match="body"):
                await body.schedule(args, delay=5)
        assert set((await queue.counts()).values()) == {0}


async def test_the_same_id_is_stored_once(make_queue: MakeQueue) -> None:
    queue = make_queue()
    ran = 0

    @queue.task
    async def body() -> int:
        nonlocal ran
        ran += 1
        return ran

    async with queue:
        once = body.options(id="once")
        results = [await once(), await once()]
        job = body.s()
        results += [await queue.enqueue(job), await queue.enqueue(job)]
        assert (await queue.counts())[JobState.QUEUED] == 2
        async with queue.worker():
            values = [await result.get(timeout=5) for result in results]
            assert await (await once()).get(timeout=5) == values[0]
    assert (values[0], values[2]) == (values[1], values[3])
    assert ran == 2


async def test_a_job_of_another_queue_is_refused(memory_queue: Queue) -> None:
    @Queue("memory://").task
    async def elsewhere() -> None: ...

    with pytest.raises((ConfigurationError, ValueError, TypeError), match="queue"):
        await memory_queue.enqueue(elsewhere.s())
    assert set((await memory_queue.counts()).values()) == {0}


async def test_schedule_takes_arguments_and_a_time(make_queue: MakeQueue) -> None:
    queue = make_queue()

    @queue.task
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue, queue.worker():
        result = await add.schedule((1,), {"b": 2}, delay=0.02)
        assert await result.get(timeout=5) == 3
        with pytest.raises(TypeError, match="tuple"):
            await add.schedule([1, 2])  # type: ignore[arg-type]
