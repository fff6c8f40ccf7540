"""Who works on a queue: what workers say of themselves, and whether one is there."""

from __future__ import annotations

import asyncio
import os
import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aioqueue import Queue, Worker, crontab
from aioqueue.errors import ConfigurationError
from aioqueue.presence import Announcement, announced, encode_announcement, worker_of
from aioqueue.version import __version__
from tests.core.stores import MakeQueue, eventually

pytestmark = pytest.mark.asyncio

LEASE = 0.6


async def test_nobody_works_on_a_new_queue(queue: Queue) -> None:
    assert await queue.workers() == []
    assert not await queue.is_running()


async def test_a_worker_is_there_from_its_start_to_its_end(queue: Queue) -> None:
    async with queue.worker(concurrency=7, name="reports"):
        (worker,) = await queue.workers()
        assert (worker.name, worker.host, worker.pid) == ("reports", socket.gethostname(), os.getpid())
        assert (worker.queue, worker.version, worker.concurrency) == (queue.name, __version__, 7)
        assert (worker.running, worker.processed, worker.failed, worker.stopping) == ([], 0, 0, False)
        assert abs(worker.started_at - datetime.now(UTC)) < timedelta(minutes=1)
        assert 0 <= worker.age < worker.lease == 30
        assert worker.memory > 1_000_000
        assert worker.available
        assert await queue.is_running()
        assert not await queue.is_running(max_age=0) or worker.age == 0
    assert await queue.workers() == []
    assert not await queue.is_running()


async def test_a_worker_tells_what_it_runs_and_ran(queue: Queue) -> None:
    begun, end = asyncio.Event(), asyncio.Event()

    @queue.task()
    async def hold() -> None:
        begun.set()
        await end.wait()

    @queue.task()
    async def fail() -> None:
        raise ValueError("no")

    async with queue.worker(lease=LEASE):
        with pytest.raises(Exception, match="no"):
            await fail.call()
        result = await hold()
        await begun.wait()

        async def told() -> bool:
            return bool((await queue.workers())[0].running)

        await eventually(told)
        (worker,) = await queue.workers()
        assert [(job.id, job.task) for job in worker.running] == [(result.id, hold.name)]
        assert (worker.running_count, worker.processed, worker.failed) == (1, 1, 1)
        assert 0 <= worker.running[0].seconds < 60
        end.set()
        await result

        async def counted() -> bool:
            return (await queue.workers())[0].processed == 2

        await eventually(counted)


async def test_a_silent_worker_is_not_running_though_it_is_listed(queue: Queue) -> None:
    driver = (await queue.session()).driver
    await driver.register("silent", 30, encode_announcement(Announcement("", "there", 1, "0", 0.0, 1, "")))
    assert await queue.is_running()
    await driver.shift(20)
    assert await queue.is_running()
    assert not await queue.is_running(max_age=10)
    await driver.shift(20)
    (worker,) = await queue.workers()
    assert not worker.alive
    assert not await queue.is_running()


async def test_a_worker_that_stops_claims_no_more_and_says_so(queue: Queue) -> None:
    begun, end = asyncio.Event(), asyncio.Event()

    @queue.task()
    async def hold() -> None:
        begun.set()
        await end.wait()

    worker = Worker(queue)
    running = asyncio.create_task(worker.run())
    await hold()
    await begun.wait()
    worker.stop()

    async def stopping() -> bool:
        return (await queue.workers())[0].stopping

    await eventually(stopping)
    assert not await queue.is_running()
    end.set()
    await running


async def test_a_worker_that_only_drains_is_not_advertised(queue: Queue) -> None:
    seen: list[int] = []

    @queue.task()
    async def look() -> None:
        seen.append(len(await queue.workers()))

    await look()
    await Worker(queue).drain()
    assert seen == [0]


async def test_a_long_drain_is_not_advertised_by_its_renewals_either(queue: Queue) -> None:
    seen: list[int] = []

    @queue.task()
    async def look() -> None:
        driver = (await queue.session()).driver

        async def renewed() -> bool:
            return (await driver.leases())[0].counter > 4

        await eventually(renewed)
        seen.append(len(await queue.workers()))

    await look()
    await Worker(queue, lease=LEASE).drain()
    assert seen == [0]


async def test_a_drain_that_is_stopped_says_nothing_of_that(queue: Queue) -> None:
    begun, seen = asyncio.Event(), []

    @queue.task()
    async def look() -> None:
        begun.set()
        for _ in range(10):
            await asyncio.sleep(0.02)
            seen.append(len(await queue.workers()))

    worker = Worker(queue)
    await look()
    draining = asyncio.create_task(worker.drain())
    await begun.wait()
    worker.stop()
    await draining
    assert seen == [0] * 10


async def test_a_worker_that_stops_goes_on_saying_so(queue: Queue) -> None:
    """A renewal that carries what was said before the stop would take it back."""
    begun, end = asyncio.Event(), asyncio.Event()

    @queue.task()
    async def hold() -> None:
        begun.set()
        await end.wait()

    worker = Worker(queue, lease=LEASE)
    running = asyncio.create_task(worker.run())
    await hold()
    await begun.wait()
    driver = (await queue.session()).driver

    async def renewals() -> int:
        return (await driver.leases())[0].counter

    async def talks() -> bool:
        return await renewals() > 3

    await eventually(talks)
    worker.stop()

    async def stopping() -> bool:
        return (await queue.workers())[0].stopping

    await eventually(stopping)
    last = await renewals() + 3
    while await renewals() < last:
        assert await stopping()
        await asyncio.sleep(0.005)
    end.set()
    await running


