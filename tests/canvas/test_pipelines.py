"""Stages that run one after another."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from aioqueue import (
    ConfigurationError,
    Job,
    JobState,
    Pipeline,
    PipelineResult,
    Queue,
    SerializationError,
    Task,
    TaskCancelled,
    TaskException,
    TaskExpired,
)

pytestmark = pytest.mark.asyncio


def adder(queue: Queue, **options: Any) -> Task[..., int]:
    @queue.task(name="add", **options)
    async def add(a: int, b: int = 2) -> int:
        return a + b

    return add


def breaker(queue: Queue, **options: Any) -> Task[..., int]:
    @queue.task(name="boom", **options)
    async def boom(x: int) -> int:
        raise ValueError(f"boom {x}")

    return boom


# ---------------------------------------------------------------- values
async def test_every_stage_is_given_the_value_before_it_and_has_a_result(queue: Queue) -> None:
    add = adder(queue)
    async with queue, queue.worker():
        results = await queue.enqueue(add.s(1, 2).then(add, 3).then(add, 4))
        assert isinstance(results, PipelineResult)
        assert await results.get(timeout=5) == [3, 6, 10]
        assert await results.last == 10
        assert [await one.state() for one in results] == [JobState.SUCCEEDED] * 3


async def test_a_pipeline_may_be_long(queue: Queue) -> None:
    add = adder(queue)
    pipeline: Pipeline[Any, int] = add.s(0, 1).then(add, 1)
    for _ in range(28):
        pipeline = pipeline.then(add, 1)
    async with queue, queue.worker():
        assert await (await queue.enqueue(pipeline)).get(timeout=10) == list(range(1, 31))


async def test_a_tuple_is_spread_over_the_next_stage(queue: Queue) -> None:
    @queue.task
    async def fib(a: int, b: int = 1) -> tuple[int, int]:
        return a + b, a

    async with queue, queue.worker():
        results = await queue.enqueue(fib.s(1).then(fib).then(fib).then(fib))
        assert await results.get(timeout=5) == [(2, 1), (3, 2), (5, 3), (8, 5)]


async def test_an_empty_tuple_hands_on_nothing(queue: Queue) -> None:
    add = adder(queue)

    @queue.task
    async def empty() -> tuple[int, ...]:
        return ()

    async with queue, queue.worker():
        assert await (await queue.enqueue(empty.s().then(add, 40))).get(timeout=5) == [(), 42]


async def test_a_dict_fills_the_keywords_that_are_absent(queue: Queue) -> None:
    add = adder(queue)

    @queue.task
    async def row(x: int) -> dict[str, int]:
        return {"a": x, "b": 1}

    async with queue, queue.worker():
        assert await (await queue.enqueue(row.s(5).then(add))).last.get(timeout=5) == 6
        assert await (await queue.enqueue(row.s(5).then(add, b=10))).last.get(timeout=5) == 15


async def test_a_task_declared_as_none_hands_on_nothing(queue: Queue) -> None:
    add = adder(queue)

    @queue.task
    async def nothing() -> None: ...

    async with queue, queue.worker():
        assert await (await queue.enqueue(nothing.s().then(add, 1).then(add, 1))).get(timeout=5) == [None, 3, 4]


async def test_a_none_of_a_task_that_may_return_it_is_a_value(queue: Queue) -> None:
    @queue.task
    async def maybe() -> int | None:
        return None

    @queue.task
    async def is_none(x: int | None) -> bool:
        return x is None

    async with queue, queue.worker():
        assert await (await queue.enqueue(maybe.s().then(is_none))).get(timeout=5) == [None, True]


@pytest.mark.parametrize("value", [0, False, "", [], [1, 2]], ids=repr)
async def test_a_value_that_is_empty_or_a_list_is_one_argument(queue: Queue, value: object) -> None:
    @queue.task
    async def give() -> Any:
        return value

    @queue.task
    async def take(x: Any) -> Any:
        return x

    async with queue, queue.worker():
        assert await (await queue.enqueue(give.s().then(take))).get(timeout=5) == [value, value]


async def test_a_value_goes_before_the_extra_arguments_and_keywords(queue: Queue) -> None:
    @queue.task
    async def said(*args: Any, **kwargs: Any) -> str:
        return f"{args} {kwargs}"

    @queue.task
    async def one() -> int:
        return 1

    async with queue, queue.worker():
        results = await queue.enqueue(one.s().then(said, "x", label="y"))
        assert await results.last.get(timeout=5) == "(1, 'x') {'label': 'y'}"


async def test_thread_and_coroutine_stages_mix_and_typed_values_arrive_as_their_types(queue: Queue) -> None:
    @queue.task
    def when(year: int) -> datetime:
        return datetime(year, 1, 1, tzinfo=UTC)

    @queue.task
    async def year(at: datetime) -> int:
        return at.year

    async with queue, queue.worker():
        results = await queue.enqueue(when.s(2030).then(year))
        assert await results.get(timeout=5) == [datetime(2030, 1, 1, tzinfo=UTC), 2030]


async def test_stages_run_where_results_are_off(queue: Queue) -> None:
    quiet = adder(queue, results=False)

    @queue.task
    async def double(x: int) -> int:
        return 2 * x

    async with queue, queue.worker():
        assert await (await queue.enqueue(quiet.s(1, 2).then(quiet, 3).then(double))).last.get(timeout=5) == 12


# ---------------------------------------------------------------- as data
async def test_then_and_error_make_new_ones(memory_queue: Queue) -> None:
    add = adder(memory_queue)

    @memory_queue.task
    async def failed(error: TaskException) -> None: ...

    job = add.s(1)
    pipeline = job.then(add)
    assert isinstance(pipeline, Pipeline)
    assert pipeline.then(add) is not pipeline
    assert len(pipeline.results()) == 2
    assert pipeline.error(failed) is not pipeline
    assert job.error(failed) is not job
    assert repr(pipeline.then(add)) == "<Pipeline add -> add -> add>"


async def test_nothing_is_stored_before_it_is_enqueued(queue: Queue) -> None:
    add = adder(queue)
    async with queue:
        add.s(1).then(add).then(add)
        assert sum((await queue.counts()).values()) == 0


async def test_enqueueing_one_pipeline_twice_stores_it_once(queue: Queue) -> None:
    ran: list[int] = []

    @queue.task
    async def count(n: int) -> int:
        ran.append(n)
        return n + 1

    pipeline = count.s(0).then(count).then(count)
    async with queue:
        await queue.enqueue(pipeline)
        results = await queue.enqueue(pipeline)
        assert (await queue.counts())[JobState.QUEUED] == 1
        async with queue.worker():
            assert await results.get(timeout=5) == [1, 2, 3]
            again = await queue.enqueue(pipeline)  # it has finished
            assert await again.get(timeout=5) == [1, 2, 3]
            await asyncio.sleep(0)
        assert sum((await queue.counts()).values()) == 0
    assert ran == [0, 1, 2]


async def test_later_stages_wait_in_the_store_for_their_turn(queue: Queue) -> None:
    add = adder(queue)
    async with queue:
        results = await queue.enqueue(add.s(1).then(add).then(add))
        assert [await one.state() for one in results] == [JobState.QUEUED, JobState.SCHEDULED, JobState.SCHEDULED]
        waits = [asyncio.create_task(one.get()) for one in results]  # before anything has run
        async with queue.worker():
            assert await asyncio.wait_for(asyncio.gather(*waits), 5) == [3, 5, 7]


async def test_results_of_stages_are_known_to_another_queue_object_by_id(queue: Queue, make_queue: Any) -> None:
    add, other = adder(queue), make_queue()
    async with queue, other:
        results = await queue.enqueue(add.s(1).then(add))
        waits = [asyncio.create_task(other.result(one.id).get()) for one in results]
        async with queue.worker():
            assert await asyncio.wait_for(asyncio.gather(*waits), 5) == [3, 5]


# ---------------------------------------------------------------- options of a stage
async def observed_options(queue: Queue, head: Job[Any]) -> tuple[int, ...]:
    """Return the priority of the second stage while it runs."""

    @queue.task(context=True, name="look")
    async def look(job: Job[Any], x: int) -> int:
        return job.priority

    async with queue, queue.worker():
        results = await queue.enqueue(head.then(look).then(look))
        return tuple(await results.get(timeout=5))[1:]


async def test_the_priority_of_the_first_travels_with_the_pipeline(queue: Queue) -> None:
    add = adder(queue)
    assert await observed_options(queue, add.options(priority=5).s(1)) == (5, 5)


async def test_the_declared_priority_of_the_first_travels_too(queue: Queue) -> None:
    add = adder(queue, priority=3)
    assert await observed_options(queue, add.s(1)) == (3, 3)


async def test_a_stage_may_have_a_priority_of_its_own(queue: Queue) -> None:
    add = adder(queue)

    @queue.task(context=True)
    async def look(job: Job[Any], x: int) -> int:
        return job.priority

    async with queue, queue.worker():
        results = await queue.enqueue(add.options(priority=5).s(1).then(look.options(priority=-2)))
        assert await results.last.get(timeout=5) == -2


async def test_the_expiry_of_the_first_travels_with_the_pipeline(queue: Queue) -> None:
    add = adder(queue)

    @queue.task
    async def gate(x: int) -> int:
        await driver.shift(100)
        return x

    async with queue:
        driver = (await queue.session()).driver
        async with queue.worker(concurrency=1):
            results = await queue.enqueue(gate.options(expires=50).s(1).then(add).then(add))
            assert await results[0].get(timeout=5) == 1
            for later in results[1:]:
                with pytest.raises(TaskExpired):
                    await later.get(timeout=5)
                assert await later.state() is JobState.EXPIRED


async def test_a_stage_may_expire_by_itself(queue: Queue) -> None:
    add = adder(queue)

    async with queue:
        driver = (await queue.session()).driver
        results = await queue.enqueue(add.s(1).then(add.options(expires=10, delay=60)).then(add))
        async with queue.worker():
            assert await results[0].get(timeout=5) == 3
        await driver.shift(100)
        async with queue.worker():
            for later in results[1:]:
                with pytest.raises(TaskExpired):
                    await later.get(timeout=5)


async def test_an_expired_first_stage_ends_the_later_ones(queue: Queue) -> None:
    add = adder(queue)
    async with queue:
        results = await queue.enqueue(add.options(expires=10).s(1).then(add).then(add))
        await (await queue.session()).driver.shift(20)
        async with queue.worker():
            for one in results:
                with pytest.raises(TaskExpired):
                    await one.get(timeout=5)
                assert await one.state() is JobState.EXPIRED


async def test_a_stage_may_be_delayed(queue: Queue) -> None:
    add = adder(queue)
    async with queue:
        results = await queue.enqueue(add.s(1).then(add.options(delay=60)).then(add))
        async with queue.worker():
            assert await results[0].get(timeout=5) == 3
            assert await results[1].state() is JobState.SCHEDULED
        await (await queue.session()).driver.shift(61)
        async with queue.worker():
            assert await results.get(timeout=5) == [3, 5, 7]


async def test_the_whole_pipeline_may_be_delayed(queue: Queue) -> None:
    add = adder(queue)
    async with queue:
        results = await queue.enqueue(add.options(delay=60).s(1).then(add))
        assert (await queue.counts())[JobState.SCHEDULED] == 1
        await (await queue.session()).driver.shift(61)
        async with queue.worker():
            assert await results.get(timeout=5) == [3, 5]


async def test_a_stage_retries_by_itself_and_the_later_ones_wait(queue: Queue) -> None:
    add, tries = adder(queue), []

    @queue.task(retries=2, context=True)
    async def flaky(job: Job[Any], x: int) -> int:
        tries.append((job.tries, job.retries, x))
        if job.tries < 2:
            raise ValueError("not yet")
        return x

    async with queue, queue.worker():
        assert await (await queue.enqueue(add.s(1).then(flaky).then(add))).get(timeout=5) == [3, 3, 5]
        assert await (await queue.enqueue(flaky.s(1).then(add))).get(timeout=5) == [1, 3]
    assert tries == [(0, 2, 3), (1, 1, 3), (2, 0, 3), (0, 2, 1), (1, 1, 1), (2, 0, 1)]


# ---------------------------------------------------------------- failing
async def test_a_failing_stage_ends_the_later_ones_with_its_error(queue: Queue) -> None:
    add, boom, ran = adder(queue), breaker(queue), []

    @queue.task
    async def never(x: int) -> int:
        ran.append(x)
        return x

    async with queue, queue.worker():
        results = await queue.enqueue(add.s(1).then(boom).then(never).then(never))
        assert await results[0].get(timeout=5) == 3
        for later in results[1:]:
            with pytest.raises(TaskException, match="boom 3") as caught:
                await later.get(timeout=5)
            assert caught.value.job_id == later.id
            assert await later.state() is JobState.FAILED
        with pytest.raises(TaskException, match="boom 3"):
            await results.get(timeout=5)
        assert sum((await queue.counts()).values()) == 0
    assert not ran


async def test_a_stage_that_fails_after_its_retries_ends_the_pipeline(queue: Queue) -> None:
    add, boom = adder(queue), breaker(queue, retries=2)
    async with queue, queue.worker():
        with pytest.raises(TaskException, match="boom 1"):
            await (await queue.enqueue(boom.s(1).then(add))).last.get(timeout=5)


async def test_a_value_that_does_not_fit_the_next_stage_fails_that_stage(queue: Queue) -> None:
    add = adder(queue)

    @queue.task
    async def word() -> Any:
        return "word"

    async with queue, queue.worker():
        results = await queue.enqueue(word.s().then(add, 1).then(add))
        assert await results[0].get(timeout=5) == "word"
        for later in results[1:]:
            with pytest.raises(TaskException, match=r"does not fit.*'a'"):
                await later.get(timeout=5)


async def test_error_calls_back_once_with_the_exception_of_the_stage_that_failed(queue: Queue) -> None:
    add, boom, told = adder(queue), breaker(queue), asyncio.Queue[tuple[str, str, str]]()

    @queue.task
    async def failed(error: TaskException, tag: str) -> None:
        told.put_nowait((error.job_id, error.error, tag))

    async with queue, queue.worker():
        results = await queue.enqueue(add.s(1).then(boom).then(add).error(failed, "t"))
        assert await asyncio.wait_for(told.get(), 5) == (results[1].id, "ValueError: boom 3", "t")
        await (await queue.enqueue(add.s(1).then(add).error(failed, "not told"))).get(timeout=5)
    assert told.empty()


@pytest.mark.parametrize("where", ["before", "between", "after"])
async def test_a_callback_of_the_pipeline_is_for_all_stages_wherever_it_is_said(queue: Queue, where: str) -> None:
    add, boom, told = adder(queue), breaker(queue), asyncio.Queue[tuple[str, str]]()

    @queue.task
    async def failed(error: TaskException, tag: str) -> None:
        told.put_nowait((error.job_id, tag))

    start = add.s(1).then(add)
    pipeline = {
        "before": start.error(failed, "a").error(failed, "b").then(add).then(boom),
        "between": start.then(add).error(failed, "a").then(boom).error(failed, "b"),
        "after": start.then(add).then(boom).error(failed, "a").error(failed, "b"),
    }[where]
    async with queue, queue.worker():
        results = await queue.enqueue(pipeline)
        calls = {await asyncio.wait_for(told.get(), 5) for _ in range(2)}
        assert calls == {(results.last.id, "a"), (results.last.id, "b")}
    assert told.empty()


async def test_a_callback_of_a_job_is_not_for_the_stages_after_it(queue: Queue) -> None:
    add, boom, told = adder(queue), breaker(queue), asyncio.Queue[str]()

    @queue.task
    async def failed(error: TaskException, tag: str) -> None:
        told.put_nowait(tag)

    async with queue, queue.worker() as worker:
        await queue.enqueue(add.s(1).error(failed, "head").then(boom).error(failed, "all"))
        assert await asyncio.wait_for(told.get(), 5) == "all"
        await worker.drain()
    assert told.empty()


@pytest.mark.parametrize("callbacks", [1, 2])
async def test_a_job_has_error_callbacks_too_after_its_last_try_only(queue: Queue, callbacks: int) -> None:
    boom, told = breaker(queue, retries=2), asyncio.Queue[int]()

    @queue.task
    async def failed(error: TaskException, number: int) -> None:
        assert "ValueError" in error.traceback
        told.put_nowait(number)

    job = boom.s(1)
    for number in range(callbacks):
        job = job.error(failed, number)
    async with queue, queue.worker():
        await queue.enqueue(job)
        assert {await asyncio.wait_for(told.get(), 5) for _ in range(callbacks)} == set(range(callbacks))
    assert told.empty()


# ---------------------------------------------------------------- stopping
async def test_a_revoked_first_stage_ends_the_pipeline(queue: Queue) -> None:
    add = adder(queue)
    async with queue:
        results = await queue.enqueue(add.s(1).then(add).then(add))
        await results[0].revoke()
        async with queue.worker():
            for one in results:
                with pytest.raises(TaskCancelled) as caught:
                    await one.get(timeout=5)
                assert caught.value.reason == "revoked"


async def test_a_revoked_later_stage_ends_those_after_it(queue: Queue) -> None:
    add = adder(queue)
    async with queue:
        results = await queue.enqueue(add.s(1).then(add).then(add))
        await results[1].revoke()
        assert await results[1].is_revoked()
        async with queue.worker():
            assert await results[0].get(timeout=5) == 3
            for later in results[1:]:
                with pytest.raises(TaskCancelled) as caught:
                    await later.get(timeout=5)
                assert caught.value.reason == "revoked"


async def test_cancelling_the_first_stage_ends_the_later_ones(queue: Queue) -> None:
    add = adder(queue)
    async with queue:
        results = await queue.enqueue(add.s(1).then(add).then(add))
        assert await results[0].cancel()
        for one in results:
            with pytest.raises(TaskCancelled) as caught:
                await one.get(timeout=5)
            assert caught.value.reason == "cancelled"


async def test_a_waiting_stage_can_be_cancelled(queue: Queue) -> None:
    add = adder(queue)
    async with queue:
        results = await queue.enqueue(add.s(1).then(add).then(add))
        assert await results[1].cancel()
        async with queue.worker():
            assert await results[0].get(timeout=5) == 3
            for later in results[1:]:
                with pytest.raises(TaskCancelled):
                    await later.get(timeout=5)


# ---------------------------------------------------------------- bad input
async def test_a_stage_of_another_queue_is_refused(memory_queue: Queue) -> None:
    add = adder(memory_queue)
    foreign = adder(Queue("memory://", name="other"))
    with pytest.raises(ConfigurationError, match="belongs to another queue"):
        add.s(1).then(foreign)
    with pytest.raises(ConfigurationError, match="belongs to another queue"):
        add.s(1).then(add).then(foreign)
    with pytest.raises(ConfigurationError, match="belongs to another queue"):
        add.s(1).error(foreign)


async def test_a_pipeline_of_another_queue_is_refused(memory_queue: Queue) -> None:
    foreign = adder(Queue("memory://", name="other"))
    async with memory_queue:
        with pytest.raises(ConfigurationError):
            await memory_queue.enqueue(foreign.s(1).then(foreign))
        assert sum((await memory_queue.counts()).values()) == 0


async def test_what_is_no_task_is_no_stage(memory_queue: Queue) -> None:
    add: Any = adder(memory_queue)
    for bad in (print, add.s(1), add.s(1).then(add), None, "add"):
        with pytest.raises(TypeError, match="a stage is a task"):
            add.s(1).then(bad)


async def test_arguments_that_can_never_fit_are_refused_at_once(memory_queue: Queue) -> None:
    add: Any = adder(memory_queue)
    with pytest.raises(TypeError, match="colour"):
        add.s(1).then(add, colour="red")
    with pytest.raises(SerializationError):
        add.s(1).then(add, object())


async def test_a_cyclic_pipeline_is_refused(memory_queue: Queue) -> None:
    """A task may follow itself; a job, known by its id, cannot."""
    add = adder(memory_queue)
    with pytest.raises(ValueError, match="twice"):
        add.options(id="one").s(1).then(add.options(id="one"))
    with pytest.raises(ValueError, match="twice"):
        add.s(1).then(add.options(id="one")).then(add).then(add.options(id="one"))


async def test_unique_keys_are_refused_where_others_wait_for_the_value(memory_queue: Queue) -> None:
    add = adder(memory_queue)

    @memory_queue.task(unique="k")
    async def once(a: int) -> int:
        return a

    for unique in (once, add.options(unique="k")):
        with pytest.raises(ValueError, match="unique"):
            unique.s(1).then(add)
        with pytest.raises(ValueError, match="unique"):
            add.s(1).then(unique)


async def test_what_is_no_canvas_cannot_be_enqueued(memory_queue: Queue) -> None:
    everything: Any = memory_queue
    async with memory_queue:
        for bad in (None, [adder(memory_queue).s(1)], adder(memory_queue), 5):
            with pytest.raises(TypeError, match="enqueue"):
                await everything.enqueue(bad)
