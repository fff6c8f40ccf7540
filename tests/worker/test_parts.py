"""Parts of the worker by themselves, in the order of events that a whole worker rarely sees."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any

import pytest

from aioqueue.drivers.base import Lease
from aioqueue.errors import StoreUnavailable
from aioqueue.options import Declaration
from aioqueue.retry import LONGEST_DELAY, delay_before_retry, reconnect_delays
from aioqueue.worker.appetite import Appetite
from aioqueue.worker.capacity import Capacity
from aioqueue.worker.ending import Raised, ending_of
from aioqueue.worker.persistence import persistently
from aioqueue.worker.racing import first_of
from aioqueue.worker.reaper import Sightings
from aioqueue.worker.scheduler import Scheduler


class Promoting:
    """A store whose answers to `promote` are given by the test."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answers: asyncio.Queue[float | None] = asyncio.Queue()
        self.times = 0

    async def promote(self, limit: int) -> float | None:
        self.times += 1
        self.asked.set()
        return await self.answers.get()


async def settle_down() -> None:
    """Let everything go on that does not wait for the clock."""
    for _ in range(20):
        await asyncio.sleep(0)


# ---------------------------------------------------------------- scheduler
@pytest.mark.asyncio
async def test_a_due_time_heard_of_while_promoting_is_not_forgotten() -> None:
    store = Promoting()
    scheduler = Scheduler(store)  # type: ignore[arg-type]
    running = asyncio.create_task(scheduler.run())
    scheduler.notice(0)
    await store.asked.wait()
    scheduler.notice(0.05)  # a job was scheduled after the store had answered
    store.asked.clear()
    store.answers.put_nowait(None)
    try:
        async with asyncio.timeout(2):
            await store.asked.wait()
    finally:
        running.cancel()
        await asyncio.wait({running})


@pytest.mark.asyncio
async def test_the_scheduler_sleeps_until_the_next_is_due_and_asks_no_more_often() -> None:
    store = Promoting()
    scheduler = Scheduler(store)  # type: ignore[arg-type]
    running = asyncio.create_task(scheduler.run())
    await settle_down()
    assert store.times == 0
    for due_in in (50.0, 0.03, 60.0, None):
        scheduler.notice(due_in)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await store.asked.wait()
    assert loop.time() - began >= 0.02
    store.answers.put_nowait(None)
    await settle_down()
    assert store.times == 1
    running.cancel()
    await asyncio.wait({running})


