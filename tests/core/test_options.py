"""What a declaration and a call may say, and what they may not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from aioqueue import ConfigurationError, JobState, Queue
from tests.core.stores import MakeQueue

CENTURY = timedelta(days=36_525)
TOO_LONG = [CENTURY + timedelta(seconds=1), 1e12, 1e15, 1e300, 10**100, timedelta.max]
DURATIONS = [-1, -0.001, float("nan"), float("inf"), timedelta(seconds=-1), *TOO_LONG]
TOO_LATE = [
    datetime.max,  # noqa: DTZ901 -- that is the case
    datetime(2200, 1, 1, tzinfo=UTC),
    datetime.max.replace(tzinfo=timezone(-timedelta(hours=23))),
]
LONG_AGO = [
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(1970, 1, 1),  # noqa: DTZ001 -- that is the case
    datetime(1969, 12, 31, tzinfo=UTC),
    datetime.min,  # noqa: DTZ901 -- that is the case
    datetime.min.replace(tzinfo=timezone(timedelta(hours=23))),
]
NOT_DURATIONS = ["5", b"5", [5], True, ...]
NOT_COUNTS = ["5", 1.5, True, None]


def declare(**options: Any) -> Any:
    return Queue("memory://").task(**options)


def bind(**options: Any) -> Any:
    @Queue("memory://").task
    def fn(a: int) -> int:
        return a

    return fn.options(**options)


def both(name: str, values: list[Any]) -> list[Any]:
    return [pytest.param(name, value, id=f"{name}={value!r}") for value in values]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *both("retries", [-1, *NOT_COUNTS]),
        *both("retry_delay", [*DURATIONS, *NOT_DURATIONS, None]),
        *both("retry_backoff", [0, 0.5, -1, "2", None, float("nan"), float("inf")]),
        *both("retry_on", [1, "ValueError", (int,), ValueError("x"), (ValueError, 3), None]),
        *both("retry_not_on", [1, (int,), None]),
        *both("priority", [-9, 8, 100, 1.0, "1", True, None]),
        *both("expires", [*DURATIONS, *NOT_DURATIONS, None]),
        *both("timeout", [*DURATIONS, *NOT_DURATIONS]),
        *both("results", [0, 1, "no", None]),
        *both("result_ttl", [*DURATIONS, *NOT_DURATIONS]),
        *both("executor", ["loop", "coroutine", "", None, 1]),
        *both("at_most_once", [1, "yes", None]),
        *both("max_deliveries", [0, -1, *NOT_COUNTS]),
        *both("context", [1, "yes", None]),
        *both("name", ["", "a b", "ä\n", "x" * 201]),
        *both("nonsense", [1]),
        *both("delay", [1]),
        *both("id", ["a"]),
    ],
)
def test_a_declaration_refuses(name: str, value: Any) -> None:
    with pytest.raises((TypeError, ValueError, ConfigurationError)) as caught:
        declare(**{name: value})(lambda: None)
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *both("delay", [*DURATIONS, *NOT_DURATIONS, None]),
        *both("eta", [5, "2024-01-01", timedelta(1), None, *TOO_LATE]),
        *both("expires", [*DURATIONS, *NOT_DURATIONS, None, *TOO_LATE]),
        *both("id", ["", "a b", "a/b", "x" * 201, 5, None, "a\n"]),
        *both("priority", [-9, 8, 1.0, True, None]),
        *both("retries", [-1, *NOT_COUNTS]),
        *both("retry_delay", [*DURATIONS, *NOT_DURATIONS, None]),
        *both("timeout", [*DURATIONS, *NOT_DURATIONS]),
        *both("result_ttl", [*DURATIONS, *NOT_DURATIONS]),
        *both("name", ["a"]),
        *both("executor", ["process"]),
        *both("nonsense", [1]),
    ],
)
def test_a_call_refuses(name: str, value: Any) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        bind(**{name: value})
    assert name in str(caught.value)


def test_a_call_is_due_at_one_time() -> None:
    with pytest.raises(ValueError, match="not both"):
        bind(delay=1, eta=datetime.now(UTC))


def test_at_most_once_excludes_retries() -> None:
    with pytest.raises(ValueError, match="at_most_once"):
        declare(at_most_once=True, retries=1)


def test_at_most_once_excludes_retries_of_a_call() -> None:
    @Queue("memory://").task(at_most_once=True)
    def fn() -> None: ...

    with pytest.raises(ValueError, match="at_most_once"):
        fn.options(retries=1).s()


def test_options_for_the_next_calls_add_up_and_leave_the_task_alone() -> None:
    @Queue("memory://").task(priority=1, retries=2)
    def fn() -> None: ...

    urgent = fn.options(priority=7)
    later = urgent.options(delay=5, retries=0)
    assert (fn.s().priority, urgent.s().priority, later.s().priority) == (1, 7, 7)
    assert (fn.s().retries, urgent.s().retries, later.s().retries) == (2, 2, 0)
    assert (urgent.s().new_job().delay, later.s().new_job().delay) == (0, 5)


def test_the_last_word_on_when_holds() -> None:
    eta = datetime(2030, 1, 1, tzinfo=UTC)
    assert bind(delay=5).options(eta=eta).s(1).new_job().eta == eta.timestamp()
    assert bind(delay=5).options(eta=eta).s(1).new_job().delay == 0
    assert bind(eta=eta).options(delay=5).s(1).new_job().eta == 0


def test_a_naive_eta_is_local_time() -> None:
    naive = datetime(2030, 1, 1, 12)  # noqa: DTZ001 -- that is the case
    assert bind(eta=naive).s(1).new_job().eta == naive.astimezone(UTC).timestamp()


def test_durations_may_be_timedeltas() -> None:
    assert bind(delay=timedelta(minutes=1)).s(1).new_job().delay == 60
    assert bind(expires=timedelta(minutes=1)).s(1).new_job().expires_in == 60


@pytest.mark.parametrize("name", ["delay", "expires", "retry_delay", "timeout", "result_ttl"])
def test_a_century_is_long_enough(name: str) -> None:
    bind(**{name: CENTURY}).s(1).new_job()
    with pytest.raises(ValueError, match=f"{name}= .*100 years"):
        bind(**{name: CENTURY + timedelta(seconds=1)})


@pytest.mark.parametrize("moment", LONG_AGO, ids=repr)
def test_a_moment_long_ago_is_one_that_was_said(moment: datetime) -> None:
    """The epoch is 0 in Unix seconds, which stands for nothing said."""
    assert 0 < bind(expires=moment).s(1).new_job().expires_at < 86_400
    assert 0 < bind(eta=moment).s(1).new_job().eta < 86_400


@pytest.mark.parametrize("moment", LONG_AGO, ids=repr)
@pytest.mark.asyncio
async def test_what_expired_long_ago_is_not_run_and_what_was_due_then_is(
    make_queue: MakeQueue, moment: datetime
) -> None:
    queue = make_queue()

    @queue.task
    async def body() -> int:
        return 1

    async with queue:
        expired, due = await body.options(expires=moment)(), await body.options(eta=moment)()
        await queue.worker().drain()
        assert await expired.state() is JobState.EXPIRED
        assert await due == 1


@pytest.mark.asyncio
async def test_what_is_due_as_late_as_can_be_said_can_be_shown(make_queue: MakeQueue) -> None:
    queue = make_queue()

    @queue.task
    async def body() -> None: ...

    async with queue:
        await body.options(delay=CENTURY)()
        await body.options(eta=datetime.now(UTC) + CENTURY)()
        shown = repr(await queue.scheduled())
    assert shown.count(f" @{(datetime.now(UTC) + CENTURY).year}-") == 2


@pytest.mark.parametrize("seconds", TOO_LONG, ids=repr)
@pytest.mark.asyncio
async def test_every_time_of_a_queue_ends_within_a_century(memory_queue: Queue, seconds: Any) -> None:
    queue = memory_queue
    for said, name in (
        (lambda: queue.lock_task("a", ttl=seconds), "ttl"),
        (lambda: queue.semaphore("a", 2, ttl=seconds), "ttl"),
        (lambda: queue.rate_limit("a", 1, seconds), "per"),
        (lambda: queue.worker(lease=seconds), "lease"),
        (lambda: queue.worker(shutdown_timeout=seconds), "shutdown_timeout"),
        (lambda: Queue("memory://", result_ttl=seconds), "result_ttl"),
    ):
        with pytest.raises(ValueError, match=f"{name}= .*100 years"):
            said()
    async with queue:
        for call, name in (
            (queue.kv.put("key", 1, ttl=seconds), "ttl"),
            (queue.kv.put_if_absent("key", 1, ttl=seconds), "ttl"),
            (queue.result("a").reschedule(delay=seconds), "delay"),
        ):
            with pytest.raises(ValueError, match=f"{name}= .*100 years"):
                await call
        assert await queue.kv.get("key") is None


def test_an_expiry_of_the_call_goes_before_the_declared_one() -> None:
    @Queue("memory://").task(expires=10)
    def fn() -> None: ...

    moment = datetime(2030, 1, 1, tzinfo=UTC)
    assert fn.s().new_job().expires_in == 10
    assert fn.options(expires=20).s().new_job().expires_in == 20
    assert fn.options(expires=moment).s().new_job().expires_at == moment.timestamp()
    assert fn.options(expires=moment).s().new_job().expires_in == 0


def test_expires_of_zero_is_not_for_ever() -> None:
    try:
        job = bind(expires=0).s(1).new_job()
    except ValueError:
        return
    assert job.expires_in > 0 or job.expires_at > 0


def test_two_jobs_of_one_call_have_ids_of_their_own() -> None:
    task = bind()
    assert task.s(1).id != task.s(1).id
    assert task.options(id="mine").s(1).id == "mine"


@pytest.mark.parametrize("name", ["", " ", "a b", "-a", "ä", "x" * 101, "a/b", "{a}"])
def test_a_queue_refuses_names(name: str) -> None:
    with pytest.raises(ConfigurationError, match="name"):
        Queue("memory://", name=name)


@pytest.mark.parametrize(
    ("name", "value"),
    [("result_ttl", -1), ("result_ttl", "1"), ("results", 1), ("max_payload", 0), ("max_payload", 1.5)],
)
def test_a_queue_refuses_options(name: str, value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=name):
        Queue("memory://", **{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("concurrency", 0),
        ("concurrency", 1.5),
        ("threads", 0),
        ("processes", 0),
        ("processes", -1),
        ("shutdown_timeout", -1),
        ("lease", -1),
        ("lease", "1"),
        ("nonsense", 1),
    ],
)
def test_a_worker_refuses_options(name: str, value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=name):
        Queue("memory://").worker(**{name: value})
