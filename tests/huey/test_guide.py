"""The guide, section by section, on every store. A test's name begins with its section's."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aioqueue import (
    ConfigurationError,
    Job,
    JobState,
    Queue,
    ResultTimeout,
    RetryTask,
    TaskCancelled,
    TaskException,
    TaskLockedException,
    crontab,
    current_job,
    every,
)
from tests.core.stores import MakeQueue
from tests.huey.workday import Workday

pytestmark = pytest.mark.asyncio


async def error_of(awaitable: Awaitable[Any]) -> Exception:
    """Return what awaiting raises."""
    with pytest.raises(Exception) as caught:
        await awaitable
    return caught.value


async def now_of(queue: Queue) -> float:
    """Return the time by the store's clock."""
    return await (await queue.session()).driver.now()


# ---------------------------------------------------------------------- Guide


async def test_guide_a_result_is_there_when_the_task_has_run(queue: Queue, workday: Workday) -> None:
    @queue.task()
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue:
        result = await add(1, 2)
        assert not await result.ready()
        assert isinstance(await error_of(result.get(timeout=0)), ResultTimeout)
        await workday.work()
        assert (await result.ready(), await result, await result.get(timeout=0)) == (True, 3, 3)


async def test_guide_a_result_blocks_until_it_is_there(queue: Queue) -> None:
    @queue.task()
    def add(a: int, b: int) -> int:
        return a + b

    async with queue:
        result = await add(1, 2)
        waiting = asyncio.create_task(result.get(timeout=5))
        async with queue.worker():
            assert await waiting == 3


async def test_guide_jobs_wait_in_order_for_the_first_worker(make_queue: MakeQueue) -> None:
    sender, receiver = make_queue(), make_queue()
    seen: list[int] = []

    @sender.task(name="note")
    async def send(n: int) -> None: ...

    @receiver.task(name="note")
    async def note(n: int) -> None:
        seen.append(n)

    async with sender, receiver:
        for n in range(20):
            await send(n)
        await receiver.worker(concurrency=1).drain()
    assert seen == list(range(20))


# ---------------------------------------------------------------------- Scheduling tasks


async def test_scheduling_tasks_after_a_delay(queue: Queue, workday: Workday) -> None:
    @queue.task()
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue:
        result = await add.schedule((3, 4), delay=10)
        await workday.work()
        assert await result.state() is JobState.SCHEDULED
        await workday.later(9)
        assert await result.state() is JobState.SCHEDULED
        await workday.later(1.1)
        assert await result == 7


@pytest.mark.parametrize("now", [datetime.now, lambda: datetime.now(UTC)], ids=["naive is local", "aware as it is"])
async def test_scheduling_tasks_at_an_eta(queue: Queue, workday: Workday, now: Any) -> None:
    @queue.task()
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue:
        result = await add.schedule((4, 5), eta=now() + timedelta(seconds=10))
        await workday.work()
        assert await result.state() is JobState.SCHEDULED
        await workday.later(10.1)
        assert await result == 9


async def test_scheduling_tasks_for_a_time_that_has_passed_runs_them_now(queue: Queue, workday: Workday) -> None:
    @queue.task()
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue:
        result = await add.schedule((4, 5), eta=datetime.now(UTC) - timedelta(hours=1))
        await workday.work()
        assert await result == 9


async def test_scheduling_tasks_runs_them_in_the_order_of_their_times(queue: Queue, workday: Workday) -> None:
    seen: list[int] = []

    @queue.task()
    async def note(n: int) -> None:
        seen.append(n)

    async with queue:
        for n in (30, 10, 20):
            await note.schedule((n,), delay=n)
        await (await queue.session()).driver.shift(31)
        await queue.worker(concurrency=1).drain()
    assert seen == [10, 20, 30]


async def test_scheduling_tasks_keeps_their_priority(queue: Queue) -> None:
    seen: list[int] = []

    @queue.task()
    async def note(n: int) -> None:
        seen.append(n)

    async with queue:
        await note.options(delay=10, priority=0)(0)
        await note.options(delay=10, priority=5)(5)
        await (await queue.session()).driver.shift(11)
        await queue.worker(concurrency=1).drain()
    assert seen == [5, 0]


