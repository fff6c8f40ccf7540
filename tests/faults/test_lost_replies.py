"""The reply to any one request is lost after Redis has done what was asked, and the connection with it.

At once, or so late that what was asked for may have run and ended before it is asked for again.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import pytest
from msgspec import Struct

from aioqueue import AioqueueError, Result, StoreUnavailable, TaskCancelled, Worker, chord
from aioqueue.ids import new_id
from tests.faults.application import Application, add_tick, application
from tests.faults.audit import Report, audit, in_hand
from tests.faults.figures import Figures, publish
from tests.faults.proxy import Fate, Judge, Proxy, Request, fault_proxy
from tests.faults.receipts import Enqueued, Learned, Reader, Started, write
from tests.faults.remains import remains
from tests.faults.scale import scaled
from tests.faults.trial import PATIENCE, until

pytestmark = pytest.mark.asyncio

LEASE = 1.0
STORIES_AT_ONCE = 8
QUICK = 4
TICK_AFTER = 2.5  # a worker that begins later than that misses the slot
FATES = (Fate.DROP_REPLY, Fate.DROP_REPLY_LATE)

# What changes something. A run must at least have asked for these, or it shows nothing.
CHANGES = {
    *("enqueue", "claim", "renew", "settle", "release", "fire", "promote", "retire", "reap", "cancel"),
    *("register", "watch", "SUBSCRIBE"),
}
NOT_ACKNOWLEDGED = 3  # two members of a chord, and the slot of a periodic task
EXPECTED_REPEATS = 2  # of the one that fails at first, and of the one that is handed back

T = TypeVar("T")


class Case(Struct, frozen=True):
    """Which request loses its reply, and how."""

    operation: str
    nth: int
    fate: Fate


class Story(Struct, frozen=True):
    """One life of a queue: what was asked of Redis, what became of the jobs, and what was left behind."""

    asked: Counter[str]
    report: Report
    stuck: list[str]


async def test_whatever_reply_is_lost_every_job_reaches_its_result(redis_url: str, tmp_path: Path, seed: int) -> None:
    undisturbed = await tell(redis_url, tmp_path / "undisturbed", lambda _: Fate.PASS)
    assert undisturbed.report.repeats == EXPECTED_REPEATS
    assert undisturbed.asked.keys() >= CHANGES
    cases = chosen(undisturbed.asked, random.Random(seed))
    stories = await disturb_each(redis_url, tmp_path, cases)
    complaints = {case: wrong for case, story in stories.items() if (wrong := complaint(story, undisturbed))}
    show(seed, [story for story in stories.values() if isinstance(story, Story)])
    assert complaints == {}


def chosen(asked: Counter[str], chance: random.Random) -> list[Case]:
    """Return every request with every fate, or in the quick form one of each kind that changes something, by lot."""
    every = [
        Case(operation, nth, fate)
        for operation, count in sorted(asked.items())
        for nth in range(1, count + 1)
        for fate in FATES
    ]
    chance.shuffle(every)
    first_of_each = {case.operation: case for case in every if case.operation in CHANGES}
    return scaled(list(first_of_each.values()), every)


async def disturb_each(redis_url: str, directory: Path, cases: list[Case]) -> dict[Case, Story | str]:
    """Tell the story once for each case; what could not be told to its end is an error in words."""
    places = asyncio.Semaphore(STORIES_AT_ONCE)

    async def disturb(case: Case) -> Story | str:
        def judge(request: Request) -> Fate:
            return case.fate if (request.operation, request.nth) == (case.operation, case.nth) else Fate.PASS

        async with places:
            try:
                return await tell(redis_url, directory / f"{case.operation}-{case.nth}-{case.fate.name}", judge)
            except (TimeoutError, AioqueueError) as error:
                return repr(error)

    return dict(zip(cases, await asyncio.gather(*map(disturb, cases)), strict=True))


def complaint(story: Story | str, undisturbed: Story) -> str:
    """Say what is wrong with a story; nothing if all is well."""
    if isinstance(story, str):
        return story
    report = story.report
    ran = len(report.executions) == len(undisturbed.report.executions)  # else something was stored or fired twice
    right = report.lost == report.contradictions == story.stuck == [] and report.repeats == EXPECTED_REPEATS and ran
    return "" if right else f"{len(report.executions)} jobs ran; {report}; left behind: {story.stuck}"


def show(seed: int, stories: list[Story]) -> None:
    """Publish what all stories have shown together."""
    reports = [story.report for story in stories]
    publish(
        Figures(
            row=13,
            scenario=f"reply lost after the commit, {len(stories)} cases",
            store="redis",
            seed=seed,
            jobs=sum(len(report.executions) for report in reports),
            lost=sum(len(report.lost) for report in reports),
            repeated=sum(report.repeats - EXPECTED_REPEATS for report in reports),
            outcomes_twice=sum(len(report.contradictions) for report in reports),
            deaths=0,
            stuck=sum(len(story.stuck) for story in stories),
            recovery_p50=0.0,
            recovery_max=0.0,
        )
    )


async def tell(redis_url: str, receipts: Path, judge: Judge) -> Story:
    """Live the whole story by way of a proxy that `judge` rules."""
    port = urlsplit(redis_url).port
    assert port is not None
    async with fault_proxy(port) as proxy, asyncio.timeout(PATIENCE):
        proxy.judge = judge
        app = application(proxy.url, f"story-{new_id()}", receipts)
        add_tick(app.queue, receipts, time.time() + TICK_AFTER)
        teller = Teller(app, proxy, receipts)
        try:
            await teller.live()
        finally:
            await app.queue.close()
        report = audit(teller.reader.read())
        return Story(Counter(proxy.counts), report, await remains(redis_url, app.queue.name))


class Teller:
    """Lives the story, with everything on record.

    Only opening and cancelling may fail, and are tried again. No other error reaches who enqueues or waits.
    """

    def __init__(self, app: Application, proxy: Proxy, receipts: Path) -> None:
        self.reader = Reader(receipts)
        self._app = app
        self._proxy = proxy
        self._receipts = receipts

    async def live(self) -> None:
        """A worker takes over from a dead one and does all kinds of work, and is stopped; another one goes on."""
        app = self._app
        await persistently(app.queue.session)
        orphan = await self._leave_claimed()
        async with self._working(2):
            early = [await self._enqueued(app.nap(0.0)) for _ in range(QUICK)]
            early += [await self._enqueued(app.stumble()), await self._enqueued(app.nap.schedule((0.0,), delay=0.2))]
            early.append(await self._enqueued(app.queue.enqueue(chord([app.nap.s(0.0), app.nap.s(0.0)], app.relay))))
            early += [self._noted(stage) for stage in await app.queue.enqueue(app.nap.s(0.0).then(app.relay))]
            for result in (*early, *await self._cancelled(), orphan):
                await self._learn(result)
            await until(self._others_have_ended)
        async with self._working(1):
            for short in [await self._enqueued(app.nap(0.0)) for _ in range(QUICK)]:
                await self._learn(short)  # short bodies earn a place ahead, for the one that is to be handed back
            slow = [await self._enqueued(app.linger()), await self._enqueued(app.nap(0.0))]
            await until(lambda: self._has_started(slow[0]))
            asked = self._proxy.counts["claim"], self._proxy.counts["renew"]
            await until(lambda: asked < (self._proxy.counts["claim"], self._proxy.counts["renew"]))
        async with self._working(1):
            for result in slow:
                await self._learn(result)
            await self._until_one_lease_is_left()

    async def _leave_claimed(self) -> Result[str]:
        """Claim a job as a worker that dies at once."""
        orphan = await self._enqueued(self._app.nap(0.0))
        driver, dead = self._app.queue.driver(), new_id()
        try:
            await persistently(driver.open)
            await persistently(partial(driver.register, dead, LEASE, b""))
            await persistently(partial(driver.claim, dead, 1, 1, 0))
        finally:
            await driver.close()
        return orphan

    async def _cancelled(self) -> list[Result[str]]:
        """Cancel a scheduled job and a running one."""
        later = await self._enqueued(self._app.nap.schedule((0.0,), delay=60))
        running = await self._enqueued(self._app.linger())
        await until(lambda: self._has_started(running))
        for result in (later, running):
            await persistently(result.cancel)
        return [later, running]

    async def _enqueued(self, enqueueing: Awaitable[Result[str]]) -> Result[str]:
        return self._noted(await enqueueing)

    def _noted(self, result: Result[str]) -> Result[str]:
        write(self._receipts, Enqueued(id=result.id))
        return result

    async def _learn(self, result: Result[str]) -> None:
        try:
            outcome = await result
        except TaskCancelled as error:
            outcome = type(error).__name__
        write(self._receipts, Learned(id=result.id, outcome=outcome))

    def _has_started(self, result: Result[str]) -> bool:
        return any(isinstance(receipt, Started) and receipt.id == result.id for receipt in self.reader.read())

    def _others_have_ended(self) -> bool:
        """Whether all ran whose enqueueing was not acknowledged here, and everything that ran is settled."""
        receipts = self.reader.read()
        started = {receipt.id for receipt in receipts if isinstance(receipt, Started)}
        acknowledged = {receipt.id for receipt in receipts if isinstance(receipt, Enqueued)}
        return len(started - acknowledged) >= NOT_ACKNOWLEDGED and not in_hand(receipts, os.getpid())

    async def _until_one_lease_is_left(self) -> None:
        """A lease whose registration was not answered is nobody's, and is reaped like any that stands still."""
        driver = (await self._app.queue.session()).driver
        while len(await persistently(driver.leases)) > 1:  # noqa: ASYNC110 -- a store tells nobody of that
            await asyncio.sleep(LEASE / 20)

    @asynccontextmanager
    async def _working(self, concurrency: int) -> AsyncIterator[None]:
        """Run a worker in this loop, and end it at once whatever it runs."""
        worker = await persistently(self._worker(concurrency))
        try:
            yield
        finally:
            worker.stop()
            worker.stop()
            await worker.__aexit__()

    def _worker(self, concurrency: int) -> Callable[[], Awaitable[Worker]]:
        return lambda: Worker(self._app.queue, lease=LEASE, concurrency=concurrency).__aenter__()


async def persistently(operation: Callable[[], Awaitable[T]]) -> T:
    """Try again until the store answers, as a supervisor would."""
    while True:
        try:
            return await operation()
        except StoreUnavailable:
            await asyncio.sleep(0.01)
