"""`aioqueue_clock` moves what is stored of time, on each store, and puts it back."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aioqueue import Queue, ResultTimeout, ResultUnknown, StoreUnavailable, Task, TaskExpired, TaskLost, crontab, every
from aioqueue.testing.clock import Clock, Clocks
from aioqueue.testing.stores import StoreSwap
from aioqueue.testing.swapping import Swap
from aioqueue.testing.workers import Workers
from tests.core.stores import eventually
from tests.faults.proxy import Fate, fault_proxy
from tests.servers import redis_server

pytestmark = pytest.mark.asyncio

HOUR = 3_600.0
BOUND = 20.0


@pytest.fixture
def on_store(queue: Queue, aioqueue_driver: StoreSwap) -> Queue:
    """A queue on each store in turn."""
    aioqueue_driver(queue)
    return queue


@pytest.fixture
def clock(on_store: Queue, aioqueue_clock: Clocks) -> Clock:
    return aioqueue_clock(on_store)


@pytest.fixture
def ran(on_store: Queue) -> Iterator[list[Any]]:
    ran: list[Any] = []
    yield ran


@pytest.fixture
def note(on_store: Queue, ran: list[Any]) -> Task[[str], str]:
    @on_store.task
    async def note(what: str) -> str:
        ran.append(what)
        return what

    return note


async def test_a_delay(on_store: Queue, clock: Clock, note: Task[[str], str], aioqueue_worker: Workers) -> None:
    worker = aioqueue_worker(on_store)
    result = await note.options(delay=HOUR)("late")
    await clock.advance(HOUR - 60)
    await worker.drain()
    assert not await result.ready()
    await clock.advance(timedelta(seconds=60))
    await worker.drain()
    assert await result == "late"


async def test_a_moment(on_store: Queue, clock: Clock, note: Task[[str], str], aioqueue_worker: Workers) -> None:
    moment = await clock.now() + timedelta(days=3)
    result = await note.options(eta=moment)("then")
    await clock.advance_to(moment)
    assert timedelta() <= await clock.now() - moment < timedelta(seconds=10)
    await aioqueue_worker(on_store).drain()
    assert await result == "then"


async def test_a_worker_that_sleeps_is_woken(
    on_store: Queue, clock: Clock, note: Task[[str], str], aioqueue_worker: Workers
) -> None:
    async with aioqueue_worker(on_store):
        assert await note.call("warm") == "warm"
        result = await note.options(delay=HOUR)("late")
        with pytest.raises(ResultTimeout):
            await result.get(timeout=0.05)
        began = time.monotonic()
        await clock.advance(HOUR)
        assert await result.get(timeout=BOUND) == "late"
        assert time.monotonic() - began < 5  # the safety poll would come after ten seconds


async def test_who_waits_for_a_result_is_told_at_once(
    on_store: Queue,
    clock: Clock,
    note: Task[[str], str],
    aioqueue_worker: Workers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The registration of a waiter lasts for a minute and a half of the store's time; no poll is to make that good."""
    monkeypatch.setattr("aioqueue.listener.FIRST_POLL", 600.0)
    async with aioqueue_worker(on_store):
        result = await note.options(delay=2 * HOUR)("late")
        waiting = asyncio.create_task(result.get(timeout=BOUND))
        await asyncio.sleep(0.05)
        await clock.advance(HOUR)
        await clock.advance(HOUR)
        assert await waiting == "late"


async def test_a_retry(on_store: Queue, clock: Clock, aioqueue_worker: Workers) -> None:
    tries: list[int] = []

    @on_store.task(retries=2, retry_delay=600)
    async def flaky() -> int:
        tries.append(len(tries))
        if len(tries) < 3:
            raise ValueError("not yet")
        return len(tries)

    worker = aioqueue_worker(on_store)
    result = await flaky()
    for count in (1, 2):
        with pytest.raises(ValueError, match="not yet"):
            await worker.drain(raise_errors=True)
        assert len(tries) == count
        await clock.advance(HOUR)
    await worker.drain(raise_errors=True)
    assert await result == 3


async def test_what_has_expired_is_not_run(
    on_store: Queue, clock: Clock, note: Task[[str], str], ran: list[Any], aioqueue_worker: Workers
) -> None:
    result = await note.options(expires=60)("late")
    await clock.advance(61)
    await aioqueue_worker(on_store).drain(raise_errors=True)
    with pytest.raises(TaskExpired):
        await result
    assert ran == []