async def test_scheduling_tasks_can_be_rescheduled(queue: Queue, workday: Workday) -> None:
    @queue.task()
    async def one() -> int:
        return 1

    async with queue:
        result = await one.schedule(delay=3600)
        await result.reschedule(delay=5)
        await workday.later(6)
        assert await result == 1


async def test_scheduling_tasks_refuses_what_is_no_time(queue: Queue) -> None:
    @queue.task()
    async def one() -> int:
        return 1

    assert isinstance(await error_of(one.schedule(delay=-1)), ValueError)
    assert isinstance(await error_of(one.schedule(eta="tomorrow")), TypeError | ValueError)  # type: ignore[arg-type]


# ---------------------------------------------------------------------- Periodic tasks


async def test_periodic_tasks_run_every_three_minutes(queue: Queue, workday: Workday) -> None:
    runs: list[str] = []

    @queue.periodic_task(crontab(minute="*/3"))
    def every_three_minutes() -> None:
        runs.append(current_job().id)

    async with queue:
        await workday.later(180)
        await workday.later(180)
    assert len(set(runs)) == len(runs) == 2


async def test_periodic_tasks_should_not_accept_parameters(queue: Queue) -> None:
    with pytest.raises(ConfigurationError, match="no parameters"):

        @queue.periodic_task(crontab())  # type: ignore[arg-type]
        def wrong(n: int) -> None: ...


async def test_periodic_tasks_discard_their_value(queue: Queue, workday: Workday) -> None:
    jobs: list[Job[Any]] = []

    @queue.periodic_task(crontab())
    def value() -> int:
        jobs.append(current_job())
        return 1

    @queue.periodic_task(crontab(), results=True)
    def kept() -> int:
        jobs.append(current_job())
        return 2

    async with queue:
        await workday.later(60)
        (dropped,) = [job for job in jobs if job.task_name == value.name]
        (asked,) = [job for job in jobs if job.task_name == kept.name]
        assert await kept.result(asked.id) == 2
        (nothing,) = await (await queue.session()).driver.results([dropped.id])
        assert nothing is None or not nothing.outcome


async def test_periodic_tasks_can_be_called_too(queue: Queue, workday: Workday) -> None:
    @queue.periodic_task(crontab(), results=True)
    def value() -> int:
        return 1

    async with queue:
        result = await value()
        await workday.work()
        assert await result == 1


async def test_periodic_tasks_fire_once_a_slot_over_all_workers(make_queue: MakeQueue) -> None:
    slots: list[str] = []
    queues = [make_queue(), make_queue()]
    enough = asyncio.Event()

    def beat() -> None:
        slots.append(current_job().id)
        if len(slots) >= 5:
            enough.set()

    for queue in queues:
        queue.periodic_task(every(seconds=0.1), name="beat")(beat)
    async with queues[0], queues[1], queues[0].worker(), queues[1].worker(), asyncio.timeout(10):
        await enough.wait()
    assert len(set(slots)) == len(slots)


async def test_periodic_tasks_missed_slots_fire_once(queue: Queue, workday: Workday) -> None:
    runs: list[str] = []

    @queue.periodic_task(crontab(), misfire="once")
    def once() -> None:
        runs.append("once")

    @queue.periodic_task(crontab(), misfire="all")
    def each() -> None:
        runs.append("all")

    async with queue:
        await workday.later(60)
        runs.clear()
        await workday.later(5 * 60)
    assert runs.count("once") == 1
    assert runs.count("all") in (5, 6)  # the minute may turn meanwhile


async def test_periodic_tasks_crontab_accepts_what_the_guide_lists() -> None:
    day = datetime(2024, 5, 5)  # noqa: DTZ001 -- a wall time, a Sunday's
    assert crontab()(day)
    assert crontab(minute="*/15")(day.replace(minute=45))
    assert not crontab(minute="*/15")(day.replace(minute=46))
    assert [hour for hour in range(24) if crontab(hour="9-11,16-18")(day.replace(hour=hour))] == [9, 10, 11, 16, 17, 18]
    assert crontab(day_of_week="0")(day)
    assert crontab(day_of_week="7")(day)
    assert not crontab(day_of_week="6")(day)
    assert crontab(month="5,6", day=5)(day)


