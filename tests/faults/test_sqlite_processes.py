"""Eight processes enqueue and work on one SQLite file, and are killed, in the middle of their transactions too."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from aioqueue import Result
from tests.faults import worker
from tests.faults.connections import start_with
from tests.faults.processes import Process
from tests.faults.receipts import Enqueued, WorkerBegan
from tests.faults.scale import scaled
from tests.faults.trial import LEASE, Row, Trial, trial, until
from tests.faults.worker import Orders

pytestmark = pytest.mark.asyncio

PROCESSES = 8
DOOMED = 4
ROUNDS = scaled(1, 8)
JOBS_EACH = 25
STATEMENTS = range(5, 250)  # how many a doomed process runs before it dies; every one has a lease to renew


async def test_a_crowd_on_one_file(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "crowd.db"
    async with trial(f"sqlite:///{path}", tmp_path, Row(22, "eight processes, kill -9 in a transaction", seed)) as run:
        for _ in range(ROUNDS):
            await let_a_crowd_in(run, tmp_path)
            assert integrity(path) == "ok"
        await run.start_worker()
        await run.learn(all_enqueued(run))
        report = await run.conclude()
        logs = run.logs()
    assert report.repeats <= report.reaped
    assert report.deaths == []
    assert "trying on" not in logs, "the file was waited for so long that it was taken for lost"
    assert "locked" not in logs
    assert integrity(path) == "ok"


async def let_a_crowd_in(run: Trial, directory: Path) -> None:
    """Let eight processes work: four die at a statement drawn by lot, one at any moment, three end in order."""
    doomed = [start(run, directory, nth) for nth in run.random.sample(STATEMENTS, DOOMED)]
    others = [start(run, directory) for _ in range(PROCESSES - DOOMED)]
    victim, *living = others
    enough = run.random.randrange(JOBS_EACH)
    await until(lambda: len(run.receipts_of(victim, Enqueued)) >= enough)
    victim.kill()
    for process in doomed:
        await until(lambda: not process.is_alive)  # noqa: B023
    for process in living:
        await until(lambda: len(run.receipts_of(process, Enqueued)) == JOBS_EACH and began(run, process))  # noqa: B023
        process.terminate()
    await asyncio.gather(*(process.ended() for process in living))


def start(run: Trial, directory: Path, dies_at: int = 0) -> Process:
    kind, argument = ("doomed", f"{dies_at}:{run.receipts}") if dies_at else ("plain", "")
    orders = Orders(
        run.url,
        run.app.queue.name,
        str(run.receipts),
        lease=LEASE,
        concurrency=4,
        shutdown_timeout=10,
        own_jobs=JOBS_EACH,
        nap=0.02,
    )
    process = start_with(kind, argument, worker.__name__, orders, directory)
    run.processes.append(process)
    return process


def began(run: Trial, process: Process) -> bool:
    return bool(run.receipts_of(process, WorkerBegan))


def all_enqueued(run: Trial) -> list[Result[str]]:
    return [run.app.nap.result(receipt.id) for receipt in run.all_of(Enqueued)]


def integrity(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        (answer,) = connection.execute("PRAGMA integrity_check").fetchone()
    return str(answer)
