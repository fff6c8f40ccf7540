"""The bad input of the guide, in its order: each has a clear error where it enters, or a documented meaning."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from aioqueue import ConfigurationError, Job, Queue, TaskException, chord, cron, crontab, every
from tests.core.stores import eventually, memory_queue

__all__ = ["memory_queue"]

pytestmark = pytest.mark.asyncio

LONE_SURROGATE = "\ud800"


async def stored(queue: Queue) -> int:
    return sum((await queue.counts()).values())


# ---------------------------------------------------------------- schedules
@pytest.mark.parametrize(
    ("fields", "piece"),
    [
        ({"minute": "60"}, "60"),
        ({"minute": "*/0"}, "0"),
        ({"hour": "x"}, "x"),
        ({"month": "13"}, "13"),
        ({"day_of_week": "fun"}, "fun"),
        ({"day": "0"}, "0"),
    ],
    ids=str,
)
async def test_a_bad_crontab_names_the_piece(fields: dict[str, Any], piece: str) -> None:
    with pytest.raises(ValueError, match=piece):
        crontab(**fields)


@pytest.mark.parametrize("bad", ["* * * *", "61 * * * *", "", "@sometimes"], ids=repr)
async def test_a_bad_cron_is_refused(bad: str) -> None:
    with pytest.raises(ValueError):
        cron(bad)


@pytest.mark.parametrize(
    "bad",
    [{"seconds": 0}, {"seconds": -1}, {}, {"days": 36_526}, {"minutes": 1e300}, {"hours": float("nan")}],
    ids=repr,
)
async def test_a_bad_interval_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"every\("):
        every(**bad)


@pytest.mark.parametrize("part", ["weeks", "days", "hours", "minutes", "seconds"])
@pytest.mark.parametrize("bad", ["5", None, True, timedelta(1)], ids=repr)
async def test_what_is_no_number_is_refused_by_the_name_of_its_part(part: str, bad: Any) -> None:
    with pytest.raises(TypeError, match=rf"every\({part}=.*a number is needed"):
        every(**{part: bad})


@pytest.mark.parametrize("schedule", [crontab(), cron("* * * * *"), every(minutes=1)], ids=repr)
@pytest.mark.parametrize("bad", ["x", None, 5, date(2030, 1, 1)], ids=repr)
async def test_a_schedule_is_asked_about_a_datetime(schedule: Any, bad: Any) -> None:
    with pytest.raises(TypeError, match="about a datetime"):
        schedule(bad)
    with pytest.raises(TypeError, match="about a datetime"):
        schedule.next(bad)


async def test_a_bad_periodic_task_is_refused(memory_queue: Queue) -> None:
    queue: Any = memory_queue
    with pytest.raises(TypeError, match="a schedule is"):
        queue.periodic_task("*/5 * * * *")
    with pytest.raises(ValueError, match="misfire"):
        queue.periodic_task(crontab(), misfire="sometimes")
    with pytest.raises(TypeError, match="retrys"):

        @queue.periodic_task(crontab(), retrys=2)
        async def typo() -> None: ...

    with pytest.raises(ConfigurationError, match="no parameters"):

        @queue.periodic_task(crontab())
        async def takes(n: int) -> None: ...


# ---------------------------------------------------------------- calls
@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"delay": -1}, ValueError),
        ({"delay": timedelta(seconds=-1)}, ValueError),
        ({"delay": float("inf")}, ValueError),
        ({"delay": "5"}, TypeError),
        ({"delay": True}, TypeError),
        ({"eta": 5}, TypeError),
        ({"eta": date(2030, 1, 1)}, TypeError),
        ({"eta": "2030-01-01T00:00"}, TypeError),
        ({"eta": datetime(2030, 1, 1, tzinfo=UTC), "delay": 1}, ValueError),
        ({"expires": 0}, ValueError),
        ({"expires": -5}, ValueError),
        ({"priority": 8}, ValueError),
        ({"priority": 1.5}, TypeError),
        ({"retries": -1}, ValueError),
        ({"retry_delay": -1}, ValueError),
        ({"timeout": -1}, ValueError),
        ({"id": ""}, ValueError),
        ({"id": "with space"}, ValueError),
        ({"id": LONE_SURROGATE}, ValueError),
        ({"unique": ""}, ValueError),
        ({"unique": LONE_SURROGATE}, ValueError),
        ({"dela": 5}, TypeError),
        ({"delay": 1e12}, ValueError),
        ({"result_ttl": 1e15}, ValueError),
        ({"timeout": 1e300}, ValueError),
        ({"retry_delay": timedelta.max}, ValueError),
        ({"expires": 1e12}, ValueError),
        ({"expires": datetime.max.replace(tzinfo=UTC)}, ValueError),
        ({"eta": datetime.max.replace(tzinfo=UTC)}, ValueError),
    ],
    ids=str,
)
async def test_a_bad_option_of_a_call_is_refused_by_name(
    memory_queue: Queue, options: dict[str, Any], error: type[Exception]
) -> None:
    @memory_queue.task
    async def body() -> None: ...

    async with memory_queue:
        with pytest.raises(error, match="|".join(options)):
            await body.options(**options)()
        assert await stored(memory_queue) == 0


async def test_a_text_that_no_store_can_keep_is_refused_where_it_enters(memory_queue: Queue) -> None:
    """At the store it would fail all that other callers sent in the same turn of the loop."""

    @memory_queue.task(unique=lambda: LONE_SURROGATE)
    async def body() -> None: ...

    async with memory_queue:
        with pytest.raises(ValueError, match="unique"):
            await body()
        with pytest.raises(ValueError, match="a key is"):
            await memory_queue.kv.put(LONE_SURROGATE, 1)
        with pytest.raises(ValueError, match="a name of"):
            memory_queue.lock_task(LONE_SURROGATE)
        for kind in (memory_queue, body):
            with pytest.raises(ValueError, match="the id of a job"):
                kind.result(LONE_SURROGATE)
        with pytest.raises(ConfigurationError, match="name"):
            memory_queue.task(name=LONE_SURROGATE)(body.fn)
        assert await stored(memory_queue) == 0


async def test_schedule_takes_the_arguments_as_one_tuple(memory_queue: Queue) -> None:
    @memory_queue.task
    async def body(n: int) -> None: ...

    schedule: Any = body.schedule
    async with memory_queue:
        for bad in (5, [5], "5"):
            with pytest.raises(TypeError, match="one tuple"):
                await schedule(bad, delay=5)
        assert await stored(memory_queue) == 0


# ---------------------------------------------------------------- signals
async def test_an_unknown_signal_is_refused(memory_queue: Queue) -> None:
    queue: Any = memory_queue
    with pytest.raises(ValueError, match=r"'errror'.*complete"):
        queue.signal("errror")
    with pytest.raises(ValueError, match="'nothing'"):
        queue.disconnect_signal(print, "nothing")


async def test_a_handler_takes_two_or_three(memory_queue: Queue) -> None:
    queue: Any = memory_queue
    with pytest.raises(TypeError, match="parentheses"):

        @queue.signal
        def bare(signal: str, job: Job[Any]) -> None: ...

    for bad in (lambda: None, lambda signal: None, lambda signal, job, exc, more: None, "handler"):
        with pytest.raises(TypeError, match="handler"):
            queue.signal("error")(bad)


async def test_a_handler_that_raises_is_logged_and_harms_nobody(
    memory_queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []

    @memory_queue.signal()
    def breaks(signal: str, job: Job[Any]) -> None:
        raise RuntimeError("a broken handler")

    @memory_queue.signal()
    async def breaks_later(signal: str, job: Job[Any]) -> None:
        await asyncio.sleep(0)
        raise RuntimeError("a broken handler")

    @memory_queue.signal()
    def hears(signal: str, job: Job[Any]) -> None:
        heard.append(signal)

    @memory_queue.task
    async def body() -> int:
        return 1

    async with memory_queue as queue, queue.worker():
        assert await body.call() == 1
        await eventually(lambda: heard == ["enqueued", "executing", "complete"])
    assert caplog.text.count("a broken handler") >= 6


async def test_a_hook_that_raises_fails_or_stops_that_job_only(memory_queue: Queue) -> None:
    @memory_queue.pre_execute
    def breaks(job: Job[Any]) -> None:
        if "bad" in job.task_name:
            raise RuntimeError("a broken hook")

    @memory_queue.task(name="bad")
    async def bad() -> None: ...

    @memory_queue.task(name="good")
    async def good() -> int:
        return 1

    async with memory_queue as queue, queue.worker():
        with pytest.raises(TaskException, match="a broken hook"):
            await bad.call()
        assert await good.call() == 1


async def test_a_hook_of_an_unknown_scope_is_refused(memory_queue: Queue) -> None:
    queue: Any = memory_queue

    async def hook() -> None: ...

    with pytest.raises(ValueError, match="'galaxy'"):
        queue.on_startup(scope="galaxy")(hook)
    with pytest.raises(TypeError, match="no event loop"):
        queue.on_startup(scope="thread")(hook)


# ---------------------------------------------------------------- resources, bridge, canvas
async def test_what_makes_no_context_manager_is_refused(memory_queue: Queue) -> None:
    queue: Any = memory_queue
    with pytest.raises(TypeError, match="context manager"):
        queue.context_task("a name")


async def test_the_bridge_is_refused_on_a_loops_own_thread(memory_queue: Queue) -> None:
    @memory_queue.task
    async def body() -> None: ...

    call = body()
    with pytest.raises(RuntimeError):
        memory_queue.sync(call)
    call.close()


async def test_a_chord_of_nothing_calls_back_with_an_empty_list(memory_queue: Queue) -> None:
    @memory_queue.task
    async def total(values: list[int]) -> int:
        return sum(values)

    async with memory_queue as queue, queue.worker():
        assert await (await queue.enqueue(chord([], total))) == 0