async def test_periodic_tasks_crontab_names_a_bad_piece() -> None:
    with pytest.raises(ValueError, match=re.escape("61")):
        crontab(minute="5,61")


# ---------------------------------------------------------------------- Retrying tasks that fail


async def test_retrying_tasks_that_fail_at_once(queue: Queue, workday: Workday) -> None:
    tries: list[tuple[str, int]] = []

    @queue.task(retries=2, context=True)
    def flaky_task(job: Job[str]) -> str:
        tries.append((job.id, job.retries))
        if len(tries) == 1:
            raise ValueError("failing!")
        return "OK"

    async with queue:
        result = await flaky_task()
        await workday.work()
        assert await result == "OK"
    assert tries == [(result.id, 2), (result.id, 1)]


async def test_retrying_tasks_that_fail_for_good(queue: Queue, workday: Workday) -> None:
    tries = 0

    @queue.task(retries=2)
    def failing() -> None:
        nonlocal tries
        tries += 1
        raise ValueError(f"failing {tries}")

    async with queue:
        result = await failing()
        await workday.work()
        error = await error_of(result)
        result.reset()
        again = await error_of(result)
    assert isinstance(error, TaskException)
    assert (error.error, str(again), tries) == ("ValueError: failing 3", str(error), 3)


async def test_retrying_tasks_that_fail_after_a_delay(queue: Queue, workday: Workday) -> None:
    tries = 0

    @queue.task(retries=2, retry_delay=10)
    async def flaky_task() -> str:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise ValueError("failing!")
        return "OK"

    async with queue:
        result = await flaky_task()
        await workday.work()
        assert (tries, await result.state()) == (1, JobState.SCHEDULED)
        await workday.later(5)
        assert tries == 1
        await workday.later(15)
        await workday.later(15)
        assert await result == "OK"


async def test_retrying_tasks_that_are_periodic(queue: Queue, workday: Workday) -> None:
    tries: list[int] = []

    @queue.periodic_task(crontab(), retries=1)
    def flaky_task() -> None:
        tries.append(current_job().tries)
        if len(tries) == 1:
            raise ValueError("failing!")

    async with queue:
        await workday.later(60)
    assert tries == [0, 1]


async def test_retrying_tasks_from_within_leaves_their_retries(queue: Queue, workday: Workday) -> None:
    seen: list[tuple[int, int, str]] = []

    @queue.task(retries=1, context=True)
    async def again(job: Job[str]) -> str:
        seen.append((job.tries, job.retries, job.last_error))
        if job.tries < 3:
            raise RetryTask
        return "OK"

    async with queue:
        result = await again()
        await workday.work()
        assert await result == "OK"
    assert seen == [(n, 1, "") for n in range(4)]


async def test_retrying_tasks_from_within_eta_goes_before_delay(queue: Queue) -> None:
    @queue.task(retry_delay=5)
    async def again(how: str) -> None:
        eta = datetime.now(UTC) + timedelta(hours=2)
        raise {"eta": RetryTask(eta=eta, delay=60), "delay": RetryTask(delay=60), "declared": RetryTask()}[how]

    async with queue:
        results = {how: await again(how) for how in ("eta", "delay", "declared")}
        await queue.worker().drain()
        now = await now_of(queue)
        due = {job.id: job.eta - now for job in await queue.scheduled()}
    assert due[results["eta"].id] == pytest.approx(7200, abs=5)
    assert due[results["delay"].id] == pytest.approx(60, abs=5)
    assert due[results["declared"].id] == pytest.approx(5, abs=5)


# ---------------------------------------------------------------------- Canceling or pausing tasks


async def test_canceling_tasks_by_their_result(queue: Queue, workday: Workday) -> None:
    @queue.task()
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue:
        result = await add.schedule((1, 2), delay=60)
        await result.revoke()
        assert await result.is_revoked()
        await workday.later(61)
        error = await error_of(result)
        assert (type(error), getattr(error, "reason", "")) == (TaskCancelled, "revoked")
        assert await result.state() is JobState.CANCELLED