async def test_a_running_worker_sees_that_it_has_expired(
    on_store: Queue, clock: Clock, note: Task[[str], str], aioqueue_worker: Workers
) -> None:
    async with aioqueue_worker(on_store):
        assert await note.call("warm") == "warm"
        await on_store.pause()
        result = await note.options(expires=60)("late")
        await clock.advance(61)
        await on_store.resume()
        with pytest.raises(TaskExpired):
            await result.get(timeout=BOUND)


async def test_results_and_values_are_kept_as_long_as_was_said(
    on_store: Queue, clock: Clock, note: Task[[str], str], aioqueue_worker: Workers
) -> None:
    result = await note.options(result_ttl=600)("kept")
    await on_store.kv.put("key", 1, ttl=600)
    await aioqueue_worker(on_store).drain()
    await clock.advance(590)
    assert await result == "kept"
    assert await on_store.kv.get("key") == 1
    await clock.advance(20)
    result.reset()
    with pytest.raises(ResultUnknown):
        await result.get(timeout=BOUND)
    await clock.advance(HOUR)
    with pytest.raises(ResultUnknown, match=r"no result of job .* has left the store"):
        await result.get(timeout=BOUND)
    assert await on_store.kv.get("key") is None


async def test_a_slot(on_store: Queue, clock: Clock, ran: list[Any], aioqueue_worker: Workers) -> None:
    @on_store.periodic_task(crontab(hour="3", minute="0"))
    async def nightly() -> None:
        ran.append("nightly")

    worker = aioqueue_worker(on_store)
    await worker.drain()
    assert ran == []
    first = await clock.advance_to_slot(nightly)
    assert (first.hour, first.minute, first.second, first.tzinfo) == (3, 0, 0, UTC)
    await worker.drain(raise_errors=True)
    assert ran == ["nightly"]
    assert await clock.advance_to_slot(nightly) == first + timedelta(days=1)
    await worker.drain(raise_errors=True)
    assert ran == ["nightly"] * 2


class Dense:
    """A schedule whose next slot has passed by the time that anyone asks again."""

    def next(self, after: datetime) -> datetime:
        return after + timedelta(microseconds=1)


async def test_a_slot_that_passes_meanwhile_is_reached_too(
    aioqueue_memory: Swap, aioqueue_clock: Clocks, aioqueue_worker: Workers
) -> None:
    queue, ran = Queue("memory://"), []
    aioqueue_memory(queue)

    @queue.periodic_task(Dense())  # type: ignore[arg-type]
    async def often() -> None:
        ran.append(1)

    clock = aioqueue_clock(queue)
    for count in range(1, 21):
        assert await clock.advance_to_slot(often) <= await clock.now()
        await aioqueue_worker(queue).drain(raise_errors=True)
        assert len(ran) >= count


async def test_the_slots_of_a_zone(aioqueue_clock: Clocks) -> None:
    queue = Queue("memory://", tz="Asia/Kolkata")

    @queue.periodic_task(crontab(hour="3", minute="0"))
    async def nightly() -> None: ...

    slot = await aioqueue_clock(queue).advance_to_slot(nightly)
    assert (slot.hour, slot.minute) == (21, 30)


@pytest.mark.parametrize(("misfire", "times"), [("once", 1), ("all", 3), ("skip", 0)])
async def test_slots_that_were_jumped_over_are_dealt_with_as_each_task_says(
    aioqueue_memory: Swap, aioqueue_clock: Clocks, aioqueue_worker: Workers, misfire: Any, times: int
) -> None:
    queue, ran = Queue("memory://"), []
    aioqueue_memory(queue)

    @queue.periodic_task(every(seconds=HOUR), misfire=misfire)
    async def hourly() -> None:
        ran.append(1)

    clock = aioqueue_clock(queue)
    now = await clock.now()
    await clock.advance_to(now.replace(minute=30, second=0, microsecond=0) + timedelta(hours=1))
    await aioqueue_worker(queue).drain()
    ran.clear()
    await clock.advance(3 * HOUR)
    await aioqueue_worker(queue).drain()
    assert len(ran) == times


async def test_a_running_worker_fires_no_slot_twice(
    on_store: Queue, clock: Clock, ran: list[Any], aioqueue_worker: Workers
) -> None:
    @on_store.periodic_task(every(seconds=HOUR))
    async def hourly() -> None:
        ran.append(1)

    async with aioqueue_worker(on_store):
        for count in range(1, 4):
            await clock.advance_to_slot(hourly)
            await eventually(lambda count=count: len(ran) >= count, BOUND)
    await aioqueue_worker(on_store).drain()
    assert len(ran) == 3


