"""A blocked event loop is logged with what blocks it, and counted."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import sys
import time

import anyio.to_thread
import pytest

from aioqueue import Queue, Result
from aioqueue.worker.loopwatch import LoopWatch
from tests.core.stores import eventually

pytestmark = pytest.mark.asyncio

LIMIT = 0.05


async def test_what_blocks_the_loop_is_logged_once_with_its_job(queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    @queue.task()
    async def hog() -> None:
        time.sleep(6 * LIMIT)  # noqa: ASYNC251 -- blocks the loop, which is what is looked for

    async with queue.worker(loop_limit=LIMIT, lease=0.6):
        with caplog.at_level(logging.WARNING, "aioqueue"):
            result = await hog()
            await result

            async def counted() -> bool:
                return (await queue.workers())[0].loop_blocks > 0

            await eventually(counted)
    (blocked,) = _blocks_by(result, caplog)
    assert f"by job {result.id} of {hog.name}, in:" in blocked.getMessage()
    assert "time.sleep(6 * LIMIT)" in blocked.getMessage()
    assert (vars(blocked)["job_id"], vars(blocked)["task_name"]) == (result.id, hog.name)
    assert any("turns again" in record.getMessage() for record in caplog.records)


async def test_a_call_that_holds_the_gil_is_logged_when_it_is_over(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    usleep = ctypes.PyDLL(None).usleep

    @queue.task()
    async def seize() -> None:
        usleep(int(10 * LIMIT * 1_000_000))
        time.sleep(LIMIT / 5)  # noqa: ASYNC251 -- the threads get their turn here at the latest

    async with queue.worker(loop_limit=LIMIT, lease=6):
        with caplog.at_level(logging.WARNING, "aioqueue"):
            result = await seize()
            await result
            await eventually(lambda: bool(_blocks_by(result, caplog)))
    (blocked,) = [record for record in caplog.records if "is blocked for" in record.getMessage()]
    assert f"by job {result.id} of {seize.name}, in:" in blocked.getMessage()
    assert "in seize" in blocked.getMessage()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="an asyncio.Task does not tell its context")
async def test_what_a_body_began_belongs_to_its_job(queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    async def sleep() -> None:
        time.sleep(6 * LIMIT)  # noqa: ASYNC251 -- blocks the loop, which is what is looked for

    @queue.task()
    async def hog() -> None:
        await asyncio.create_task(sleep())

    async with queue.worker(loop_limit=LIMIT):
        with caplog.at_level(logging.WARNING, "aioqueue"):
            result = await hog()
            await result
    assert f"by job {result.id} of {hog.name}, in:" in caplog.text


async def test_what_is_no_job_is_blamed_on_nobody(caplog: pytest.LogCaptureFixture) -> None:
    watch = LoopWatch(LIMIT, lambda _body: None)
    watch.start()
    with caplog.at_level(logging.WARNING, "aioqueue"):
        while not watch.blocks:
            time.sleep(LIMIT)  # noqa: ASYNC251 -- blocks the loop, which is what is looked for
    await watch.stop()
    assert "s, in:\n" in caplog.text


async def test_a_loop_that_turns_is_not_blamed() -> None:
    watch = LoopWatch(60, lambda _body: None)
    watch.start()
    await watch.stop()
    assert watch.blocks == 0


async def test_a_watch_that_never_started_can_be_stopped() -> None:
    await LoopWatch(LIMIT, lambda _body: None).stop()


async def test_stopping_needs_no_thread_that_the_application_has_taken() -> None:
    limiter = anyio.to_thread.current_default_thread_limiter()
    limiter.total_tokens = 1
    await limiter.acquire()
    watch = LoopWatch(60, lambda _body: None)
    watch.start()
    try:
        async with asyncio.timeout(5):
            await watch.stop()
    finally:
        limiter.release()


async def test_an_answer_that_comes_during_the_look_is_no_error() -> None:
    """The loop may answer between any two steps of the thread."""

    class Answered(LoopWatch):
        at: float | None

        @property
        def _pinged_at(self) -> float | None:
            at, self.at = self.at, None
            return at

        @_pinged_at.setter
        def _pinged_at(self, at: float | None) -> None:
            self.at = at

    watch = Answered(60, lambda _body: None)
    watch.at = time.monotonic()
    watch._look()
    assert 0 <= watch.lag < 60


def _blocks_by(result: Result[None], caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return the records of blocks by this job: a busy machine may hold up the loop as well."""
    blocks = [record for record in caplog.records if "is blocked for" in record.getMessage()]
    return [record for record in blocks if vars(record).get("job_id") == result.id]