async def test_canceling_tasks_can_be_taken_back(queue: Queue, workday: Workday) -> None:
    @queue.task()
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue:
        result = await add.schedule((1, 2), delay=60)
        await result.revoke()
        assert await result.restore()
        assert not await result.is_revoked()
        assert not await result.restore()
        await workday.later(61)
        assert await result == 3


async def test_canceling_tasks_by_task(make_queue: MakeQueue) -> None:
    queue, elsewhere = make_queue(), make_queue()

    def add(a: int, b: int) -> int:
        return a + b

    here, there = queue.task(name="add")(add), elsewhere.task(name="add")(add)
    async with queue, elsewhere:
        await there.revoke()
        assert await here.is_revoked()
        result = await here(1, 2)
        assert await result.is_revoked()
        await queue.worker().drain()
        assert isinstance(await error_of(result), TaskCancelled)
        assert await there.restore()
        assert not await here.is_revoked()
        result = await here(1, 2)
        await queue.worker().drain()
        assert await result == 3


async def test_canceling_tasks_that_run(make_queue: MakeQueue) -> None:
    queue, elsewhere = make_queue(), make_queue()
    running, stopped = asyncio.Event(), asyncio.Event()

    @queue.task(name="forever")
    async def forever() -> None:
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async with queue, elsewhere, queue.worker(), asyncio.timeout(10):
        result = await forever()
        await running.wait()
        assert await elsewhere.result(result.id).cancel()
        await stopped.wait()
        error = await error_of(result)
    assert getattr(error, "reason", "") == "cancelled"


# ---------------------------------------------------------------------- Canceling or pausing periodic tasks


async def test_canceling_periodic_tasks_until(queue: Queue, workday: Workday) -> None:
    sent: list[str] = []

    @queue.periodic_task(crontab(minute="0", hour="*"))
    def send_notification_emails() -> None:
        sent.append("mail")

    async with queue:
        now = datetime.now()  # noqa: DTZ005 -- local time, as in the guide
        await send_notification_emails.revoke(revoke_until=now + timedelta(hours=3))
        for _ in range(2):
            await workday.later(3600)
        assert (sent, await send_notification_emails.is_revoked()) == ([], True)
        await workday.later(2 * 3600)
        assert (sent, await send_notification_emails.is_revoked()) == (["mail"], False)


async def test_canceling_periodic_tasks_once(queue: Queue, workday: Workday) -> None:
    sent: list[str] = []

    @queue.periodic_task(crontab(minute="0", hour="*"))
    def send_notification_emails() -> None:
        sent.append("mail")

    async with queue:
        await send_notification_emails.revoke(revoke_once=True)
        assert await send_notification_emails.is_revoked()
        assert await send_notification_emails.is_revoked()  # looking uses nothing up
        await workday.later(3600)
        assert (sent, await send_notification_emails.is_revoked()) == ([], False)
        await workday.later(3600)
    assert sent == ["mail"]


async def test_canceling_periodic_tasks_can_be_restored(queue: Queue, workday: Workday) -> None:
    sent: list[str] = []

    @queue.periodic_task(crontab())
    def send_notification_emails() -> None:
        sent.append("mail")

    async with queue:
        await send_notification_emails.revoke()
        await workday.later(60)
        assert sent == []
        await send_notification_emails.restore()
        await workday.later(60)
    assert sent == ["mail"]


# ---------------------------------------------------------------------- Task pipelines


async def test_task_pipelines_enqueueing_a_job_is_calling_the_task(queue: Queue, workday: Workday) -> None:
    @queue.task()
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue:
        results = [await add(1, 2), await queue.enqueue(add.s(1, 2))]
        await workday.work()
        assert [await result for result in results] == [3, 3]


async def test_task_pipelines_give_every_stage_a_result(queue: Queue, workday: Workday) -> None:
    @queue.task()
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue:
        results = await queue.enqueue(add.s(1, 2).then(add, 3).then(add, 4).then(add, 5))
        await workday.work()
        assert await results == [3, 6, 10, 15]
        assert [await result for result in results] == [3, 6, 10, 15]
        assert await results.last == 15


