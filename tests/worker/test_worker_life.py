"""Starting, draining and stopping a worker."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from msgspec import structs

from aioqueue import Job, JobState, Queue, StoreUnavailable, Worker
from aioqueue.drivers.base import Claimed, Driver, Outcome
from aioqueue.errors import ConfigurationError
from aioqueue.worker import incarnation
from aioqueue.worker.reaper import Reaper
from tests.core.stores import MakeQueue, eventually

pytestmark = pytest.mark.asyncio

UNREACHABLE = "redis://127.0.0.1:1"


@pytest.fixture
def lease_threads() -> Callable[[], set[str]]:
    """Tell which threads of workers this test has left so far."""
    before = set(threading.enumerate())

    def left() -> set[str]:
        return {t.name for t in threading.enumerate() if t not in before and t.name.startswith("aioqueue-lease")}

    return left


async def running(queue: Queue) -> int:
    return (await queue.counts())[JobState.RUNNING]


class Through:
    """A driver that does what another does, except for what a test sets on it."""

    def __init__(self, inner: Driver, **instead: Any) -> None:
        self.inner = inner
        self.instead = instead

    def __getattr__(self, name: str) -> Any:
        return self.instead.get(name) or getattr(self.inner, name)

    def clone(self) -> Through:
        return Through(self.inner.clone(), **self.instead)


# ---------------------------------------------------------------- starting
async def test_an_unreachable_store_is_said_at_the_start(lease_threads: Callable[[], set[str]]) -> None:
    queue = Queue(UNREACHABLE)
    with pytest.raises(StoreUnavailable):
        async with asyncio.timeout(20):
            await Worker(queue).run()
    with pytest.raises(StoreUnavailable):
        async with asyncio.timeout(20), queue.worker():
            pytest.fail("there is no store")
    assert lease_threads() == set()


async def test_a_second_queue_that_cannot_be_reached_leaves_the_first_one_clean(
    memory_queue: Queue, lease_threads: Callable[[], set[str]]
) -> None:
    worker = Worker(memory_queue, Queue(UNREACHABLE))
    with pytest.raises(StoreUnavailable):
        async with asyncio.timeout(20):
            await worker.run()
    assert await (await memory_queue.session()).driver.leases() == []
    assert lease_threads() == set()


async def test_a_start_that_is_cancelled_leaves_nothing_behind(memory_queue: Queue) -> None:
    before = asyncio.all_tasks()
    started = asyncio.Event()

    async def register(*_: Any) -> None:
        started.set()
        await asyncio.sleep(60)

    inner = memory_queue.driver()
    memory_queue.driver = lambda: Through(inner.clone(), register=register)  # type: ignore[method-assign,assignment,return-value]

    async def enter() -> None:
        async with memory_queue.worker(shutdown_timeout=0):
            pytest.fail("it never starts")

    entering = asyncio.create_task(enter())
    await started.wait()
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    await asyncio.sleep(0.02)
    assert asyncio.all_tasks() == before


async def test_a_worker_that_fails_says_so(memory_queue: Queue, lease_threads: Callable[[], set[str]]) -> None:
    async def claim(*_: Any) -> None:
        raise ZeroDivisionError("a bug")

    inner = memory_queue.driver()
    memory_queue.driver = lambda: Through(inner.clone(), claim=claim)  # type: ignore[method-assign,assignment,return-value]
    with pytest.raises((ZeroDivisionError, ExceptionGroup)):
        async with asyncio.timeout(5):
            await Worker(memory_queue).run()
    assert lease_threads() == set()


async def test_a_settler_that_fails_is_not_passed_over_in_silence(memory_queue: Queue) -> None:
    async def settle(incarnation: str, outcomes: Sequence[Outcome]) -> None:
        raise ZeroDivisionError("a bug")

    @memory_queue.task
    async def body() -> int:
        return 1

    await body()
    inner = memory_queue.driver()
    memory_queue.driver = lambda: Through(inner.clone(), settle=settle)  # type: ignore[method-assign,assignment,return-value]
    with pytest.raises((ZeroDivisionError, ExceptionGroup)):
        async with asyncio.timeout(2):
            await Worker(memory_queue, shutdown_timeout=0).run()


# ---------------------------------------------------------------- working
async def test_an_embedded_worker_leaves_nothing_behind(queue: Queue, lease_threads: Callable[[], set[str]]) -> None:
    @queue.task
    async def body(n: int) -> int:
        return n

    async with queue:
        driver = (await queue.session()).driver
        before = asyncio.all_tasks()
        async with queue.worker():
            assert len(await driver.leases()) == 1
            assert await body.call(1) == 1
        assert await driver.leases() == []
        assert lease_threads() == set()
        assert {task for task in asyncio.all_tasks() - before if "aioqueue/worker" in str(task.get_coro())} == set()
    gc.collect()


async def test_a_worker_sees_jobs_that_were_there_and_jobs_that_come(queue: Queue) -> None:
    @queue.task
    async def body(n: int) -> int:
        return n

    async with queue:
        there = await body(1)
        async with queue.worker():
            assert await there.get(timeout=5) == 1
            await asyncio.sleep(0.05)
            started = asyncio.get_running_loop().time()
            assert await (await body(2)).get(timeout=5) == 2
            assert asyncio.get_running_loop().time() - started < 1


async def test_higher_priority_goes_first_and_first_in_first_out_within_one(queue: Queue) -> None:
    ran: list[int] = []

    @queue.task
    async def body(n: int) -> None:
        ran.append(n)

    async with queue:
        for n, priority in enumerate([0, -8, 7, 3, 0, 7, -8, 3]):
            await body.options(priority=priority)(n)
        async with queue.worker(concurrency=1) as worker:
            await eventually(lambda: len(ran) == 8)
            assert worker.abandoned_threads == 0
    assert ran == [2, 5, 3, 7, 0, 4, 1, 6]


async def test_scheduled_jobs_run_when_they_are_due_and_a_sooner_one_wakes(queue: Queue) -> None:
    ran: list[str] = []

    @queue.task
    async def body(name: str) -> str:
        ran.append(name)
        return name

    async with queue, queue.worker():
        late = await body.options(delay=0.4)("late")
        await asyncio.sleep(0.02)
        soon = await body.options(delay=0.1)("soon")
        await body.options(delay=1000)("never")
        assert await soon.get(timeout=5) == "soon"
        assert await late.get(timeout=5) == "late"
    assert ran == ["soon", "late"]


async def test_one_worker_serves_several_queues(store_url: str) -> None:
    from uuid import uuid4

    first, second = (Queue(store_url, name=f"{name}{uuid4().hex}") for name in "ab")
    running_now, most = 0, 0

    async def work(n: int) -> int:
        nonlocal running_now, most
        running_now += 1
        most = max(most, running_now)
        await asyncio.sleep(0.003)
        running_now -= 1
        return n

    one, two = first.task(work), second.task(work)
    async with first, second:
        results = [await one.map(range(20)), await two.map(range(20))]
        async with Worker(first, second, concurrency=3):
            for result in results:
                assert await result.get(timeout=10) == list(range(20))
    assert most == 3


async def test_a_busy_queue_does_not_starve_another(store_url: str) -> None:
    from uuid import uuid4

    busy, quiet = (Queue(store_url, name=f"{name}{uuid4().hex}") for name in "ab")
    done = 0

    @busy.task
    async def work() -> None:
        nonlocal done
        await asyncio.sleep(0.002)
        done += 1

    @quiet.task
    async def once() -> int:
        return done

    async with busy, quiet:
        await work.map([()] * 2_000)
        async with Worker(busy, quiet, concurrency=2, shutdown_timeout=0):
            await eventually(lambda: done > 10)
            before = done
            assert await (await once()).get(timeout=5) - before < 1_000


async def test_two_workers_share_a_queue(make_queue: MakeQueue) -> None:
    queue = make_queue()
    ran: list[int] = []

    @queue.task
    async def body(n: int) -> int:
        await asyncio.sleep(0.001)
        ran.append(n)
        return n

    async with queue, queue.worker(concurrency=2), queue.worker(concurrency=2):
        assert await (await body.map(range(200))).get(timeout=10) == list(range(200))
    assert sorted(ran) == list(range(200))


async def test_jobs_claimed_ahead_are_released_for_others_while_bodies_come_and_go(make_queue: MakeQueue) -> None:
    queue, other = make_queue(), make_queue()
    here = other_ran = 0

    @queue.task(name="body")
    async def body(seconds: float) -> str:
        nonlocal here
        here += 1
        await asyncio.sleep(seconds)
        return "here"

    @other.task(name="body")
    async def elsewhere(seconds: float) -> str:
        nonlocal other_ran
        other_ran += 1
        return "elsewhere"

    async with queue, other, queue.worker(concurrency=4, shutdown_timeout=0):
        await (await body.map([0.0] * 40)).get(timeout=5)  # short bodies earn a prefetch
        ends = await body.map([0.7, 1.2, 1.7, 2.2])
        ahead = await body.map([30.0] * 4)
        await eventually(lambda: running_at_least(queue, 5))
        async with other.worker():
            # Two slots come free within the patience and take two of those ahead; the others must not wait for
            # more: they are another worker's.
            assert await ahead[3].get(timeout=3) == "elsewhere"
        assert await ends[0].ready()


async def running_at_least(queue: Queue, least: int) -> bool:
    return await running(queue) >= least


# ---------------------------------------------------------------- draining
async def test_drain_runs_what_is_due_and_what_comes_of_it(queue: Queue) -> None:
    ran: list[str] = []

    @queue.task(retries=2, context=True)
    async def flaky(job: Job[Any]) -> str:
        ran.append(f"try {job.tries}")
        if job.tries < 2:
            raise ValueError
        await follows()
        return "there"

    @queue.task
    async def follows() -> None:
        ran.append("follows")

    async with queue:
        driver = (await queue.session()).driver
        result = await flaky()
        later = await follows.options(delay=1000)()
        due = await follows.options(delay=50)()
        await driver.shift(100)
        async with asyncio.timeout(10):
            await Worker(queue).drain()
        assert await result.get(timeout=0) == "there"
        assert await due.ready()
        assert await later.state() is JobState.SCHEDULED
        assert await driver.leases() == []
    assert sorted(ran) == ["follows", "follows", "try 0", "try 1", "try 2"]


async def test_draining_nothing_returns_at_once_and_again(queue: Queue) -> None:
    worker = Worker(queue)
    async with queue, asyncio.timeout(5):
        await worker.drain()
        await worker.drain()


async def test_drain_takes_no_more_than_it_can_run(queue: Queue) -> None:
    most = 0

    @queue.task
    async def body() -> None:
        nonlocal most
        now = await running(queue)
        most = max(most, now)

    async with queue:
        await body.map([()] * 40)
        async with asyncio.timeout(20):
            await Worker(queue, concurrency=2).drain()
        assert await running(queue) == 0
    assert most <= 10


async def test_drain_runs_one_suspect_after_the_other(queue: Queue) -> None:
    at_once = most = 0

    @queue.task
    async def body() -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.002)
        at_once -= 1

    async with queue:
        driver = (await queue.session()).driver
        results = await body.map([()] * 5)
        await make_suspects(driver, 5)
        async with asyncio.timeout(10):
            await Worker(queue).drain()
        await results.get(timeout=1)
    assert most == 1


async def make_suspects(driver: Driver, count: int) -> None:
    await driver.register("doomed", 30, b"")
    claimed = await driver.claim("doomed", 1, count, count)
    assert len(claimed.jobs) == count
    (lease,) = [lease for lease in await driver.leases() if lease.incarnation == "doomed"]
    assert await driver.reap("doomed", lease.counter) == count


async def test_suspects_run_one_at_a_time_beside_the_others_and_without_a_pause(queue: Queue) -> None:
    suspects: set[str] = set()
    at_once = most = 0

    @queue.task(context=True)
    async def body(job: Job[Any]) -> None:
        nonlocal at_once, most
        if job.id in suspects:
            at_once += 1
            most = max(most, at_once)
        await asyncio.sleep(0.003)
        if job.id in suspects:
            at_once -= 1

    async with queue:
        driver = (await queue.session()).driver
        doomed = await body.map([()] * 6)
        suspects |= {result.id for result in doomed}
        await make_suspects(driver, 6)
        others = await body.map([()] * 20)
        async with queue.worker(concurrency=10):
            await doomed.get(timeout=3)
            await others.get(timeout=3)
    assert most == 1


# ---------------------------------------------------------------- stopping
async def test_stopping_lets_running_bodies_end_and_hands_back_the_rest(queue: Queue) -> None:
    go = asyncio.Event()

    @queue.task
    async def body(n: int) -> int:
        await go.wait()
        return n

    async with queue:
        results = await body.map(range(10))
        worker = Worker(queue, concurrency=2)
        work = asyncio.create_task(worker.run())
        await eventually(lambda: running_at_least(queue, 2))
        worker.stop()
        await eventually(lambda: _queued_at_least(queue, 8))
        go.set()
        async with asyncio.timeout(5):
            await work
        assert [await result.ready() for result in results].count(True) == 2
        counts = await queue.counts()
        assert (counts[JobState.QUEUED], counts[JobState.RUNNING]) == (8, 0)
        await Worker(queue).drain()
        assert await results.get(timeout=1) == list(range(10))


async def _queued_at_least(queue: Queue, least: int) -> bool:
    return (await queue.counts())[JobState.QUEUED] >= least


@pytest.mark.parametrize("how", ["patience is over", "stopped twice"])
async def test_a_body_that_does_not_end_is_handed_back_uncounted(queue: Queue, how: str) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    @queue.task(max_deliveries=1, context=True)
    async def body(job: Job[Any]) -> int:
        if began.is_set():
            return job.tries
        began.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return -1

    async with queue:
        result = await body()
        worker = Worker(queue, shutdown_timeout=0.05 if how == "patience is over" else 60)
        work = asyncio.create_task(worker.run())
        await began.wait()
        worker.stop()
        if how == "stopped twice":
            await asyncio.sleep(0.02)
            assert not ended.is_set()
            worker.stop()
        async with asyncio.timeout(5):
            await work
        assert ended.is_set()
        stored = await (await queue.session()).driver.job(result.id)
        assert stored is not None
        assert (stored.state, stored.deliveries) == (JobState.QUEUED, 0)
        await Worker(queue).drain()
        assert await result.get(timeout=1) == 0


async def test_a_thread_that_does_not_end_is_left_behind(queue: Queue) -> None:
    began, go = threading.Event(), threading.Event()

    @queue.task
    def body() -> None:
        began.set()
        go.wait(20)

    try:
        async with queue:
            result = await body()
            worker = Worker(queue, shutdown_timeout=0.05)
            work = asyncio.create_task(worker.run())
            await asyncio.to_thread(began.wait)
            worker.stop()
            async with asyncio.timeout(5):
                await work
            assert worker.abandoned_threads == 1
            assert await result.state() is JobState.QUEUED
    finally:
        go.set()


async def test_a_stop_starts_no_body_that_waits_for_a_thread(queue: Queue) -> None:
    began, go = threading.Event(), threading.Event()
    ran = 0

    @queue.task
    def body() -> None:
        nonlocal ran
        ran += 1
        began.set()
        go.wait(20)

    async with queue:
        results = await body.map([()] * 5)
        worker = Worker(queue, concurrency=10, threads=1, shutdown_timeout=10)
        work = asyncio.create_task(worker.run())
        await asyncio.to_thread(began.wait)
        worker.stop()
        await asyncio.sleep(0.02)
        go.set()
        async with asyncio.timeout(15):
            await work
        assert [await result.ready() for result in results].count(True) == ran == 1
        assert (await queue.counts())[JobState.QUEUED] == 4


async def test_jobs_that_wait_for_a_thread_here_are_not_kept_from_other_workers(make_queue: MakeQueue) -> None:
    queue, other = make_queue(), make_queue()
    began, go = threading.Event(), threading.Event()

    @queue.task(name="body")
    def body() -> str:
        began.set()
        go.wait(20)
        return "here"

    @other.task(name="body")
    async def elsewhere() -> str:
        return "elsewhere"

    try:
        async with queue, other, queue.worker(concurrency=10, threads=1):
            results = await body.map([()] * 5)
            await asyncio.to_thread(began.wait)
            async with other.worker():
                assert await results[4].get(timeout=3) == "elsewhere"
            go.set()
    finally:
        go.set()


class Rivals:
    """A queue that shares a worker with a busy one, and the same queue as another worker has it."""

    def __init__(self, make_queue: MakeQueue) -> None:
        self.queue, self.other, self.busy = make_queue(), make_queue(), Queue("memory://")
        self.began, self.filled = asyncio.Event(), asyncio.Semaphore(0)

        @self.queue.task(name="body")
        async def body() -> str:
            self.began.set()
            await asyncio.sleep(60)
            return "here"

        @self.other.task(name="body")
        async def elsewhere() -> str:
            return "elsewhere"

        @self.busy.task
        async def fill() -> None:
            self.filled.release()
            await asyncio.sleep(60)

        self.body, self.fill = body, fill

    def worker(self) -> Worker:
        """Return the worker that has two slots for both."""
        return Worker(self.queue, self.busy, concurrency=2, shutdown_timeout=0, max_delay=60)


async def test_a_wake_up_that_comes_when_there_is_no_room_any_more_is_not_kept_from_other_workers(
    make_queue: MakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    rivals = Rivals(make_queue)
    async with rivals.queue, rivals.other, rivals.busy:
        await rivals.body()
        driver = (await rivals.queue.session()).driver
        await make_suspects(driver, 1)
        await driver.wait("nobody", 0.01)  # takes the wake-up with it
        async with rivals.worker():
            await rivals.began.wait()  # with a suspect in hand it waits for more, and for the suspect's end
            await rivals.fill()
            await rivals.filled.acquire()
            waits = noticed_call(monkeypatch, type(driver), "claim_when_woken")
            async with rivals.other.worker(max_delay=60):
                await waits.wait()  # behind this one
                assert await (await rivals.body()).get(timeout=5) == "elsewhere"


async def test_what_a_worker_hands_back_it_leaves_to_others_for_a_while(make_queue: MakeQueue) -> None:
    rivals = Rivals(make_queue)
    async with rivals.queue, rivals.other, rivals.busy, rivals.worker():
        await rivals.fill.map([()] * 2)
        for _ in range(2):
            await rivals.filled.acquire()
        result = await rivals.body()
        await eventually(lambda: running_at_least(rivals.queue, 1))  # claimed ahead, for the next slot
        async with rivals.other.worker(max_delay=60):
            assert await result.get(timeout=5) == "elsewhere"


def noticed_call(monkeypatch: pytest.MonkeyPatch, driver: type[Driver], operation: str) -> asyncio.Event:
    """Return an event that is set once a driver of this class has been asked for this operation."""
    asked, ask = asyncio.Event(), getattr(driver, operation)

    def noticed(*args: Any) -> Any:
        asked.set()
        return ask(*args)

    monkeypatch.setattr(driver, operation, noticed)
    return asked


async def test_leaving_the_block_after_a_stop_still_waits_for_bodies(memory_queue: Queue) -> None:
    began = asyncio.Event()

    @memory_queue.task
    async def body() -> int:
        began.set()
        await asyncio.sleep(0.05)
        return 1

    async with memory_queue as queue:
        async with queue.worker() as worker:
            result = await body()
            await began.wait()
            worker.stop()
        assert await result.get(timeout=0) == 1


async def test_a_body_that_raises_on_its_way_out_is_handed_back_or_ends(queue: Queue) -> None:
    began = asyncio.Event()

    @queue.task
    async def body() -> None:
        began.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise ValueError("on its way out") from None

    async with queue:
        result = await body()
        worker = Worker(queue, shutdown_timeout=0)
        work = asyncio.create_task(worker.run())
        await began.wait()
        worker.stop()
        async with asyncio.timeout(5):
            await work
        assert await result.state() in (JobState.QUEUED, JobState.FAILED)
        assert await running(queue) == 0


async def test_a_cancelled_worker_hands_everything_back(queue: Queue, lease_threads: Callable[[], set[str]]) -> None:
    began = asyncio.Event()

    @queue.task
    async def body() -> None:
        began.set()
        await asyncio.sleep(60)

    async with queue:
        result = await body()
        work = asyncio.create_task(Worker(queue, shutdown_timeout=0.05).run())
        await began.wait()
        work.cancel()
        async with asyncio.timeout(5):
            await asyncio.wait({work})
        assert work.cancelled()
        assert await result.state() is JobState.QUEUED
        assert await (await queue.session()).driver.leases() == []
    assert lease_threads() == set()


async def test_a_worker_that_is_cancelled_twice_leaves_no_thread(
    memory_queue: Queue, lease_threads: Callable[[], set[str]]
) -> None:
    began = asyncio.Event()

    @memory_queue.task
    async def body() -> None:
        began.set()
        await asyncio.sleep(60)

    async with memory_queue as queue:
        await body()
        work = asyncio.create_task(Worker(queue, shutdown_timeout=60).run())
        await began.wait()
        work.cancel()
        await asyncio.sleep(0.02)
        work.cancel()
        async with asyncio.timeout(5):
            await asyncio.wait({work})
        await eventually(lambda: lease_threads() == set(), 2)
        assert await running(queue) == 0


async def test_a_worker_that_lost_its_lease_can_be_stopped_while_the_store_is_away(
    memory_queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    away = asyncio.Event()

    async def unreachable(*_: Any) -> None:
        raise StoreUnavailable("gone")

    inner = memory_queue.driver()

    def driver() -> Any:
        return Through(inner.clone(), **({"open": unreachable, "register": unreachable} if away.is_set() else {}))

    memory_queue.driver = driver  # type: ignore[method-assign]
    async with memory_queue as queue:
        worker = Worker(queue, lease=0.3)
        work = asyncio.create_task(worker.run())
        store = (await queue.session()).driver
        await eventually(lambda: _has_leases(store))
        away.set()
        with caplog.at_level(logging.WARNING):
            await reap_all(store)
            await eventually(lambda: "cannot register again" in caplog.text)
        worker.stop()
        done, _ = await asyncio.wait({work}, timeout=4)
        if not done:
            work.cancel()
            await asyncio.wait({work})
        assert done, "it never stops"


async def _has_leases(driver: Driver) -> bool:
    return bool(await driver.leases())


async def reap_all(driver: Driver) -> int:
    """Reap every incarnation, whose counter may move meanwhile; answer how many jobs that freed."""
    jobs = 0
    for lease in await driver.leases():
        reaped = None
        while reaped is None:
            current = [other for other in await driver.leases() if other.incarnation == lease.incarnation]
            if not current:
                break
            reaped = await driver.reap(lease.incarnation, current[0].counter)
        jobs += reaped or 0
    return jobs


# ---------------------------------------------------------------- leases
async def test_a_worker_that_was_reaped_drops_its_bodies_and_goes_on_as_another(
    queue: Queue, lease_threads: Callable[[], set[str]]
) -> None:
    began = asyncio.Event()
    dropped = 0

    @queue.task(context=True)
    async def body(job: Job[Any]) -> str:
        nonlocal dropped
        if not began.is_set():
            began.set()
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                dropped += 1
                raise
        return "again"

    async with queue:
        driver = (await queue.session()).driver
        result = await body()
        async with queue.worker(lease=0.6, shutdown_timeout=0):
            await began.wait()
            (before,) = await driver.leases()
            assert await reap_all(driver) == 1
            assert await result.get(timeout=5) == "again"
            (after,) = await driver.leases()
            assert after.incarnation != before.incarnation
    assert dropped == 1
    assert lease_threads() == set()


async def test_a_flushed_store_does_not_end_the_worker(queue: Queue) -> None:
    @queue.task
    async def body() -> int:
        return 1

    async with queue, queue.worker(lease=0.6):
        assert await body.call() == 1
        await body.options(delay=1000)()
        await queue.flush()
        assert await (await body()).get(timeout=5) == 1


async def test_a_worker_whose_loop_was_blocked_for_long_works_on(queue: Queue) -> None:
    @queue.task
    async def blocks() -> None:
        time.sleep(1.5)  # noqa: ASYNC251 -- that is the case

    @queue.task
    async def body() -> int:
        return 1

    async with queue, queue.worker(lease=0.1, shutdown_timeout=0):
        assert await (await body()).get(timeout=5) == 1
        await blocks()
        await asyncio.sleep(0.05)
        assert await (await body()).get(timeout=4) == 1


async def test_a_task_that_blocks_the_loop_is_not_run_twice(
    make_queue: MakeQueue, caplog: pytest.LogCaptureFixture
) -> None:
    queue, elsewhere = make_queue(), make_queue()
    ran = 0
    stop = threading.Event()

    @queue.task
    async def blocks_here() -> int:
        nonlocal ran
        ran += 1
        time.sleep(1.2)  # noqa: ASYNC251 -- that is the case
        return ran

    def sweep() -> None:
        asyncio.run(_sweep_until(stop, elsewhere.driver()))

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    try:
        with caplog.at_level(logging.WARNING):
            async with queue, queue.worker(lease=0.4):
                assert await (await blocks_here()).get(timeout=20) == 1
    finally:
        stop.set()
        await asyncio.to_thread(sweeper.join)
    assert ran == 1
    assert "is dead" not in caplog.text
    assert "in blocks_here" in caplog.text


async def _sweep_until(stop: threading.Event, driver: Driver) -> None:
    await driver.open()
    await driver.register("sweeper", 60, b"")
    sweeping = asyncio.create_task(Reaper(driver, 0.4).run())
    while not stop.is_set():
        await driver.renew("sweeper")
        await asyncio.sleep(0.05)
    sweeping.cancel()
    await asyncio.wait({sweeping})
    await driver.retire("sweeper")
    await driver.close()


async def test_the_jobs_of_a_dead_worker_are_taken_over(make_queue: MakeQueue) -> None:
    queue = make_queue()

    @queue.task
    async def body() -> int:
        return 1

    async with queue:
        driver = (await queue.session()).driver
        results = await body.map([()] * 5)
        await driver.register("dead", 0.2, b"")
        assert len((await driver.claim("dead", 1, 3, 1)).jobs) == 3
        async with queue.worker(lease=0.2):
            assert await results.get(timeout=5) == [1] * 5
        assert await driver.leases() == []


async def test_claims_that_never_arrived_are_released(queue: Queue) -> None:
    never_arrived: list[str] = []

    def forgetting(claim: Callable[..., Awaitable[Claimed]]) -> Callable[..., Awaitable[Claimed]]:
        async def claim_and_forget(*arguments: Any) -> Claimed:
            claimed = await claim(*arguments)
            if not claimed.jobs or never_arrived:
                return claimed
            never_arrived.extend(claim.id for claim in claimed.jobs)
            return structs.replace(claimed, jobs=[])

        return claim_and_forget

    def driver() -> Any:
        inner = plain_driver()
        forgetful = {name: forgetting(getattr(inner, name)) for name in ("claim", "claim_when_woken")}
        return Through(inner, **forgetful)

    @queue.task
    async def body() -> int:
        return 1

    plain_driver = queue.driver
    async with queue:
        session = await queue.session()
        queue.driver = driver  # type: ignore[method-assign]
        async with queue.worker(lease=1):
            result = await body()
            assert await result.get(timeout=10) == 1
            assert never_arrived == [result.id]
            (lease,) = await session.driver.leases()
            assert result.id not in await session.driver.claims(lease.incarnation)


async def test_a_lost_outcome_is_not_written(queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    began, go = asyncio.Event(), asyncio.Event()

    @queue.task
    async def body() -> str:
        began.set()
        await go.wait()
        return "late"

    async with queue:
        driver = (await queue.session()).driver
        result = await body()
        async with queue.worker(lease=100, shutdown_timeout=0):
            await began.wait()
            assert await reap_all(driver) == 1  # the worker will not hear of it for 100 / 6 s
            await driver.register("other", 30, b"")
            claimed = await driver.claim("other", 1, 1, 1)
            assert [claim.deliveries for claim in claimed.jobs] == [1]
            with caplog.at_level(logging.WARNING):
                go.set()
                await eventually(lambda: "refused" in caplog.text)
            assert await result.state() is JobState.RUNNING
            assert not await result.ready()


# ---------------------------------------------------------------- leaving nothing behind
async def test_a_start_that_is_cancelled_in_any_turn_leaves_no_lease_that_is_renewed(
    memory_queue: Queue, lease_threads: Callable[[], set[str]]
) -> None:
    async with memory_queue as queue:
        for turns in range(20):
            work = asyncio.create_task(Worker(queue, lease=0.3).run())
            for _ in range(turns):
                await asyncio.sleep(0)
            work.cancel()
            await asyncio.wait({work})
            assert lease_threads() == set()


async def test_a_start_that_nobody_can_be_told_of_is_undone(
    memory_queue: Queue, lease_threads: Callable[[], set[str]]
) -> None:
    def started() -> None:
        raise ZeroDivisionError("a bug")

    async with memory_queue as queue:
        with pytest.raises(ZeroDivisionError):
            await Worker(queue).run(started)
        assert await (await queue.session()).driver.leases() == []
    assert lease_threads() == set()


@pytest.mark.parametrize(
    "refused",
    [
        {"claim", "claim_when_woken", "release", "retire"},
        {"claim", "claim_when_woken", "settle", "retire"},
        {"claim", "claim_when_woken", "cancellations", "retire"},
    ],
)
async def test_an_end_that_fails_leaves_nothing_that_runs(
    memory_queue: Queue, lease_threads: Callable[[], set[str]], refused: set[str]
) -> None:
    began = asyncio.Event()

    @memory_queue.task
    async def body() -> None:
        began.set()
        await asyncio.sleep(60)

    async def refuse(*_: Any) -> None:
        raise ConfigurationError("the credentials are refused")

    inner = memory_queue.driver()
    drivers: list[Through] = []

    def driver() -> Any:
        drivers.append(Through(inner.clone()))
        return drivers[-1]

    memory_queue.driver = driver  # type: ignore[method-assign]
    async with memory_queue as queue:
        before = asyncio.all_tasks()
        work = asyncio.create_task(Worker(queue, shutdown_timeout=0.05).run())
        await body()
        await began.wait()
        for through in drivers[1:]:
            through.instead.update(dict.fromkeys(refused, refuse))
        await body()
        with pytest.raises(ConfigurationError):
            async with asyncio.timeout(5):
                await work
        assert asyncio.all_tasks() == before
    assert lease_threads() == set()


async def test_a_stop_that_cannot_hear_of_cancellations_still_waits_for_bodies(memory_queue: Queue) -> None:
    began, end = asyncio.Event(), asyncio.Event()

    @memory_queue.task
    async def body() -> int:
        began.set()
        await end.wait()
        return 1

    async def refuse(*_: Any) -> None:
        asyncio.get_running_loop().call_later(0.1, end.set)
        raise ConfigurationError("the credentials are refused")

    inner = memory_queue.driver()
    drivers: list[Through] = []

    def driver() -> Any:
        drivers.append(Through(inner.clone()))
        return drivers[-1]

    memory_queue.driver = driver  # type: ignore[method-assign]
    async with memory_queue as queue:
        async with queue.worker():
            result = await body()
            await began.wait()
            for through in drivers[1:]:
                through.instead["cancellations"] = refuse
        assert await result.get(timeout=5) == 1


async def test_an_error_of_one_queue_lets_the_bodies_of_the_others_end(make_two_queues: tuple[Queue, Queue]) -> None:
    broken, other = make_two_queues
    began, ended = asyncio.Event(), asyncio.Event()

    @other.task
    async def body() -> None:
        began.set()
        await asyncio.sleep(0.2)
        ended.set()

    async def claim(*_: Any) -> None:
        await began.wait()
        raise ZeroDivisionError("a bug")

    inner = broken.driver()
    broken.driver = lambda: Through(inner.clone(), claim=claim)  # type: ignore[method-assign,assignment,return-value]
    async with broken, other:
        result = await body()
        with pytest.raises(ZeroDivisionError):
            async with asyncio.timeout(5):
                await Worker(broken, other).run()
        assert ended.is_set()
        assert await result.state() is JobState.SUCCEEDED


@pytest.fixture
def make_two_queues() -> tuple[Queue, Queue]:
    """Two queues of one worker."""
    return Queue("memory://", name="one"), Queue("memory://", name="two")


async def test_a_settler_that_fails_ends_a_drain(memory_queue: Queue) -> None:
    async def settle(incarnation: str, outcomes: Sequence[Outcome]) -> None:
        raise ZeroDivisionError("a bug")

    @memory_queue.task
    async def body() -> int:
        return 1

    await body()
    inner = memory_queue.driver()
    memory_queue.driver = lambda: Through(inner.clone(), settle=settle)  # type: ignore[method-assign,assignment,return-value]
    with pytest.raises(ZeroDivisionError):
        async with asyncio.timeout(5):
            await Worker(memory_queue, shutdown_timeout=0).drain()


async def test_a_slow_handler_costs_no_other_job_a_delivery(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incarnation, "_LAST_WORDS", 0.5)
    told, began = asyncio.Event(), asyncio.Event()

    @queue.task
    async def quick() -> int:
        return 1

    @queue.task
    async def slow() -> None:
        began.set()
        await asyncio.sleep(60)

    @queue.signal("complete")
    async def hang(_signal: str, _job: Job[Any]) -> None:
        told.set()
        await asyncio.sleep(60)

    async with queue:
        driver = (await queue.session()).driver
        worker = Worker(queue, shutdown_timeout=0)
        work = asyncio.create_task(worker.run())
        result, done = await slow(), await quick()
        await began.wait()
        await told.wait()
        worker.stop()
        async with asyncio.timeout(5):
            await work
        assert await driver.leases() == []
        assert await result.state() is JobState.QUEUED
        assert await done.state() is JobState.SUCCEEDED


async def test_a_lost_lease_starts_nothing_of_what_was_claimed(memory_queue: Queue) -> None:
    began, go = threading.Event(), threading.Event()
    ran: list[int] = []

    @memory_queue.task
    def body(n: int) -> None:
        ran.append(n)
        if not began.is_set():
            began.set()
            go.wait(20)

    try:
        async with memory_queue as queue:
            results = await body.map(range(4))
            async with queue.worker(threads=1, lease=0.3):
                await asyncio.to_thread(began.wait)
                await reap_all((await queue.session()).driver)
                await results.get(timeout=5)
    finally:
        go.set()
    assert sorted(ran) == [0, 0, 1, 2, 3]


async def test_a_worker_that_is_reaped_while_it_stops_waits_for_its_bodies_no_more(memory_queue: Queue) -> None:
    began = asyncio.Event()

    @memory_queue.task
    async def body() -> None:
        began.set()
        await asyncio.sleep(60)

    async with memory_queue as queue:
        result = await body()
        worker = Worker(queue, lease=0.3, shutdown_timeout=60)
        work = asyncio.create_task(worker.run())
        await began.wait()
        worker.stop()
        assert await reap_all((await queue.session()).driver) == 1
        async with asyncio.timeout(5):
            await work
        assert await result.state() is JobState.QUEUED


async def test_registering_again_survives_what_nobody_expects(
    memory_queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    @memory_queue.task
    async def body() -> int:
        return 1

    inner = memory_queue.driver()
    broken = iter([False, True])

    class Sometimes(Through):
        async def register(self, *args: Any) -> None:
            if next(broken, False):
                raise OSError(24, "Too many open files")
            await self.inner.register(*args)

        def clone(self) -> Through:
            return Sometimes(self.inner.clone())

    memory_queue.driver = lambda: Sometimes(inner.clone())  # type: ignore[method-assign,assignment,return-value]
    async with memory_queue as queue, queue.worker(lease=0.3):
        assert await body.call() == 1
        await reap_all((await queue.session()).driver)
        assert await (await body()).get(timeout=5) == 1
        await eventually(lambda: "Too many open files" in caplog.text)


async def test_a_claim_that_ends_while_claims_are_compared_is_not_missed(
    memory_queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    go, compared = asyncio.Event(), asyncio.Event()

    @memory_queue.task
    async def body() -> None:
        await go.wait()

    class Overtaken(Through):
        async def claims(self, of: str) -> dict[str, int]:
            answer = await self.inner.claims(of)
            if answer:
                go.set()
                await eventually(result.ready)
                await asyncio.sleep(0.02)  # until the worker has the answer to its settle
                compared.set()
            return answer

        def clone(self) -> Through:
            return Overtaken(self.inner.clone())

    inner = memory_queue.driver()
    memory_queue.driver = lambda: Overtaken(inner.clone())  # type: ignore[method-assign,assignment,return-value]
    async with memory_queue as queue:
        result = await body()
        async with queue.worker(lease=0.4):
            async with asyncio.timeout(5):
                await compared.wait()
            await asyncio.sleep(0)
    assert "never arrived" not in caplog.text


# ---------------------------------------------------------------- without a store
async def _without(drivers: list[Through], *operations: str) -> None:
    async def gone(*_: Any) -> None:
        raise StoreUnavailable("gone")

    for through in drivers:
        through.instead.update(dict.fromkeys(operations, gone))


@pytest.fixture
def drivers_of_workers(memory_queue: Queue) -> list[Through]:
    """Collect the drivers that the memory queue gives from now on."""
    inner, drivers = memory_queue.driver(), list[Through]()

    def driver() -> Any:
        drivers.append(Through(inner.clone()))
        return drivers[-1]

    memory_queue.driver = driver  # type: ignore[method-assign]
    return drivers


async def test_a_worker_says_what_it_could_neither_settle_nor_hand_back(
    memory_queue: Queue,
    drivers_of_workers: list[Through],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(incarnation, "_LAST_WORDS", 0.1)
    began, end = asyncio.Event(), asyncio.Event()

    @memory_queue.task
    async def body(*, ends: bool) -> None:
        began.set()
        await (end if ends else asyncio.Event()).wait()

    async with memory_queue as queue:
        ended, stuck = await body(ends=True), await body(ends=False)
        worker = Worker(queue, shutdown_timeout=0.1)
        work = asyncio.create_task(worker.run())
        await began.wait()
        await eventually(lambda: len(drivers_of_workers) == 3)
        assert not worker.left_undone
        await _without(drivers_of_workers[1:], "settle", "retire", "release", "renew")
        end.set()
        worker.stop()
        async with asyncio.timeout(5):
            await work
    assert worker.left_undone
    (said,) = [record.message for record in caplog.records if "neither settled nor handed back" in record.message]
    assert "2 jobs are neither settled nor handed back (1 of them had ended)" in said
    assert said.endswith(", ".join(sorted([ended.id, stuck.id])))
    assert not any("left to run out" in record.message for record in caplog.records)


async def test_a_worker_without_jobs_leaves_nothing_undone(
    memory_queue: Queue,
    drivers_of_workers: list[Through],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(incarnation, "_LAST_WORDS", 0.1)
    async with memory_queue as queue, asyncio.timeout(5):
        async with queue.worker() as worker:
            await _without(drivers_of_workers, "retire")
        assert not worker.left_undone
    assert [record.message for record in caplog.records if "left to run out" in record.message] != []


async def test_a_worker_that_settled_or_handed_back_leaves_nothing_undone(memory_queue: Queue) -> None:
    began = asyncio.Event()

    @memory_queue.task
    async def body() -> None:
        began.set()
        await asyncio.Event().wait()

    async with memory_queue as queue:
        await body()
        async with queue.worker(shutdown_timeout=0) as worker:
            await began.wait()
        assert not worker.left_undone


async def test_a_worker_is_not_healthy_from_the_first_claim_that_fails_to_the_first_that_succeeds(
    memory_queue: Queue, drivers_of_workers: list[Through]
) -> None:
    @memory_queue.task
    async def body() -> None: ...

    async with memory_queue as queue, asyncio.timeout(10), queue.worker() as worker:
        assert worker.healthy
        await _without(drivers_of_workers, "claim", "claim_when_woken")
        await body()  # the worker claims it in the sleep that it is in, and then no more
        await eventually(lambda: not worker.healthy)
        result = await body()
        for through in drivers_of_workers:
            through.instead.clear()
        await result.get(timeout=5)
        assert worker.healthy
