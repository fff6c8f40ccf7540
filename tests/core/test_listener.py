"""Waiters learn, whatever becomes of the pushes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from aioqueue import listener
from aioqueue.drivers.base import Driver, Finished, Hear, NewJob, Settled
from aioqueue.drivers.memory import MemoryDriver, MemoryStore
from aioqueue.errors import ConfigurationError, StoreUnavailable
from aioqueue.ids import new_id
from aioqueue.listener import Listener
from aioqueue.states import JobState
from tests.core.stores import eventually

pytestmark = pytest.mark.asyncio


class Faulty:
    """A memory driver whose pushes, answers and requests can be lost."""

    def __init__(self, store: MemoryStore) -> None:
        self.inner = MemoryDriver(store, "q")
        self.drops_pushes = self.pushes_nothing_but_names = False
        self.error: Exception | None = None
        self.watched: list[list[str]] = []
        self.unwatched: list[str] = []
        self.listens = 0
        self.gap: Callable[[], None] = lambda: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def listen(self, hear: Hear, gap: Callable[[], None]) -> None:
        self.listens += 1
        self.gap = gap
        if self.error is not None:
            raise self.error

        def pass_on(job_id: str, settled: Settled | None) -> None:
            if not self.drops_pushes:
                hear(job_id, None if self.pushes_nothing_but_names else settled)

        await self.inner.listen(pass_on, gap)

    async def watch(self, ids: Sequence[str], ttl: float) -> list[Settled | None]:
        self.watched.append(list(ids))
        if self.error is not None:
            raise self.error
        return await self.inner.watch(ids, ttl)

    async def unwatch(self, ids: Sequence[str]) -> None:
        self.unwatched += ids
        await self.inner.unwatch(ids)


class Stage:
    """A store with a worker's hand on it, and a listener that waits."""

    def __init__(self) -> None:
        store = MemoryStore()
        self.worker: Driver = MemoryDriver(store, "q")
        self.driver = Faulty(store)
        self.listener = Listener(self.driver)  # type: ignore[arg-type]
        self.batch = 0

    async def enqueue(self, count: int = 1) -> list[str]:
        ids = [new_id() for _ in range(count)]
        await self.worker.enqueue([NewJob(job_id, "t", b"") for job_id in ids])
        return ids

    async def finish(self, count: int = 1) -> None:
        """Run that many jobs from the head of the line; each succeeds with its id."""
        self.batch += 1
        await self.worker.register("w", 30, b"")
        claimed = await self.worker.claim("w", self.batch, count, 0)
        outcomes = [Finished(c.id, c.token, JobState.SUCCEEDED, c.id.encode(), 60) for c in claimed.jobs]
        assert await self.worker.settle("w", outcomes) == ["settled"] * count

    def wait(self, job_id: str) -> asyncio.Task[Settled]:
        return asyncio.create_task(self.listener.wait(job_id))


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def settle_down() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_push_reaches_everybody_who_waits(stage: Stage) -> None:
    one, other = await stage.enqueue(2)
    waits = [stage.wait(one) for _ in range(3)] + [stage.wait(other)]
    await settle_down()
    assert stage.driver.watched == [[one, other]]
    await stage.finish()
    async with asyncio.timeout(0.5):
        assert [(await wait).outcome for wait in waits[:3]] == [one.encode()] * 3
    assert not waits[3].done()
    await stage.finish()
    assert (await waits[3]).id == other
    assert stage.driver.listens == 1
    await stage.listener.close()


async def test_a_result_that_is_there_answers_at_once(stage: Stage) -> None:
    (job_id,) = await stage.enqueue()
    await stage.finish()
    stage.driver.drops_pushes = True
    async with asyncio.timeout(0.5):
        assert (await stage.listener.wait(job_id)).state is JobState.SUCCEEDED
    await stage.listener.close()


async def test_no_trace_of_a_job_is_an_answer_too(stage: Stage) -> None:
    async with asyncio.timeout(2):
        assert (await stage.listener.wait(new_id())).state is JobState.UNKNOWN
    await stage.listener.close()


async def test_a_lost_push_is_made_good_by_the_poll(stage: Stage) -> None:
    stage.driver.drops_pushes = True
    (job_id,) = await stage.enqueue()
    wait = stage.wait(job_id)
    await settle_down()
    await stage.finish()
    async with asyncio.timeout(3):
        assert (await wait).outcome == job_id.encode()
    await stage.listener.close()


async def test_a_gap_asks_again_at_once(stage: Stage) -> None:
    stage.driver.drops_pushes = True
    ids = await stage.enqueue(3)
    waits = [stage.wait(job_id) for job_id in ids]
    await settle_down()
    await stage.finish(2)
    stage.driver.gap()
    async with asyncio.timeout(0.5):
        assert [(await wait).id for wait in waits[:2]] == ids[:2]
    assert not waits[2].done()
    assert sorted(stage.driver.watched[1]) == sorted(ids)
    waits[2].cancel()
    await asyncio.wait({waits[2]})
    await stage.listener.close()