async def test_task_pipelines_spread_a_tuple(queue: Queue, workday: Workday) -> None:
    @queue.task()
    def fib(a: int, b: int = 1) -> tuple[int, int]:
        return a + b, a

    async with queue:
        results = await queue.enqueue(fib.s(1).then(fib).then(fib).then(fib))
        await workday.work()
        assert await results == [(2, 1), (3, 2), (5, 3), (8, 5)]


async def test_task_pipelines_take_a_dict_as_keywords(queue: Queue, workday: Workday) -> None:
    @queue.task()
    def stage1(n: int) -> dict[str, int]:
        return {"a": n, "b": n * 10}

    @queue.task()
    def stage2(a: int, b: int, c: int = 0) -> int:
        return a + b + c

    async with queue:
        filled = await queue.enqueue(stage1.s(1).then(stage2, c=100))
        kept = await queue.enqueue(stage1.s(1).then(stage2, b=2))
        await workday.work()
        assert (await filled.last, await kept.last) == (111, 3)


async def test_task_pipelines_that_fail_give_later_stages_the_error(queue: Queue, workday: Workday) -> None:
    called: list[tuple[str, str]] = []

    @queue.task()
    async def add(a: int, b: int) -> int:
        return a + b

    @queue.task()
    async def fail(n: int) -> int:
        raise ValueError("no")

    @queue.task()
    async def on_error(error: TaskException, tag: str) -> None:
        called.append((error.error, tag))

    async with queue:
        results = await queue.enqueue(add.s(1, 2).then(fail).then(add, 1).then(add, 1).error(on_error, "tag"))
        await workday.work()
        assert await results[0] == 3
        errors = [await error_of(result) for result in results[1:]]
    assert [getattr(error, "error", "") for error in errors] == ["ValueError: no"] * 3
    assert called == [("ValueError: no", "tag")]


async def test_task_pipelines_end_at_a_revoked_stage(queue: Queue, workday: Workday) -> None:
    ran: list[int] = []

    @queue.task()
    async def add(a: int, b: int) -> int:
        ran.append(b)
        return a + b

    async with queue:
        results = await queue.enqueue(add.s(1, 2).then(add, 3).then(add, 4))
        await results[1].revoke()
        await workday.work()
        assert await results[0] == 3
        assert [type(await error_of(result)) for result in results[1:]] == [TaskCancelled, TaskCancelled]
    assert ran == [2]


async def test_task_pipelines_retry_the_stage_that_failed(queue: Queue, workday: Workday) -> None:
    @queue.task()
    async def start() -> int:
        return 1

    @queue.task(retries=1, context=True)
    async def flaky(job: Job[int], n: int) -> int:
        if job.tries == 0:
            raise ValueError("once")
        return n + 1

    async with queue:
        results = await queue.enqueue(start.s().then(flaky).then(flaky))
        await workday.work()
        assert await results == [1, 2, 3]


async def test_task_pipelines_stay_within_one_queue(queue: Queue) -> None:
    other = Queue("memory://")

    @queue.task()
    async def one() -> int:
        return 1

    @other.task()
    async def elsewhere(n: int) -> int:
        return n

    with pytest.raises(ConfigurationError, match="another queue"):
        one.s().then(elsewhere)


# ---------------------------------------------------------------------- Locking tasks


async def test_locking_tasks_as_a_decorator(queue: Queue, workday: Workday) -> None:
    ran: list[str] = []

    @queue.task()
    @queue.lock_task("reports-lock")
    def generate_report() -> str:
        ran.append("report")
        return "report"

    async with queue:
        async with queue.lock_task("reports-lock"):
            kept_out = await generate_report()
            await workday.work()
        error = await error_of(kept_out)
        assert (type(error), ran, await kept_out.state()) == (TaskLockedException, [], JobState.CANCELLED)
        let_in = await generate_report()
        await workday.work()
        assert await let_in == "report"
        assert not await queue.is_locked("reports-lock")


async def test_locking_tasks_periodically(queue: Queue, workday: Workday) -> None:
    ran: list[str] = []

    @queue.periodic_task(crontab(minute="*/5"))
    @queue.lock_task("reports-lock", ttl=3600)
    def generate_report() -> None:
        ran.append("report")

    async with queue:
        async with queue.lock_task("reports-lock", ttl=3600):
            await workday.later(300)
        assert ran == []
        await workday.later(300)
    assert ran == ["report"]


