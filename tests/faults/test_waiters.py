"""Whoever waits for a result learns of it or of its absence, whatever becomes of the notice, the result or the wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from aioqueue import Result, ResultTimeout, ResultUnknown
from aioqueue.drivers.base import Hear
from aioqueue.listener import FIRST_POLL
from tests.faults.hands import at_work
from tests.faults.receipts import Enqueued, Learned, SettleAnswered, write
from tests.faults.scale import scaled
from tests.faults.trial import Row, Trial, trial, until

pytestmark = pytest.mark.asyncio

JOBS = scaled(20, 200)
WAITERS_EACH = 5
LONGEST_NAP = scaled(2.0, 8.0)
PROMPT = 1.0  # what needs no poll


async def test_a_lost_notice_is_made_good_by_the_safety_poll(every_store_url: str, tmp_path: Path, seed: int) -> None:
    async with trial(every_store_url, tmp_path, Row(23, "notice lost", seed)) as run, at_work(run, concurrency=JOBS):
        await deafen(run)
        results = [await run.enqueue(run.app.nap, run.random.uniform(0.1, LONGEST_NAP)) for _ in range(JOBS)]
        await run.learn(results)
        delays = delays_of_notices(run)
        report = await run.conclude()
    assert len(delays) == JOBS
    assert max(delay for delay, _ in delays) > PROMPT / 4, "the notices were not lost, so this shows nothing"
    assert [delay for delay, waited in delays if delay > safety_poll(waited)] == []
    assert report.repeats == 0


async def test_waiters_that_leave_disturb_nobody(every_store_url: str, tmp_path: Path, seed: int) -> None:
    async with trial(every_store_url, tmp_path, Row(23, "waiters cancelled", seed)) as run:
        async with at_work(run, concurrency=4):
            results = [await run.enqueue(run.app.nap, run.random.uniform(0.0, 0.2)) for _ in range(JOBS)]
            fates = [leaves_or_stays(run, result) for result in results for _ in range(WAITERS_EACH)]
            late = await asyncio.gather(*fates)
            await run.learn(results)
        listener = (await run.app.queue.session()).listener
        await until(lambda: listener._waits == {})
        report = await run.conclude()
    assert max(late) <= PROMPT
    assert report.repeats == 0


async def test_a_result_that_expires_while_it_is_awaited(every_store_url: str, tmp_path: Path, seed: int) -> None:
    """The notice is lost, and at the next poll the result is gone: that is what the waiter learns then."""
    async with trial(every_store_url, tmp_path, Row(23, "result expired while awaited", seed)) as run:
        async with at_work(run, concurrency=JOBS):
            await deafen(run)
            brief = run.app.nap.options(result_ttl=0.1)
            results = [await brief(run.random.uniform(0.1, LONGEST_NAP)) for _ in range(JOBS)]
            async with asyncio.timeout(LONGEST_NAP + safety_poll(LONGEST_NAP)):
                answers = await asyncio.gather(*results, return_exceptions=True)
        write_down(run, results, answers)
        await run.conclude()
    assert any(isinstance(answer, ResultUnknown) for answer in answers)
    assert all(isinstance(answer, str | ResultUnknown) for answer in answers)


async def test_a_store_that_forgets_everything_leaves_nobody_waiting(
    every_store_url: str, tmp_path: Path, seed: int
) -> None:
    async with trial(every_store_url, tmp_path, Row(23, "store flushed while awaited", seed)) as run:
        results = [await run.app.nap(0.0) for _ in range(JOBS)]
        waiting = asyncio.gather(*results, return_exceptions=True)
        await asyncio.sleep(run.random.uniform(0.0, 0.2))
        await run.app.queue.flush()
        async with asyncio.timeout(safety_poll(PROMPT)):
            answers = await waiting
        write_down(run, results, answers)
        await run.conclude()
    assert {type(answer) for answer in answers} == {ResultUnknown}


def write_down(run: Trial, results: Sequence[Result[str]], answers: Sequence[str | BaseException]) -> None:
    """Put on record what waiters learned of jobs that cannot be asked for again."""
    for result, answer in zip(results, answers, strict=True):
        write(run.receipts, Enqueued(id=result.id))
        write(run.receipts, Learned(id=result.id, outcome=answer if isinstance(answer, str) else type(answer).__name__))


async def deafen(run: Trial) -> None:
    """Have none of the store's notices reach those who wait in this process; what they asked of the store stands."""
    driver: Any = (await run.app.queue.session()).driver
    listen: Callable[[Hear, Callable[[], None]], Any] = driver.listen

    async def listen_in_vain(hear: Hear, gap: Callable[[], None]) -> None:
        await listen(lambda *_: None, lambda: None)

    driver.listen = listen_in_vain


def safety_poll(waited: float) -> float:
    """Return how many seconds after the end of a job the poll of someone who has waited for `waited` must come.

    Its interval grows by half each time, so that it is half the time waited and one more; it looks once a second.
    """
    return waited / 2 + 2 * FIRST_POLL + PROMPT


def delays_of_notices(run: Trial) -> list[tuple[float, float]]:
    """Return for each job how long after its settle its end was learned, and how long it had been awaited by then."""
    began = {receipt.id: receipt.at for receipt in run.all_of(Enqueued)}
    settled = {receipt.id: receipt.at for receipt in run.all_of(SettleAnswered)}
    return [
        (learned.at - settled[learned.id], settled[learned.id] - began[learned.id]) for learned in run.all_of(Learned)
    ]


async def leaves_or_stays(run: Trial, result: Result[str]) -> float:
    """Wait with a handle of its own until the end, for a while, or until cancelled; answers how late it ended, in s."""
    own = run.app.nap.result(result.id)
    patience = run.random.uniform(0.0, 0.3)
    match run.random.choice(["stay", "give up", "be cancelled"]):
        case "stay":
            await run.learn([own])
            return 0.0
        case "give up":
            waiting = asyncio.create_task(own.get(timeout=patience))
            return await lateness(waiting, patience)
        case _:
            waiting = asyncio.create_task(own.get())
            asyncio.get_running_loop().call_later(patience, waiting.cancel)
            return await lateness(waiting, patience)


async def lateness(waiting: asyncio.Task[str], patience: float) -> float:
    began = asyncio.get_running_loop().time()
    (ending,) = await asyncio.gather(waiting, return_exceptions=True)
    assert isinstance(ending, str | ResultTimeout | asyncio.CancelledError), ending
    return asyncio.get_running_loop().time() - began - patience