async def test_a_small_step_fires_as_well(
    on_store: Queue, clock: Clock, ran: list[Any], aioqueue_worker: Workers
) -> None:
    """A step of less than a second is no jump to a worker."""

    @on_store.periodic_task(every(seconds=HOUR))
    async def hourly() -> None:
        ran.append(1)

    slot = (await clock.now()).replace(minute=0, second=0, microsecond=0) + timedelta(hours=2)
    await clock.advance_to(slot - timedelta(seconds=0.5))
    async with aioqueue_worker(on_store):
        before = len(ran)
        await clock.advance(0.6)
        await eventually(lambda: len(ran) > before, BOUND)


async def test_the_jobs_of_a_dead_worker_are_handed_on(
    on_store: Queue, clock: Clock, note: Task[[str], str], aioqueue_worker: Workers
) -> None:
    result = await note("twice")
    await aioqueue_worker.vanish(on_store)
    worker = aioqueue_worker(on_store)
    await worker.drain()
    assert await result.state() == "running"
    await clock.advance(30)
    await worker.drain(raise_errors=True)
    assert await result.get(timeout=BOUND) == "twice"


async def test_a_lease_runs_out_in_several_moves_as_in_one(
    on_store: Queue,
    clock: Clock,
    note: Task[[str], str],
    aioqueue_worker: Workers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("aioqueue.testing.workers._DEAD_LEASE", 300.0)
    monkeypatch.setattr("aioqueue.testing.clock._RENEWALS_WAITED_FOR", 0.001)
    result = await note("twice")
    await aioqueue_worker.vanish(on_store)
    await clock.advance(200)
    assert await result.state() == "running"
    await clock.advance(200)
    await aioqueue_worker(on_store).drain(raise_errors=True)
    assert await result.get(timeout=BOUND) == "twice"


async def test_a_job_that_is_to_run_once_at_most_is_lost(
    on_store: Queue, clock: Clock, aioqueue_worker: Workers
) -> None:
    @on_store.task(at_most_once=True)
    async def charge() -> None: ...

    result = await charge()
    await aioqueue_worker.vanish(on_store)
    await clock.advance(30)
    with pytest.raises(TaskLost):
        await aioqueue_worker(on_store).drain(raise_errors=True)
    with pytest.raises(TaskLost):
        await result.get(timeout=BOUND)


async def test_a_worker_that_lives_keeps_its_jobs(on_store: Queue, clock: Clock, aioqueue_worker: Workers) -> None:
    started, go_on, runs = asyncio.Event(), asyncio.Event(), []

    @on_store.task
    async def long() -> str:
        runs.append(1)
        started.set()
        await go_on.wait()
        return "done"

    async with aioqueue_worker(on_store):
        result = await long()
        await started.wait()
        began = time.monotonic()
        await clock.advance(HOUR)
        assert time.monotonic() - began < 3  # nobody waited for a renewal, which comes every five seconds
        (worker,) = await on_store.workers()
        go_on.set()
        assert await result.get(timeout=BOUND) == "done"
        assert [same.id for same in await on_store.workers()] == [worker.id]
    assert runs == [1]


ELSEWHERE = """
import asyncio, os, sys
from aioqueue import Queue

queue = Queue(sys.argv[1])

@queue.task(name="app.hang")
async def hang() -> str:
    print("started", flush=True)
    await asyncio.sleep(600)
    return "never"

@queue.task(name="app.greet")
async def greet() -> str:
    return "hello"

async def work():
    async with queue, queue.worker(lease=1.2):
        await asyncio.sleep(600)

asyncio.run(work())
"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[tuple[Queue, subprocess.Popen[str]]]:
    """A worker in another process, and the queue that it works on."""
    (tmp_path / "app.py").write_text(ELSEWHERE)
    url = f"sqlite:///{tmp_path}/queue.db"
    command = [sys.executable, "-P", str(tmp_path / "app.py"), url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Queue(url), process
        finally:
            process.kill()


async def test_a_process_that_was_killed(
    elsewhere: tuple[Queue, subprocess.Popen[str]], aioqueue_clock: Clocks, aioqueue_worker: Workers
) -> None:
    queue, process = elsewhere

    @queue.task(name="app.hang")
    async def hang() -> str:
        return "after all"

    async with queue:
        result = await hang()
        assert process.stdout is not None
        assert await asyncio.to_thread(process.stdout.readline) == "started\n"
        process.kill()
        process.wait()
        await aioqueue_clock(queue).advance(30)
        await aioqueue_worker(queue).drain(raise_errors=True)
        assert await result.get(timeout=BOUND) == "after all"


async def test_a_process_that_lives_renews_its_lease_meanwhile(
    elsewhere: tuple[Queue, subprocess.Popen[str]], aioqueue_clock: Clocks
) -> None:
    queue, _ = elsewhere

    @queue.task(name="app.greet")
    async def greet() -> str: ...  # type: ignore[empty-body]

    async with queue:
        assert await (await greet()).get(timeout=BOUND) == "hello"
        (worker,) = await queue.workers()
        await aioqueue_clock(queue).advance(30)
        assert [same.id for same in await queue.workers()] == [worker.id]
        result = await greet.options(delay=HOUR)()
        await aioqueue_clock(queue).advance(HOUR)
        assert await result.get(timeout=BOUND) == "hello"


async def test_an_immediate_queue_runs_what_is_due(aioqueue_immediate: Swap, aioqueue_clock: Clocks) -> None:
    queue = Queue("redis://127.0.0.1:1")
    aioqueue_immediate(queue)

    @queue.task
    async def one() -> int:
        return 1

    result = await one.options(delay=60)()
    await aioqueue_clock(queue).advance(60)
    assert await result == 1


async def test_several_queues_move_together(aioqueue_memory: Swap, aioqueue_clock: Clocks) -> None:
    first, second = Queue("memory://", name="a"), Queue("memory://", name="b")
    aioqueue_memory(first, second)
    clock = aioqueue_clock(first, second)
    before = await clock.now()
    await clock.advance(HOUR)
    for queue in (first, second):
        moved = await aioqueue_clock(queue).now() - before
        assert timedelta(hours=1) <= moved < timedelta(hours=1, seconds=10)


async def test_the_time_of_a_store_that_stays_is_put_back(tmp_path: Path, redis_url: str) -> None:
    for url in (f"sqlite:///{tmp_path}/queue.db", redis_url):
        queue = Queue(url, name=f"stays-{time.monotonic_ns()}")
        async with queue:
            with Clocks() as clocks:
                clock = clocks(queue)
                await clock.advance(HOUR)
                await clock.advance(HOUR)
                assert (await clock.now() - datetime.now(UTC)) > timedelta(hours=1.9)
            assert abs(await clock.now() - datetime.now(UTC)) < timedelta(seconds=30)


async def is_ahead(queue: Queue) -> float:
    """Return by how many seconds the queue's time is ahead of this machine's."""
    return await (await queue.session()).driver.now() - time.time()


async def test_queues_of_one_name_in_one_store_move_once(aioqueue_memory: Swap, aioqueue_clock: Clocks) -> None:
    here, there = Queue("memory://", name="a"), Queue("memory://", name="a")
    aioqueue_memory(here, there)

    @here.periodic_task(every(seconds=HOUR))
    async def one() -> None: ...

    @there.periodic_task(every(seconds=HOUR))
    async def other() -> None: ...

    clock = aioqueue_clock(here, there)
    await clock.advance(2 * HOUR)
    assert await is_ahead(there) == pytest.approx(2 * HOUR, abs=10)
    assert {job.task_name for job in await here.pending()} == {one.name, other.name}
    await clock.advance_to(await clock.now() + timedelta(hours=1))
    assert await is_ahead(there) == pytest.approx(3 * HOUR, abs=20)


async def test_queues_of_other_names_in_one_store_keep_their_time(
    aioqueue_driver: StoreSwap, aioqueue_clock: Clocks
) -> None:
    moved, other = Queue("memory://", name="a"), Queue("memory://", name="b")
    aioqueue_driver(moved, other)
    await aioqueue_clock(moved).advance(HOUR)
    assert await is_ahead(moved) == pytest.approx(HOUR, abs=10)
    assert await is_ahead(other) == pytest.approx(0, abs=10)
    for queue in (moved, other):
        await queue.close()


async def test_two_clocks_of_one_store_put_back_what_each_has_moved(tmp_path: Path) -> None:
    async with Queue(f"sqlite:///{tmp_path}/queue.db") as queue:
        with Clocks() as clocks:
            first, second = clocks(queue), clocks(queue)
            await first.advance(60)
            await second.advance(600)
            await first.advance(6_000)
            assert await is_ahead(queue) == pytest.approx(6_660, abs=5)
        assert await is_ahead(queue) == pytest.approx(0, abs=1)


async def test_a_time_that_cannot_be_put_back_is_told_of_and_the_others_are_put_back(tmp_path: Path) -> None:
    before, behind = (Queue(f"sqlite:///{tmp_path}/{name}.db") for name in ("before", "behind"))
    with redis_server() as server:
        gone = Queue(server.url, name="gone")
        clocks = Clocks()
        async with before, behind:
            async with gone:
                for queue in (before, gone, behind):
                    await clocks(queue).advance(HOUR)
            server.kill()
            said = rf"^the time of <Queue gone on .*{server.port}.*> may still be 3600 s ahead, .* is unavailable"
            with pytest.warns(RuntimeWarning, match=said) as warned:
                clocks.put_back()
            assert len(warned) == 1
            for queue in (before, behind):
                assert abs(await is_ahead(queue)) < 1


async def test_a_time_is_put_back_when_its_store_has_come_back() -> None:
    with redis_server(appendonly="yes", appendfsync="always") as server:
        async with Queue(server.url) as queue:
            with Clocks() as clocks:
                await clocks(queue).advance(HOUR)
                server.kill()
                restarting = threading.Timer(0.3, server.restart)
                restarting.start()
            restarting.join()
        async with queue:
            assert abs(await is_ahead(queue)) < 1


@pytest.mark.parametrize("fate", [Fate.DROP_REPLY, Fate.RESET])
async def test_a_move_that_failed_is_put_back_as_far_as_it_went(fate: Fate) -> None:
    """Nobody knows then whether time has moved; it is looked at."""
    with redis_server() as server:
        async with fault_proxy(server.port) as proxy, Queue(proxy.url) as queue:
            clocks = Clocks()
            clock = clocks(queue)
            await clock.advance(60)
            proxy.judge = lambda request: fate if request.operation == "shift" else Fate.PASS
            with pytest.raises(StoreUnavailable):
                await clock.advance(HOUR)
            proxy.judge = lambda _: Fate.PASS
            assert await is_ahead(queue) == pytest.approx(60 + HOUR * (fate is Fate.DROP_REPLY), abs=5)
            await asyncio.to_thread(clocks.put_back)
            assert abs(await is_ahead(queue)) < 1


async def test_a_lost_reply_puts_nothing_back_twice() -> None:
    with redis_server() as server:
        async with fault_proxy(server.port) as proxy, Queue(proxy.url) as queue:
            clocks = Clocks()
            await clocks(queue).advance(HOUR)
            moves = iter([Fate.DROP_REPLY])
            proxy.judge = lambda request: next(moves, Fate.PASS) if request.operation == "shift" else Fate.PASS
            await asyncio.to_thread(clocks.put_back)
            assert next(moves, None) is None
            assert abs(await is_ahead(queue)) < 1


async def test_what_was_put_back_stays_so(tmp_path: Path) -> None:
    async with Queue(f"sqlite:///{tmp_path}/queue.db") as queue:
        with Clocks() as clocks:
            await clocks(queue).advance(HOUR)
            clocks.put_back()
            assert abs(await is_ahead(queue)) < 1
        assert abs(await is_ahead(queue)) < 1


@pytest.mark.parametrize("wrong", [-1, timedelta(days=-1), float("nan"), 1e12])
async def test_time_moves_forward_only(aioqueue_clock: Clocks, wrong: Any) -> None:
    queue = Queue("memory://")
    clock = aioqueue_clock(queue)
    with pytest.raises(ValueError, match="by="):
        await clock.advance(wrong)
    with pytest.raises(ValueError, match="time only moves forward"):
        await clock.advance_to(datetime.now(UTC) - timedelta(hours=1))


@pytest.mark.parametrize("wrong", ["an hour", None, True])
async def test_what_is_no_time_is_refused(aioqueue_clock: Clocks, wrong: Any) -> None:
    clock = aioqueue_clock(Queue("memory://"))
    with pytest.raises(TypeError, match="by="):
        await clock.advance(wrong)
    with pytest.raises(TypeError, match="moment="):
        await clock.advance_to(wrong)


async def test_a_task_without_slots_is_refused(aioqueue_clock: Clocks) -> None:
    queue = Queue("memory://")

    @queue.task
    async def plain() -> None: ...

    with pytest.raises(ValueError, match="is no periodic task of a queue of this clock"):
        await aioqueue_clock(queue).advance_to_slot(plain)
