"""What is peculiar to the memory driver: stores with names, and event loops that end under it."""

from __future__ import annotations

import asyncio

from aioqueue.drivers import driver_for
from aioqueue.drivers.base import NewJob
from aioqueue.drivers.memory import MemoryDriver, MemoryStore, memory_store


def test_a_name_stands_for_one_store() -> None:
    assert memory_store("one") is memory_store("one")
    assert memory_store("one") is not memory_store("other")


def test_urls_with_a_name_share_a_store_and_others_do_not() -> None:
    async def counts(written: str, read: str) -> int:
        await driver_for(written, "queue").enqueue([NewJob("a", "task", b"")])
        return (await driver_for(read, "queue").counts())["queued"]

    assert asyncio.run(counts("memory://shared", "memory://shared")) == 1
    assert asyncio.run(counts("memory://", "memory://")) == 0


def test_jobs_outlive_the_loop_and_the_dead_loop_is_not_woken() -> None:
    store = MemoryStore()

    async def watch_and_leave_a_wait_behind() -> None:
        driver = MemoryDriver(store, "queue")
        await driver.enqueue([NewJob("a", "task", b"")])
        await driver.listen(lambda job_id, settled: None, lambda: None)
        await driver.watch(["a"], 600)
        await driver.wait("worker", 0)
        asyncio.create_task(driver.wait("worker", 600))  # noqa: RUF006 - asyncio.run cancels it
        await asyncio.sleep(0)

    async def enqueue_and_wait() -> None:
        driver = MemoryDriver(store, "queue")
        assert (await driver.counts())["queued"] == 1
        await driver.enqueue([NewJob("b", "task", b"")])
        async with asyncio.timeout(10):
            await driver.wait("other", 600)

    asyncio.run(watch_and_leave_a_wait_behind())
    asyncio.run(enqueue_and_wait())