async def test_a_gap_with_nobody_waiting_asks_nothing(stage: Stage) -> None:
    (job_id,) = await stage.enqueue()
    await stage.finish()
    await stage.listener.wait(job_id)
    stage.driver.gap()
    await settle_down()
    assert len(stage.driver.watched) == 1
    await stage.listener.close()


async def test_a_result_too_large_to_travel_is_fetched(stage: Stage) -> None:
    stage.driver.pushes_nothing_but_names = True
    (job_id,) = await stage.enqueue()
    wait = stage.wait(job_id)
    await settle_down()
    await stage.finish()
    async with asyncio.timeout(0.5):
        assert (await wait).outcome == job_id.encode()
    await stage.listener.close()


async def test_pushes_may_come_twice_and_for_nobody(stage: Stage) -> None:
    (job_id,) = await stage.enqueue()
    wait = stage.wait(job_id)
    await settle_down()
    settled = Settled(job_id, JobState.SUCCEEDED, b"x")
    for heard in (None, settled, settled, None):
        stage.listener._hear(job_id, heard)
        stage.listener._hear(new_id(), heard)
    assert (await wait) == settled
    await stage.listener.close()


async def test_cancelled_waiters_are_forgotten_here_and_in_the_store(stage: Stage) -> None:
    one, other = await stage.enqueue(2)
    waits = [stage.wait(one), stage.wait(one), stage.wait(other)]
    await settle_down()
    waits[0].cancel()
    waits[2].cancel()
    await asyncio.wait({waits[0], waits[2]})
    await settle_down()
    assert stage.driver.unwatched == [other]
    await stage.finish()
    async with asyncio.timeout(0.5):
        assert (await waits[1]).id == one
    assert stage.listener._waits == {}
    await stage.listener.close()


async def test_waiting_again_right_after_leaving_still_hears(stage: Stage) -> None:
    (job_id,) = await stage.enqueue()
    first = stage.wait(job_id)
    await settle_down()
    first.cancel()
    await asyncio.wait({first})
    second = stage.wait(job_id)
    await settle_down()
    await stage.finish()
    async with asyncio.timeout(0.5):
        assert (await second).id == job_id
    await stage.listener.close()


async def test_a_store_that_is_away_is_waited_for(stage: Stage) -> None:
    stage.driver.error = StoreUnavailable("away")
    (job_id,) = await stage.enqueue()
    wait = stage.wait(job_id)
    await settle_down()
    assert not wait.done()
    await stage.finish()
    stage.driver.error = None
    async with asyncio.timeout(3):
        assert (await wait).id == job_id
    await stage.listener.close()


async def test_an_error_that_waiting_cannot_heal_is_raised_at_the_waiter(stage: Stage) -> None:
    stage.driver.error = ConfigurationError("not allowed to")
    (job_id,) = await stage.enqueue()
    wait = stage.wait(job_id)
    with pytest.raises(ConfigurationError):
        async with asyncio.timeout(3):
            await wait
    await stage.listener.close()


async def test_an_error_of_one_poll_does_not_end_the_polling(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "FIRST_POLL", 0.01)
    stage.driver.drops_pushes = True
    (job_id,) = await stage.enqueue()
    wait = stage.wait(job_id)
    await settle_down()
    stage.driver.error = OSError("once")
    polls = len(stage.driver.watched)
    await eventually(lambda: len(stage.driver.watched) > polls)
    stage.driver.error = None
    await stage.finish()
    try:
        async with asyncio.timeout(4):
            assert (await wait).id == job_id
    except OSError:
        pass  # the waiter may be told instead
    await stage.listener.close()


async def test_closing_ends_open_waits_and_leaves_no_task(stage: Stage) -> None:
    before = asyncio.all_tasks()
    (job_id,) = await stage.enqueue()
    wait = stage.wait(job_id)
    await settle_down()
    await stage.listener.close()
    await asyncio.wait({wait}, timeout=1)
    assert wait.done()
    assert asyncio.all_tasks() == before
    await stage.listener.close()


async def test_whoever_waits_when_it_closes_is_told_by_an_error_not_by_a_cancellation(stage: Stage) -> None:
    (job_id,) = await stage.enqueue()
    wait = stage.wait(job_id)
    await settle_down()
    await stage.listener.close()
    await asyncio.wait({wait}, timeout=1)
    assert not wait.cancelled(), "nobody cancelled this task"
    assert wait.exception() is not None


async def test_the_polling_ends_with_the_last_wait_and_starts_with_the_next(stage: Stage) -> None:
    for _ in range(2):
        (job_id,) = await stage.enqueue()
        wait = stage.wait(job_id)
        await settle_down()
        await stage.finish()
        await wait
    stage.driver.drops_pushes = True
    (job_id,) = await stage.enqueue()
    wait = stage.wait(job_id)
    await settle_down()
    await stage.finish()
    async with asyncio.timeout(4):
        await wait
    await stage.listener.close()
