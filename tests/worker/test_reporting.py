"""What the worker's log says of jobs."""

from __future__ import annotations

import asyncio
import logging
import re
import threading

import pytest

from aioqueue import Queue, TaskException
from aioqueue.drivers.base import Lease
from aioqueue.logs import PlainLines
from aioqueue.logtext import many
from aioqueue.presence import Announcement, encode_announcement
from aioqueue.worker.reaper import Reaper, known_as
from tests.core.stores import eventually

pytestmark = pytest.mark.asyncio


async def test_each_job_says_when_it_starts_and_how_long_it_took(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    @queue.task
    async def add(a: int, b: int = 2) -> int:
        return a + b

    with caplog.at_level(logging.DEBUG, "aioqueue"):
        async with queue.worker():
            result = await add(40)
            await result
    told = [record for record in caplog.records if getattr(record, "job_id", "") == result.id]
    assert [getattr(record, "task_name", "") for record in told] == [add.name, add.name]
    starts, ended = (PlainLines().format(record) for record in told)
    assert starts.endswith(f"job {result.id} of {add.name} starts")
    assert f"job {result.id} of {add.name} ended after " in ended
    assert "a=40" in PlainLines(arguments=True).format(told[0])


async def test_without_verbosity_arguments_are_not_even_decoded(
    queue: Queue, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aioqueue.worker import reporting

    @queue.task
    async def add(a: int) -> int:
        return a

    def fail(*_: object) -> None:
        raise AssertionError("made for nobody")

    monkeypatch.setattr(reporting, "_Arguments", fail)
    monkeypatch.setattr(reporting, "_about", fail)
    with caplog.at_level(logging.INFO, "aioqueue"):
        async with queue.worker():
            assert await add.call(1) == 1


async def test_a_failure_names_its_job_for_formatters_too(queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    @queue.task
    async def fail() -> None:
        raise ValueError("no")

    async with queue.worker():
        with pytest.raises(TaskException):
            await fail.call()
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert (getattr(record, "job_id", ""), getattr(record, "task_name", "")) != ("", "")


def lines_of(job_id: str, caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if getattr(record, "job_id", "") == job_id]


async def test_a_cancelled_job_has_an_end_in_the_log(queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    began = asyncio.Event()

    @queue.task
    async def body() -> None:
        began.set()
        await asyncio.Event().wait()

    with caplog.at_level(logging.DEBUG, "aioqueue"):
        async with queue.worker():
            result = await body()
            await began.wait()
            assert await result.cancel()
            with pytest.raises(TaskException):
                await result.get(timeout=5)
    starts, ended = lines_of(result.id, caplog)
    assert starts == f"job {result.id} of {body.name} starts"
    assert re.fullmatch(rf"job {result.id} of {re.escape(body.name)} is cancelled after \S+ s", ended)


async def test_a_thread_that_is_left_behind_is_told_once(queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    began, end = threading.Event(), threading.Event()

    @queue.task
    def body() -> None:
        began.set()
        end.wait(10)

    try:
        async with queue.worker() as worker:
            result = await body()
            assert await asyncio.to_thread(began.wait, 5)
            assert await result.cancel()
            await eventually(lambda: worker.abandoned_threads == 1)
    finally:
        end.set()
    (told,) = lines_of(result.id, caplog)
    assert told.startswith(f"job {result.id} of {body.name}: its thread cannot be stopped")


async def test_a_revoked_job_is_called_so_with_its_task(queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    @queue.task
    async def killer() -> None: ...

    result = await killer()
    await result.revoke()
    with caplog.at_level(logging.INFO, "aioqueue"):
        async with queue.worker():
            with pytest.raises(TaskException):
                await result.get(timeout=5)
    assert lines_of(result.id, caplog) == [f"job {result.id} of {killer.name} is not run: revoked"]


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 jobs are"), (1, "1 job is"), (2, "2 jobs are")], ids=["none", "one", "two"]
)
async def test_any_number_reads_right(number: int, said: str) -> None:
    assert many(number, "job is", "jobs are") == said
    assert many(number, "job") == said.rsplit(" ", 1)[0]


async def test_a_dead_worker_is_called_what_people_know_it_by() -> None:
    def lease(info: bytes) -> Lease:
        return Lease("3a57" * 8, 0, 30, info, 0.0)

    def said(name: str) -> bytes:
        return encode_announcement(Announcement(name, "web1", 4711, "1", 0.0, 1, ""))

    assert known_as(lease(b"")) == "3a573a57"
    assert known_as(lease(said(""))) == "web1:4711"
    assert known_as(lease(said("mail\n"))) == "web1:4711 (mail\\n)"


async def test_the_jobs_of_a_dead_worker_are_counted_in_words_that_fit(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    @queue.task
    async def one() -> None: ...

    driver = (await queue.session()).driver
    await one()
    await driver.register("holder", 0.01, b"")
    await driver.register("idle", 0.01, b"")
    assert len((await driver.claim("holder", 1, 1, 1)).jobs) == 1
    await driver.register("sweeper", 60, b"")
    reaper = Reaper(driver, 0.01)
    for _ in range(4):
        await driver.renew("sweeper")
        await reaper.sweep()
        await asyncio.sleep(0.02)
    told = sorted(record.getMessage() for record in caplog.records if "is dead" in record.getMessage())
    assert told == ["the worker holder is dead: 1 job is handed on", "the worker idle is dead: it held no jobs"]
