"""The power goes: every process is gone at once, and of the store what was synced is left.

Kill -9 alone would show nothing: what a process has written, the system keeps.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

from aioqueue import ResultUnknown
from tests.faults import busy
from tests.faults.audit import audit
from tests.faults.connections import start_with
from tests.faults.disk import PoweredDisk, powered_disk
from tests.faults.processes import Process
from tests.faults.receipts import Enqueued
from tests.faults.scale import scaled
from tests.faults.trial import LEASE, PATIENCE, Row, Trial, trial, until
from tests.faults.worker import Orders
from tests.servers import redis_server

pytestmark = [
    pytest.mark.asyncio,
    pytest.mark.skipif(sys.platform != "linux", reason="needs seccomp filters"),
]

BUSY = 2
CUTS = scaled(1, 5)
ACKNOWLEDGED = range(60, 240)  # when the power goes


@dataclass(frozen=True)
class Machine:
    """Where the store is, how a process is started there, and what happens when the power goes."""

    url: str
    start: Callable[[Orders, Path], Process]
    lose_power: Callable[[], None]


Setting: TypeAlias = Callable[[PoweredDisk, Path], AbstractContextManager[Machine]]


def redis(appendfsync: str) -> Setting:
    @contextmanager
    def machine(disk: PoweredDisk, directory: Path) -> Iterator[Machine]:
        with redis_server(launcher=disk.launcher, appendonly="yes", appendfsync=appendfsync) as server:

            def start(orders: Orders, directory: Path) -> Process:
                return start_with("plain", "", busy.__name__, orders, directory)

            def lose_power() -> None:
                server.kill()
                disk.lose_power(server.directory)
                server.restart()

            yield Machine(server.url, start, lose_power)

    return machine


def sqlite(connections: str) -> Setting:
    @contextmanager
    def machine(disk: PoweredDisk, directory: Path) -> Iterator[Machine]:
        place = directory / "store"
        place.mkdir()

        def start(orders: Orders, directory: Path) -> Process:
            return start_with(connections, "", busy.__name__, orders, directory, disk.launcher)

        yield Machine(f"sqlite:///{place}/queue.db", start, lambda: disk.lose_power(place))

    return machine


SAFE = {"appendfsync always": redis("always"), "synchronous FULL": sqlite("plain")}
WEAK = {"appendfsync everysec": redis("everysec"), "synchronous NORMAL": sqlite("hasty")}


@pytest.fixture(name="disk")
def the_disk() -> Iterator[PoweredDisk]:
    with powered_disk() as made:
        yield made


@pytest.mark.parametrize("setting", SAFE)
async def test_nothing_is_lost(disk: PoweredDisk, tmp_path: Path, setting: str, seed: int) -> None:
    with SAFE[setting](disk, tmp_path) as machine:
        async with trial(machine.url, tmp_path, Row(8, f"power cut, {setting}", seed)) as run:
            await cut_the_power(run, machine, disk, tmp_path)
            await learn_what_is_known(run)
            await work_off(run)
            report = await run.conclude()
    assert report.deaths == []
    assert report.enqueued >= ACKNOWLEDGED.start * CUTS


@pytest.mark.parametrize("setting", WEAK)
async def test_a_weak_setting_is_found_out(disk: PoweredDisk, tmp_path: Path, setting: str, seed: int) -> None:
    with WEAK[setting](disk, tmp_path) as machine:
        async with trial(machine.url, tmp_path, Row(8, f"power cut, {setting}", seed)) as run:
            await cut_the_power(run, machine, disk, tmp_path)
            await learn_what_is_known(run)
            await run._stop_workers()
            report = audit(run.read())
            run._publish(report, [])
    assert report.lost


async def cut_the_power(run: Trial, machine: Machine, disk: PoweredDisk, directory: Path) -> None:
    """Let processes be busy with the store and cut their power at a moment drawn by lot; then a worker goes on."""
    await leave(run)
    for _ in range(CUTS):
        goal = len(run.all_of(Enqueued)) + run.random.choice(ACKNOWLEDGED)
        processes = [machine.start(orders(run), directory) for _ in range(BUSY)]
        run.processes += processes
        await until(lambda: len(run.all_of(Enqueued)) >= goal or dead(processes))  # noqa: B023
        assert not dead(processes), run.logs()
        assert disk.syncs, "no sync was seen"
        for process in processes:
            process.kill()
        machine.lose_power()
    await run.start_worker()


async def leave(run: Trial) -> None:
    """Leave the store to processes whose syncs are watched: what was made here was not, and is removed."""
    await run.app.queue.close()
    if run.url.startswith("sqlite"):
        for path in Path(run.url.removeprefix("sqlite:///")).parent.iterdir():
            path.unlink()


def dead(processes: list[Process]) -> bool:
    return not all(process.is_alive for process in processes)


def orders(run: Trial) -> Orders:
    return Orders(run.url, run.app.queue.name, str(run.receipts), lease=LEASE, concurrency=8, shutdown_timeout=10)


async def learn_what_is_known(run: Trial) -> None:
    """Learn what became of every acknowledged job of which the store still knows."""

    async def learn(job: str) -> None:
        with suppress(ResultUnknown):
            await run.learn([run.app.nap.result(job)])

    await asyncio.gather(*(learn(receipt.id) for receipt in run.all_of(Enqueued)))


async def work_off(run: Trial) -> None:
    """Wait for the jobs that were stored, and of which nobody was told so any more."""
    async with asyncio.timeout(PATIENCE):
        while any((await run.app.queue.counts()).values()):  # noqa: ASYNC110 -- a store that is empty tells nobody
            await asyncio.sleep(0.05)
