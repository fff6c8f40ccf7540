"""The store is full: producers are told so, workers go on, and what has run is not run again."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest
from msgspec import structs
from redis import Redis

from aioqueue import StoreUnavailable
from tests.faults import stubborn, worker
from tests.faults.connections import connections_of, start_with
from tests.faults.disk import SmallDisk, small_disk
from tests.faults.processes import Process
from tests.faults.receipts import Ended, Enqueued, SettleAnswered, Started, WorkerBegan
from tests.faults.scale import scaled
from tests.faults.trial import LEASE, Row, Trial, trial, until
from tests.faults.worker import Orders
from tests.servers import redis_server

pytestmark = pytest.mark.asyncio

CONCURRENCY = 4
JOBS = scaled(40, 200)
NAP = 0.1
RECOVERS_WITHIN = 6.0  # the pauses between tries grow to 2 s
FULL_FOR = 1.5 * LEASE


class Room(Protocol):
    """A store whose room can be taken and given back."""

    name: str
    url: str
    connections: tuple[str, str]

    def take(self) -> None: ...
    def give(self) -> None: ...


@dataclass(frozen=True)
class RedisRoom:
    """A server with `maxmemory` and `noeviction`."""

    name: str
    url: str
    store: Redis
    connections: tuple[str, str] = ("plain", "")

    def take(self) -> None:
        self.store.config_set("maxmemory", 1)

    def give(self) -> None:
        self.store.config_set("maxmemory", 0)


@dataclass(frozen=True)
class SqliteRoom:
    """A file that may not grow (`max_page_count`)."""

    name: str
    url: str
    sign: Path
    connections: tuple[str, str]

    def take(self) -> None:
        self.sign.touch()

    def give(self) -> None:
        self.sign.unlink()


@contextmanager
def redis_room(_: Path, __: pytest.MonkeyPatch) -> Iterator[Room]:
    with redis_server(maxmemory_policy="noeviction") as server, Redis.from_url(server.url) as store:
        yield RedisRoom("maxmemory reached", server.url, store)


@contextmanager
def sqlite_room(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    sign = directory / "full"
    monkeypatch.setattr(sqlite3, "connect", connections_of("bounded", str(sign)))
    yield SqliteRoom("max_page_count reached", f"sqlite:///{directory}/queue.db", sign, ("bounded", str(sign)))


ROOMS = {"maxmemory": redis_room, "max_page_count": sqlite_room}


@pytest.fixture(params=ROOMS)
def room(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    opened: AbstractContextManager[Room] = ROOMS[request.param](tmp_path, monkeypatch)
    with opened as made:
        yield made


async def test_a_full_store(room: Room, tmp_path: Path, seed: int) -> None:
    async with trial(room.url, tmp_path, Row(19, room.name, seed)) as run:
        await start(run, tmp_path, room.connections)
        waiting = asyncio.create_task(run.learn(await run.enqueue_many(JOBS, run.app.nap, NAP)))
        await some_have_ended(run)
        room.take()
        refused = await fill(run)
        started = {receipt.id for receipt in run.all_of(Started)}
        await start(run, tmp_path, room.connections)
        await asyncio.sleep(FULL_FOR)
        assert started <= {receipt.id for receipt in run.all_of(Ended)}, "a body waited for room"
        room.give()
        async with asyncio.timeout(RECOVERS_WITHIN):
            await run.learn([await run.enqueue(run.app.nap, 0.0)])
        await waiting
        report = await run.conclude()
    assert "full" in str(refused)
    assert (report.repeats, report.reaps, report.deaths) == (0, 0, [])


@pytest.mark.skipif(sys.platform != "linux", reason="needs seccomp filters")
async def test_a_full_disk(tmp_path: Path, seed: int) -> None:
    """Nothing at all can be written, so nobody can renew a lease: none of them is dead for that."""
    with small_disk() as disk:
        async with trial(f"sqlite:///{tmp_path}/queue.db", tmp_path, Row(19, "disk full", seed)) as run:
            await run.app.queue.close()  # what is written from here would find room
            for _ in range(3):
                await start(run, tmp_path, launcher=disk.launcher)
            producer = start_with("plain", "", stubborn.__name__, orders(run), tmp_path, disk.launcher)
            run.processes.append(producer)
            await some_have_ended(run)
            disk.is_full = True
            await until(lambda: "full" in producer.log)
            await assert_no_worker_starts(run, tmp_path, disk)
            await asyncio.sleep(FULL_FOR + run.random.uniform(0.0, LEASE))
            settled = len(run.all_of(SettleAnswered))
            disk.is_full = False
            await until(lambda: len(run.all_of(SettleAnswered)) > settled, within=RECOVERS_WITHIN)
            assert await producer.ended() == 0, producer.log
            await run.learn([run.app.nap.result(receipt.id) for receipt in run.all_of(Enqueued)])
            report = await run.conclude()
    assert report.enqueued == JOBS
    assert (report.repeats, report.reaps, report.deaths) == (0, 0, [])


async def some_have_ended(run: Trial) -> None:
    enough = run.random.randint(2, JOBS // 4)
    await until(lambda: len(run.all_of(Ended)) >= enough)


async def assert_no_worker_starts(run: Trial, directory: Path, disk: SmallDisk) -> None:
    """A worker that cannot register says why, and ends; whoever supervises it starts it again."""
    nothing_of_its_own = structs.replace(orders(run), own_jobs=0)
    newcomer = start_with("plain", "", worker.__name__, nothing_of_its_own, directory, disk.launcher)
    assert await newcomer.ended() != 0
    assert "it is full, or its disk is" in newcomer.log


async def fill(run: Trial) -> StoreUnavailable:
    """Store what there is room for, until a job is refused."""
    for size in (50_000, 500):
        await fill_with_values(run, size)
    while True:
        try:
            await run.enqueue(run.app.nap, 0.0)
        except StoreUnavailable as refused:
            return refused


async def fill_with_values(run: Trial, size: int) -> None:
    for n in range(100_000):
        try:
            await run.app.queue.kv.put(f"{size}-{n}", os.urandom(size))
        except StoreUnavailable:
            return


def orders(run: Trial) -> Orders:
    name, receipts = run.app.queue.name, str(run.receipts)
    return Orders(run.url, name, receipts, LEASE, CONCURRENCY, shutdown_timeout=10, own_jobs=JOBS, nap=NAP)


async def start(
    run: Trial, directory: Path, connections: tuple[str, str] = ("plain", ""), launcher: Sequence[str] = ()
) -> Process:
    """Start a worker; returns when it is ready to claim."""
    process = start_with(*connections, worker.__name__, structs.replace(orders(run), own_jobs=0), directory, launcher)
    run.processes.append(process)
    await until(lambda: run.receipts_of(process, WorkerBegan) or not process.is_alive)
    assert process.is_alive, process.log
    return process