async def test_locking_tasks_as_a_context_manager(queue: Queue, workday: Workday) -> None:
    @queue.task()
    async def backup() -> bool:
        async with queue.lock_task("db-backup"):
            return await queue.is_locked("db-backup")

    async with queue:
        result = await backup()
        await workday.work()
        assert await result
        async with queue.lock_task("db-backup"):
            locked = await backup()
            await workday.work()
        assert isinstance(await error_of(locked), TaskLockedException)


async def test_locking_tasks_retries_without_an_error(queue: Queue, workday: Workday) -> None:
    signals: list[str] = []

    @queue.signal()
    def note(signal: str, job: Job[Any]) -> None:
        signals.append(signal)

    @queue.task(retries=1, retry_delay=10)
    @queue.lock_task("reports-lock")
    async def generate_report() -> str:
        return "report"

    async with queue:
        async with queue.lock_task("reports-lock", ttl=3600):
            result = await generate_report()
            await workday.work()
        await workday.later(20)
        assert await result == "report"
    assert signals == ["enqueued", "executing", "locked", "retrying", "scheduled", "executing", "complete"]


async def test_locking_tasks_flush_frees(make_queue: MakeQueue) -> None:
    queue, elsewhere = make_queue(), make_queue()
    async with queue, elsewhere:
        async with queue.lock_task("a"), queue.lock_task("b"):
            assert await elsewhere.flush_locks("a") == 1
            assert (await elsewhere.is_locked("a"), await elsewhere.is_locked("b")) == (False, True)
            async with elsewhere.lock_task("a"):
                pass
        assert not await elsewhere.is_locked("b")


async def test_locking_tasks_a_former_holder_frees_nobody_elses_lock(queue: Queue) -> None:
    async with queue:
        first, second = queue.lock_task("a"), queue.lock_task("a")
        async with first:
            await queue.flush_locks("a")
            await second.__aenter__()
        assert await queue.is_locked("a")
        await second.__aexit__(None, None, None)


async def test_locking_tasks_needs_a_name(queue: Queue) -> None:
    with pytest.raises(ValueError, match="name"):
        queue.lock_task("")


# ---------------------------------------------------------------------- Signals


async def test_signals_are_sent_with_the_job_and_the_error(queue: Queue, workday: Workday) -> None:
    printed: list[tuple[str, str, str]] = []

    @queue.signal()
    def print_signal_args(signal: str, job: Job[Any], exc: BaseException | None = None) -> None:
        printed.append((signal, job.id, str(exc)))

    @queue.task()
    def uh_oh() -> None:
        raise ValueError("uh-oh")

    async with queue:
        result = await uh_oh()
        await workday.work()
    assert printed == [
        ("enqueued", result.id, "None"),
        ("executing", result.id, "None"),
        ("error", result.id, "uh-oh"),
    ]


# ---------------------------------------------------------------------- Immediate mode


@pytest.mark.parametrize("way", ["constructor", "attribute"])
async def test_immediate_mode_runs_at_once_and_in_memory(way: str) -> None:
    queue = Queue("redis://nowhere.invalid", immediate=way == "constructor")
    queue.immediate = True

    @queue.task()
    def add(a: int, b: int) -> int:
        return a + b

    async with queue:
        assert await (await add(1, 2)) == 3


async def test_immediate_mode_revokes(make_queue: MakeQueue) -> None:
    queue = make_queue(immediate=True)

    @queue.task()
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue:
        await add.revoke(revoke_once=True)
        assert isinstance(await error_of(await add(2, 3)), TaskCancelled)
        assert await add.call(3, 4) == 7


async def test_immediate_mode_leaves_scheduled_jobs_in_the_schedule(make_queue: MakeQueue) -> None:
    queue = make_queue(immediate=True)

    @queue.task()
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue:
        result = await add.schedule((4, 5), delay=60)
        (job,) = await queue.scheduled()
        assert re.fullmatch(r"<Job .*add [0-9a-f]{4}\.\.\.[0-9a-f]{4} @\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ>", repr(job))
        with pytest.raises(ResultTimeout, match=r"due \d{4}-"):
            await result.get(timeout=0)