async def test_a_worker_that_lost_its_lease_is_there_as_soon_as_it_claims_again(queue: Queue) -> None:
    @queue.task()
    async def look() -> int:
        return len(await queue.workers())

    async with queue.worker(lease=6):
        driver = (await queue.session()).driver
        (lease,) = await driver.leases()
        await driver.reap(lease.incarnation, lease.counter)
        assert await queue.workers() == []
        assert await (await look()).get(timeout=5) == 1


async def test_a_job_whose_handler_takes_long_runs_no_more(queue: Queue) -> None:
    heard, end = asyncio.Event(), asyncio.Event()

    @queue.task()
    async def one() -> None: ...

    @queue.signal("complete")
    async def hear(signal: str, job: object) -> None:
        heard.set()
        await end.wait()

    async with queue.worker(lease=LEASE):
        await one()
        await heard.wait()

        async def counted() -> bool:
            return (await queue.workers())[0].processed == 1

        await eventually(counted)
        assert (await queue.workers())[0].running == []
        end.set()


async def test_a_mark_that_is_gone_is_no_end_of_a_job(queue: Queue) -> None:
    """All three are claimed under one mark; it ends one of them, and the settles of the others are refused once."""

    @queue.task()
    async def one(number: int) -> int:
        return number

    await one.revoke(revoke_once=True)
    results = await one.map(range(3))
    async with queue.worker(lease=LEASE):
        await asyncio.gather(*(result.get(timeout=5) for result in results), return_exceptions=True)

        async def counted() -> bool:
            return (await queue.workers())[0].processed >= 3

        await eventually(counted)
        assert (await queue.workers())[0].processed == 3


async def test_a_worker_of_a_newer_version_can_be_read(queue: Queue) -> None:
    driver = (await queue.session()).driver
    known = encode_announcement(Announcement("", "there", 1, "9", 0.0, 1, ""))
    assert known[:3] == b"\xdc\x00\x10"  # msgpack: an array of sixteen
    await driver.register("newer", 30, b"\xdc\x00\x11" + known[3:] + b"\xa3new")
    await driver.register("garbage", 30, b"\xc1")
    assert [worker.version for worker in await queue.workers()] == ["9"]


async def test_a_health_check_asks_no_store(queue: Queue) -> None:
    worker = Worker(queue)
    assert not worker.healthy
    async with worker:
        assert worker.healthy
    assert not worker.healthy


async def test_a_worker_that_has_drained_or_did_not_start_is_not_healthy(queue: Queue) -> None:
    def started() -> None:
        raise ZeroDivisionError("a bug")

    drained, refused = Worker(queue), Worker(queue)
    await drained.drain()
    with pytest.raises(ZeroDivisionError):
        await refused.run(started)
    assert not drained.healthy
    assert not refused.healthy


async def test_a_worker_that_disagrees_about_the_time_zone_is_refused(make_queue: MakeQueue) -> None:
    queue = make_queue()

    @queue.periodic_task(crontab(hour=3, minute=0))
    async def daily() -> None: ...

    async with Worker(queue, zone="Europe/Berlin"):
        with pytest.raises(ConfigurationError, match=r"in UTC, but the worker .* reads them in Europe/Berlin"):
            async with Worker(queue, zone="UTC"):
                pass
        async with Worker(queue, zone="Europe/Berlin"), Worker(queue, zone="UTC", periodic=False):
            zones = sorted(worker.zone for worker in await queue.workers())
    assert zones == ["", "Europe/Berlin", "Europe/Berlin"]


async def test_the_zone_of_a_dead_worker_matters_to_nobody(make_queue: MakeQueue) -> None:
    queue = make_queue()

    @queue.periodic_task(crontab(hour=3, minute=0))
    async def daily() -> None: ...

    driver = (await queue.session()).driver
    await driver.register("dead", 5, encode_announcement(Announcement("", "h", 1, "0", 0.0, 1, "Asia/Tokyo")))
    await driver.shift(6)
    async with queue.worker():
        assert await queue.is_running()


async def test_the_zone_of_a_worker_that_stops_matters_to_nobody(make_queue: MakeQueue) -> None:
    queue = make_queue()

    @queue.periodic_task(crontab(hour=3, minute=0))
    async def daily() -> None: ...

    driver = (await queue.session()).driver
    said = Announcement("", "h", 1, "0", 0.0, 1, "Asia/Tokyo", stopping=True)
    await driver.register("stopping", 30, encode_announcement(said))
    async with queue.worker():
        assert await queue.is_running()


@pytest.mark.parametrize("name", [None, 5, "x" * 201, "\ud800"], ids=repr)
async def test_a_name_that_no_list_can_show_is_refused(queue: Queue, name: Any) -> None:
    with pytest.raises(ValueError, match="name= takes a text"):
        Worker(queue, name=name)


async def test_what_a_lease_cannot_tell_is_nobody() -> None:
    from aioqueue.drivers.base import Lease

    assert announced(Lease("a", 0, 30, b"", 0.0)) is None
    assert worker_of(Lease("a", 0, 30, b"\xc1", 0.0), "q", 1.0) is None
