"""Eight processes enqueue and work on one SQLite file, and one of them is killed in the middle of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from aioqueue import Result
from tests.faults.receipts import Enqueued
from tests.faults.trial import Trial, trial, until

pytestmark = pytest.mark.asyncio

PROCESSES = 8
JOBS_EACH = 25


async def test_a_crowd_on_one_file(tmp_path: Path) -> None:
    path = tmp_path / "crowd.db"
    async with trial(f"sqlite:///{path}", tmp_path) as run:
        victim, *others = await run.start_workers(PROCESSES, own_jobs=JOBS_EACH, nap=0.02, concurrency=4)
        await until(lambda: len(run.receipts_of(victim, Enqueued)) >= JOBS_EACH // 4 and run.in_hand(victim))
        victim.kill()
        for other in others:
            await until(lambda: len(run.receipts_of(other, Enqueued)) == JOBS_EACH)  # noqa: B023
        await run.learn(all_enqueued(run))
        report = await run.conclude()
        logs = run.logs()
    assert report.enqueued >= (PROCESSES - 1) * JOBS_EACH
    assert report.repeats <= report.reaped
    assert report.deaths == []
    assert "trying on" not in logs, "the file was waited for so long that it was taken for lost"
    assert integrity(path) == "ok"


def all_enqueued(run: Trial) -> list[Result[str]]:
    return [run.app.nap.result(receipt.id) for receipt in run.all_of(Enqueued)]


def integrity(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        (answer,) = connection.execute("PRAGMA integrity_check").fetchone()
    return str(answer)