# ---------------------------------------------------------------- first_of, persistently
@pytest.mark.asyncio
async def test_the_first_to_end_ends_the_others() -> None:
    cleaned: list[str] = []

    async def forever(name: str) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.append(name)

    await first_of(forever("a"), asyncio.sleep(0), forever("b"))
    assert sorted(cleaned) == ["a", "b"]
    with pytest.raises(ZeroDivisionError):
        await first_of(forever("c"), _raises())
    racing = asyncio.create_task(first_of(forever("d"), forever("e")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    racing.cancel()
    await asyncio.wait({racing})
    assert racing.cancelled()
    assert sorted(cleaned) == ["a", "b", "c", "d", "e"]


async def _raises() -> None:
    raise ZeroDivisionError


@pytest.mark.asyncio
async def test_a_store_that_is_away_is_asked_until_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    tries = 0

    async def operation() -> int:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise StoreUnavailable("gone")
        return tries

    assert await persistently("ask", operation) == 4
    assert [("trying on" in record.message, "back" in record.message) for record in caplog.records] == [
        (True, False),
        (False, True),
    ]


# ---------------------------------------------------------------- leases
def lease(name: str, counter: int, seconds: float = 1.0) -> Lease:
    return Lease(name, counter, seconds, b"", 0.0)


class Sweeper:
    """Looks at leases; its own, of which nothing is said here, moves from look to look."""

    def __init__(self) -> None:
        self._sightings = Sightings()
        self._renewals = count()

    def judge(self, leases: list[Lease], now: float) -> list[Lease]:
        return self._sightings.judge([*leases, lease("own", next(self._renewals))], now)


def test_a_lease_is_dead_after_three_still_reads_over_its_length() -> None:
    sweeper = Sweeper()
    assert sweeper.judge([lease("a", 1)], 0) == []
    assert sweeper.judge([lease("a", 1)], 0.5) == []
    assert sweeper.judge([lease("a", 1)], 0.9) == []
    assert sweeper.judge([lease("a", 1)], 1.0) == [lease("a", 1)]


def test_two_reads_are_too_few_however_long_they_are_apart() -> None:
    sweeper = Sweeper()
    assert sweeper.judge([lease("a", 1)], 0) == []
    assert sweeper.judge([lease("a", 1)], 100) == []
    assert sweeper.judge([lease("a", 1)], 100.1) == [lease("a", 1)]


def test_a_renewal_starts_the_count_anew_and_others_do_not_matter() -> None:
    sweeper = Sweeper()
    for now in (0.0, 0.5):
        assert sweeper.judge([lease("a", 1), lease("b", 1, 9)], now) == []
    assert sweeper.judge([lease("a", 2), lease("b", 1, 9)], 1.0) == []
    assert sweeper.judge([lease("a", 2), lease("b", 1, 9)], 1.5) == []
    assert sweeper.judge([lease("a", 2), lease("b", 1, 9)], 2.0) == [lease("a", 2)]
    assert sweeper.judge([lease("b", 1, 9)], 2.5) == []
    assert sweeper.judge([lease("a", 2), lease("b", 1, 9)], 3.0) == []


def test_a_store_that_takes_no_writes_condemns_nobody() -> None:
    sightings = Sightings()
    for now in (0.0, 0.5, 1.0, 1.5, 2.0):
        assert sightings.judge([lease("own", 1), lease("a", 1)], now) == []
    # Whoever finds that there is room first must not take the others for dead.
    assert sightings.judge([lease("own", 2), lease("a", 1)], 2.5) == []
    assert sightings.judge([lease("own", 3), lease("a", 1)], 2.9) == []
    assert sightings.judge([lease("own", 4), lease("a", 1)], 3.1) == [lease("a", 1)]


# ---------------------------------------------------------------- capacity, appetite
def test_a_freed_slot_is_offered_to_the_takers_in_turn() -> None:
    capacity = Capacity(1, threads=1, processes=1)
    taken: list[str] = []

    def taker(name: str) -> Any:
        def take() -> None:
            if capacity.has_room_for("loop"):
                capacity.take("loop")
                taken.append(name)

        return take

    takers = [taker(name) for name in "abc"]
    for take in takers:
        capacity.join(take)
    capacity.take("loop")
    assert not capacity.has_room_for("loop")
    for _ in range(6):
        capacity.give_back("loop")
    assert sorted(taken[:3]) == sorted(taken[3:]) == ["a", "b", "c"]
    for take in takers:
        capacity.leave(take)


def test_the_appetite_grows_with_short_bodies_and_shrinks_with_long_ones() -> None:
    appetite = Appetite(3)
    assert appetite.limit == 3
    for _ in range(10):
        appetite.body_ended(0.001)
    assert appetite.limit == 6
    appetite.body_ended(5)
    assert appetite.limit == 5
    for _ in range(10):
        appetite.body_ended(5)
    assert appetite.limit == 3


def test_the_appetite_falls_to_what_runs_when_jobs_wait_in_vain_and_recovers() -> None:
    appetite = Appetite(10)
    appetite.punish(running=2)
    assert appetite.limit == 2
    appetite.body_ended(5)
    assert appetite.limit == 3
    appetite.punish(running=0)
    assert appetite.limit == 1


# ---------------------------------------------------------------- retry
@pytest.mark.parametrize("backoff", [1.0, 1.5, 2, 1e300])
@pytest.mark.parametrize("base", [0, 0.1, 10, 1e6])
@pytest.mark.parametrize("tries", [1, 2, 50, 10_000])
def test_a_retry_delay_is_finite_and_bounded(tries: int, base: float, backoff: float) -> None:
    delay = delay_before_retry(tries, base, backoff)
    assert 0 <= delay <= max(LONGEST_DELAY, base)
    if backoff == 1 or base == 0:
        assert delay == base


def test_reconnecting_is_tried_for_ever_and_less_and_less_often() -> None:
    delays = [delay for delay, _ in zip(reconnect_delays(), range(50), strict=False)]
    assert all(0 < delay <= 2 for delay in delays)
    assert sum(delays[-10:]) > 9


def test_what_a_body_raised_is_told_in_texts_of_bounded_length() -> None:
    def deep(n: int) -> None:
        if n:
            deep(n - 1)
        raise ValueError("x" * 10_000)

    try:
        deep(900)
    except ValueError as error:
        ending = ending_of(error, Declaration())
    assert isinstance(ending, Raised)
    assert len(ending.error) <= 2_000
    assert len(ending.traceback) <= 17_000
