"""The reply to any one request is lost after Redis has done what was asked, and the connection with it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import pytest

from aioqueue import AioqueueError, Result, StoreUnavailable, Task, Worker
from aioqueue.ids import new_id
from tests.faults.application import Application, application
from tests.faults.audit import Report, audit
from tests.faults.proxy import Fate, Judge, Proxy, Request, fault_proxy
from tests.faults.receipts import Enqueued, Learned, Reader, Started, write
from tests.faults.trial import PATIENCE, until

pytestmark = pytest.mark.asyncio

LEASE = 1.0
STORIES_AT_ONCE = 8
QUICK = 4

# What a run must at least have asked for, or it shows nothing.
ASKED = {"enqueue", "claim", "settle", "watch", "renew", "release", "retire", "register", "leases", "SUBSCRIBE"}

T = TypeVar("T")


async def test_whatever_reply_is_lost_every_job_reaches_its_result(redis_url: str, tmp_path: Path) -> None:
    undisturbed = await tell(redis_url, tmp_path / "undisturbed", lambda _: Fate.PASS)
    assert undisturbed.report.repeats == 1, "the job that was handed back"
    assert undisturbed.asked.keys() >= ASKED
    cases = [(operation, nth) for operation, count in undisturbed.asked.items() for nth in range(1, count + 1)]
    complaints, lost_replies = await disturb_each(redis_url, tmp_path, cases)
    assert complaints == []
    assert lost_replies >= ASKED


class Story:
    """One short life of a queue: what was asked of Redis, and what became of the jobs."""

    def __init__(self, asked: Counter[str], report: Report) -> None:
        self.asked = asked
        self.report = report


async def disturb_each(redis_url: str, directory: Path, cases: list[tuple[str, int]]) -> tuple[list[str], set[str]]:
    """Tell the story once for each request in it, with that one's reply lost.

    Returns what went wrong, and the operations that did lose a reply: not every story asks exactly the same.
    """
    places = asyncio.Semaphore(STORIES_AT_ONCE)
    lost_replies: set[str] = set()

    async def disturb(operation: str, nth: int) -> str:
        def judge(request: Request) -> Fate:
            if (request.operation, request.nth) != (operation, nth):
                return Fate.PASS
            lost_replies.add(operation)
            return Fate.DROP_REPLY

        async with places:
            try:
                story = await tell(redis_url, directory / f"{operation}-{nth}", judge)
            except (TimeoutError, AioqueueError) as error:
                return f"{operation} {nth}: {error!r}"
        return complaint(f"{operation} {nth}", story.report)

    complaints = await asyncio.gather(*(disturb(*case) for case in cases))
    return [text for text in complaints if text], lost_replies


def complaint(case: str, report: Report) -> str:
    """Say what is wrong with a story; nothing if all is well."""
    right = report.lost == report.contradictions == [] and report.repeats <= 1 + report.reaped
    return "" if right else f"{case}: {report}"


async def tell(redis_url: str, receipts: Path, judge: Judge) -> Story:
    """Live the whole story by way of a proxy that `judge` rules."""
    port = urlsplit(redis_url).port
    assert port is not None
    async with fault_proxy(port) as proxy, asyncio.timeout(PATIENCE):
        proxy.judge = judge
        app = application(proxy.url, f"story-{new_id()}", receipts)
        reader = Reader(receipts)
        try:
            await live(app, proxy, receipts, reader)
        finally:
            await app.queue.close()
        return Story(Counter(proxy.counts), audit(reader.read()))


async def live(app: Application, proxy: Proxy, receipts: Path, reader: Reader) -> None:
    """Jobs are run; then a worker is stopped with one job running and one fetched ahead, and another runs these.

    Only opening may fail. From then on no error reaches who enqueues or waits.
    """
    await persistently(app.queue.session)
    async with working(app):
        quick = [await enqueue(receipts, app.nap, 0.0) for _ in range(QUICK)]
        await learn(receipts, quick)
        slow = [await enqueue(receipts, app.linger), await enqueue(receipts, app.nap, 0.0)]
        await until(lambda: slow[0].id in {start.id for start in reader.read() if isinstance(start, Started)})
        await until(lambda: proxy.counts["renew"] > 1)
    async with working(app):
        await learn(receipts, slow)


@asynccontextmanager
async def working(app: Application) -> AsyncIterator[None]:
    """Run a worker in this loop, and end it at once whatever it runs."""
    worker = await persistently(lambda: Worker(app.queue, lease=LEASE, concurrency=1).__aenter__())
    try:
        yield
    finally:
        worker.stop()
        worker.stop()
        await worker.__aexit__()


async def enqueue(receipts: Path, task: Task[..., str], *arguments: float) -> Result[str]:
    """Enqueue one job; its acknowledgement is on record."""
    result = await task(*arguments)
    write(receipts, Enqueued(id=result.id))
    return result


async def learn(receipts: Path, results: list[Result[str]]) -> None:
    """Wait for the values, each on record."""
    for result in results:
        write(receipts, Learned(id=result.id, outcome=await result))


async def persistently(opening: Callable[[], Awaitable[T]]) -> T:
    """Try again until the store answers, as a supervisor would."""
    while True:
        try:
            return await opening()
        except StoreUnavailable:
            await asyncio.sleep(0.01)
