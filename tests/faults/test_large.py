"""What is too large is refused where it enters; what is many is cut, so that nobody else waits for it."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from redis.asyncio import Redis

from aioqueue import PayloadTooLarge, Queue, TaskException, Worker
from aioqueue.drivers.base import Driver, Finished, NewJob
from aioqueue.ids import new_id
from aioqueue.states import JobState
from tests.faults.figures import Figures, publish

pytestmark = pytest.mark.asyncio

HUGE: Final = 64 * 1024 * 1024
MANY: Final = 10_000
LONGEST_HOLD: Final = 0.5  # three times of what ten thousand bodies that end at once take
LEAST_ANSWERS: Final = 2
LARGEST_STEP: Final = 1_000


async def test_a_huge_argument_is_refused_at_the_call(every_store_url: str, seed: int) -> None:
    async with Queue(every_store_url, name=new_id()) as queue:

        @queue.task
        async def keep(data: bytes, label: str) -> int:
            return len(data)

        with pytest.raises(PayloadTooLarge, match=r"keep\(\) argument 'data' is too large: .* 16,777,216"):
            await keep(bytes(HUGE), label="huge")
        assert sum((await queue.counts()).values()) == 0
        async with queue.worker():
            assert await keep.call(b"small", label="small") == 5
    publish_row("64 MiB argument", every_store_url, seed, jobs=1)


async def test_a_huge_result_fails_its_job_and_no_other(every_store_url: str, seed: int) -> None:
    async with Queue(every_store_url, name=new_id()) as queue:
        runs = 0

        @queue.task(retries=2)
        async def give(size: int) -> bytes:
            nonlocal runs
            runs += size == HUGE
            return bytes(size)

        async with queue.worker():
            huge, *small = [await give(size) for size in (HUGE, 1, 2, 3)]
            with pytest.raises(TaskException, match="67,108") as failed:
                await huge.get(timeout=20)
            assert [len(await result.get(timeout=20)) for result in small] == [1, 2, 3]
    assert "max_payload" in str(failed.value)
    assert runs == 1, "storing is not running"
    publish_row("64 MiB result", every_store_url, seed, jobs=4)


async def test_the_limit_is_the_queue_s(every_store_url: str) -> None:
    async with Queue(every_store_url, name=new_id(), max_payload=1_000) as queue:

        @queue.task
        async def double(data: bytes) -> bytes:
            return 2 * data

        with pytest.raises(PayloadTooLarge):
            await double(bytes(1_001))
        async with queue.worker():
            assert len(await double.call(bytes(400))) == 800
            with pytest.raises(TaskException, match="max_payload"):
                await double.call(bytes(800))


async def test_ten_thousand_jobs_in_one_call(every_store_url: str, seed: int) -> None:
    """Each call of the driver carries all of them; beside it the loop turns, and another client is answered."""
    async with Queue(every_store_url, name=new_id()) as queue, beside(queue):
        driver = (await queue.session()).driver
        jobs = [NewJob(new_id(), "task", b"payload") for _ in range(MANY)]
        assert [answer.admission for answer in await driver.enqueue(jobs)] == ["accepted"] * MANY
        await asyncio.sleep(0.002)  # memory answers without a pause, and nobody else would have a turn
        assert [answer.admission for answer in await driver.enqueue(jobs)] == ["present"] * MANY
        await asyncio.sleep(0.002)
        await driver.register("worker", 60, b"")
        claims = (await driver.claim("worker", 1, MANY, 1)).jobs
        assert len(claims) == len({claim.id for claim in claims}) == MANY
        outcomes = [Finished(claim.id, claim.token, JobState.SUCCEEDED, b"value", 60) for claim in claims]
        assert await driver.settle("worker", outcomes) == ["settled"] * MANY
        await asyncio.sleep(0.002)
        assert await driver.settle("worker", outcomes) == ["already"] * MANY
        assert all(known and known.state is JobState.SUCCEEDED for known in await driver.results([j.id for j in jobs]))
        assert sum((await queue.counts()).values()) == 0
    publish_row("10,000 jobs in one enqueue, claim, settle", every_store_url, seed, jobs=MANY)


async def test_ten_thousand_jobs_through_a_worker(every_store_url: str, seed: int) -> None:
    async with Queue(every_store_url, name=new_id()) as queue:
        done: list[int] = []

        @queue.task
        async def one(n: int) -> int:
            done.append(n)
            return n

        group = await one.map([(n,) for n in range(MANY)])
        async with Worker(queue, concurrency=MANY), beside(queue):
            assert await group.get(timeout=60) == list(range(MANY))
    assert sorted(done) == list(range(MANY))
    publish_row("10,000 jobs through a worker", every_store_url, seed, jobs=MANY)


async def test_redis_gets_ten_thousand_jobs_in_steps(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as store:

        async def scripts() -> int:
            return int((await store.info("commandstats")).get("cmdstat_evalsha", {}).get("calls", 0))

        await assert_cut(redis_url, scripts)


async def test_sqlite_gets_ten_thousand_jobs_in_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = 0

    class Counting(sqlite3.Connection):
        def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
            nonlocal commits
            commits += sql == "COMMIT"
            return super().execute(sql, *arguments)

    async def asked() -> int:
        return commits

    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Counting))
    await assert_cut(f"sqlite:///{tmp_path}/queue.db", asked)


async def assert_cut(url: str, steps: Callable[[], Awaitable[int]]) -> None:
    """What holds up everybody else while it lasts is cut; a claim is not, since a worker asks for so many at most."""
    async with Queue(url, name=new_id()) as queue:
        driver = (await queue.session()).driver
        before = await steps()
        await driver.enqueue([NewJob(new_id(), "task", b"payload") for _ in range(MANY)])
        assert await steps() - before >= MANY / LARGEST_STEP
        await driver.register("worker", 60, b"")
        claims = (await driver.claim("worker", 1, MANY, 1)).jobs
        before = await steps()
        await driver.settle("worker", [Finished(c.id, c.token, JobState.SUCCEEDED, b"value", 60) for c in claims])
        assert await steps() - before >= MANY / LARGEST_STEP


@asynccontextmanager
async def beside(queue: Queue) -> AsyncIterator[None]:
    """Live in the same loop and write to the same store, again and again; nobody may hold either up for long."""
    turns: list[float] = []
    answers: list[None] = []
    async with asyncio.timeout(60):
        driver = queue.driver()
        await driver.open()
        living = asyncio.gather(_turn(turns), _ask(driver, answers))
        try:
            yield
        finally:
            living.cancel()
            await asyncio.wait({living})
            await driver.close()
    assert len(answers) >= LEAST_ANSWERS
    assert max(turns) < LONGEST_HOLD


async def _turn(turns: list[float]) -> None:
    """Note how long the loop is held from turn to turn, in time of its thread: what else runs here is no matter."""
    while True:
        began = time.thread_time()
        await asyncio.sleep(0.001)
        turns.append(time.thread_time() - began)


async def _ask(driver: Driver, answers: list[None]) -> None:
    while True:
        await asyncio.sleep(0)
        answers.append(await driver.put("something", b""))


def publish_row(scenario: str, url: str, seed: int, jobs: int) -> None:
    """Nothing was lost or run twice, or this is not reached."""
    publish(
        Figures(
            row=20,
            scenario=scenario,
            store=url.partition(":")[0],
            seed=seed,
            jobs=jobs,
            lost=0,
            repeated=0,
            outcomes_twice=0,
            deaths=0,
            stuck=0,
            recovery_p50=0.0,
            recovery_max=0.0,
        )
    )