async def test_immediate_mode_awaiting_a_scheduled_job_answers_at_once(make_queue: MakeQueue) -> None:
    queue = make_queue(immediate=True)

    @queue.task()
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue:
        with pytest.raises(ResultTimeout, match=r"due \d{4}-"):
            await (await add.schedule((4, 5), delay=60))


async def test_immediate_mode_runs_pipelines_retries_signals_and_hooks(make_queue: MakeQueue) -> None:
    queue = make_queue(immediate=True)
    seen: list[str] = []

    @queue.signal("retrying", "complete")
    def note(signal: str, job: Job[Any]) -> None:
        seen.append(signal)

    @queue.pre_execute
    def before(job: Job[Any]) -> None:
        seen.append("pre")

    @queue.task(retries=1, context=True)
    async def add(job: Job[int], a: int, b: int) -> int:
        if job.tries == 0 and b == 3:
            raise ValueError("once")
        return a + b

    async with queue:
        assert await (await queue.enqueue(add.s(1, 2).then(add, 3))) == [3, 6]
    assert seen == ["pre", "complete", "pre", "retrying", "pre", "complete"]


async def test_immediate_mode_passes_values_through_the_serializer(make_queue: MakeQueue) -> None:
    queue = make_queue(immediate=True)

    @queue.task()
    async def same(values: list[int]) -> list[int]:
        values.append(3)
        return values

    async with queue:
        values = [1, 2]
        assert (await same.call(values), values) == ([1, 2, 3], [1, 2])


async def test_immediate_mode_with_live_storage(make_queue: MakeQueue) -> None:
    queue, live = make_queue(immediate=True, immediate_use_memory=False), make_queue()

    @queue.task(name="add")
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue, live:
        result = await add(1, 2)
        assert await live.result(result.id) == 3


async def test_immediate_mode_without_live_storage_writes_nothing_there(make_queue: MakeQueue) -> None:
    queue, live = make_queue(immediate=True), make_queue()

    @queue.task(name="add")
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue, live:
        await add.schedule((1, 2), delay=60)
        assert len(await queue.scheduled()) == 1
        assert await live.scheduled() == []


# ---------------------------------------------------------------------- Tips and tricks


async def test_tips_call_local_skips_the_queue(queue: Queue) -> None:
    @queue.task()
    def add(a: int, b: int) -> int:
        return a + b

    assert (await add.call_local(3, 4), add.fn(3, 4)) == (7, 7)


async def test_tips_a_decorator_is_a_function(queue: Queue, workday: Workday) -> None:
    def _add(a: int, b: int) -> int:
        return a + b

    add = queue.task()(_add)
    async with queue:
        result = await add(1, 2)
        await workday.work()
        assert await result == 3


async def test_tips_map(queue: Queue, workday: Workday) -> None:
    @queue.task()
    async def add(a: int, b: int) -> int:
        return a + b

    async with queue:
        results = await add.map([(i, i**2) for i in range(10)])
        await workday.work()
        assert await results == [0, 2, 6, 12, 20, 30, 42, 56, 72, 90]


async def test_tips_key_values_are_shared_and_kept(make_queue: MakeQueue) -> None:
    queue, elsewhere = make_queue(), make_queue()
    async with queue, elsewhere:
        assert await queue.kv.get("calculate-something.result") is None
        await queue.kv.put("calculate-something.result", {"total": 3})
        assert await elsewhere.kv.get("calculate-something.result") == {"total": 3}
        assert await elsewhere.kv.get("calculate-something.result") == {"total": 3}
        assert await elsewhere.kv.pop("calculate-something.result") == {"total": 3}
        assert await queue.kv.get("calculate-something.result", "none") == "none"
        assert (await queue.kv.put_if_absent("k", 1), await elsewhere.kv.put_if_absent("k", 2)) == (True, False)
        assert await queue.kv.increment("k") == 2


async def test_tips_key_values_end_with_their_ttl(queue: Queue) -> None:
    async with queue:
        await queue.kv.put("k", "v", ttl=10)
        await (await queue.session()).driver.shift(11)
        assert await queue.kv.get("k") is None
