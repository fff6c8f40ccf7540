"""Executing a claim: read it, pass its guards, run its body, conclude, hand the outcome to the settler."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from msgspec import structs

from aioqueue.canvas.job import Job
from aioqueue.drivers.base import Again, Claim, Driver, Finished, Outcome, Revocation
from aioqueue.errors import TaskException
from aioqueue.guards import guards_of
from aioqueue.logtext import one_line
from aioqueue.queue import Queue
from aioqueue.worker.appetite import Appetite
from aioqueue.worker.bodies import Bodies
from aioqueue.worker.capacity import Capacity, Kind
from aioqueue.worker.conclusion import Call, cancel, conclude, give_up
from aioqueue.worker.ending import Ending, Raised, Unstorable
from aioqueue.worker.guarding import Guarding
from aioqueue.worker.herald import Fact, Facts, Herald, facts_of_ending, facts_of_refusal
from aioqueue.worker.holdings import Holding
from aioqueue.worker.mishaps import Mishaps
from aioqueue.worker.reading import Readable, Refused, read_claim
from aioqueue.worker.reporting import report_cancelled, report_end, report_refusal, report_start
from aioqueue.worker.run import Run
from aioqueue.worker.settler import Settler
from aioqueue.worker.storeclock import StoreClock

logger: Final = logging.getLogger("aioqueue")


class Executor:
    """Runs the bodies of one incarnation, each in an asyncio.Task of its own that `finish` awaits."""

    def __init__(  # noqa: PLR0917 -- the parts of one incarnation, wired once
        self,
        queue: Queue,
        driver: Driver,
        bodies: Bodies,
        settler: Settler,
        herald: Herald,
        capacity: Capacity,
        clock: StoreClock,
        appetite: Appetite,
        mishaps: Mishaps | None = None,
    ) -> None:
        self._queue = queue
        self._bodies = bodies
        self._settler = settler
        self._herald = herald
        self._capacity = capacity
        self._clock = clock
        self._appetite = appetite
        self._mishaps = mishaps
        self._guarding = Guarding(driver)
        self._running: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> int:
        """How many bodies run."""
        return len(self._running)

    def start(self, holding: Holding) -> None:
        """Start a claim's body in a slot, which it gives back at the end."""
        self._capacity.take(holding.kind)
        loop = asyncio.get_running_loop()
        body = loop.create_task(self._execute(holding))
        holding.body, holding.since = body, loop.time()
        self._running.add(body)
        body.add_done_callback(partial(self._ended, holding.kind))

    def settle_cancelled(self, holding: Holding) -> None:
        """Settle a claim that was cancelled before it had a slot: it needs none."""
        holding.body = asyncio.get_running_loop().create_task(self._execute(holding))
        self._running.add(holding.body)
        holding.body.add_done_callback(self._running.discard)

    async def finish(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for the running bodies; answer whether all have ended."""
        if self._running:
            await asyncio.wait(self._running, timeout=timeout)
        return not self._running

    async def let_go(self) -> None:
        """Give back the locks that threads still hold which outlived their jobs."""
        await self._guarding.end()

    async def _execute(self, holding: Holding) -> None:
        started = time.monotonic()
        try:
            reading = self._read(holding, holding.claim.revoked)
            while isinstance(reading, Refused) and not await self._refuse(holding.claim, reading):
                reading = self._read(holding, None)
            if isinstance(reading, Readable):
                await self._perform(holding, reading)
        except (Exception, SystemExit):
            logger.exception("aioqueue itself failed while executing job %s", one_line(holding.claim.id))
            reason = "aioqueue itself failed while executing this job; its log says more"
            self._settler.put(give_up(holding.claim, reason, self._queue.serializer))
        self._appetite.body_ended(time.monotonic() - started)

    def _read(self, holding: Holding, mark: Revocation | None) -> Readable | Refused:
        """Read a claim under this mark; what someone has cancelled needs none to be kept from running."""
        claim = holding.claim
        if claim.revoked is not None and (mark is None or holding.is_cancelled()):
            claim = structs.replace(claim, revoked=None)
        return read_claim(claim, self._queue.registry, self._clock.now(), self._queue.serializer)

    async def _refuse(self, claim: Claim, refused: Refused) -> bool:
        """Settle what is not to be run; False if a mark that holds once was to prevent it, and is used up by now."""
        outcome, tell = refused.outcome, self._telling_of_refusal(claim, refused)
        if not isinstance(outcome, Finished) or outcome.consumes is None:
            self._settler.put(outcome, tell)
        elif not await self._settler.put_marked(outcome, tell):
            return False
        report_refusal(claim, refused)
        if self._mishaps is not None:
            self._mishaps.note_refusal(claim.id, claim.task, refused)
        return True

    def _telling_of_refusal(self, claim: Claim, refused: Refused) -> Callable[[], Awaitable[None]] | None:
        if refused.call is None or not self._herald.is_needed:
            return None
        task = self._queue.registry.get(refused.call.record.task)  # of the record: a store may say what it likes
        assert task is not None
        job: Job[Any] = Job(claim.id, refused.call.record, task.source, claim.priority)
        return partial(self._herald.tell, job, facts_of_refusal(refused.outcome, None))

    async def _perform(self, holding: Holding, ready: Readable) -> None:
        call = ready.call
        job: Job[Any] = Job(call.claim.id, call.record, ready.task.source, call.claim.priority)
        if holding.is_cancelled():
            self._cancel(job, call, None)
            return
        run = Run(ready.task, job, ready.arguments, call.timeout, self._queue.hooks)
        report_start(run)
        holding.interruptible = True
        try:
            ending = await self._run(run)
        except asyncio.CancelledError as error:
            if holding.dropped and not holding.is_cancelled():
                await self._interrupt(job)
                return
            ending = run.raised(error)
        finally:
            holding.interruptible = False
        if holding.is_cancelled():  # whatever the body made of it
            self._cancel(job, call, _age(holding))
        else:
            await self._conclude(holding, run, call, ending)

    async def _conclude(self, holding: Holding, run: Run, call: Call, ending: Ending) -> None:
        outcome = conclude(call, ending)
        report_end(run.job, ending, outcome, _age(holding))
        if self._mishaps is not None:
            self._mishaps.note_ending(run, ending)
        if not self._herald.is_needed:
            self._settler.put(outcome)
            return
        facts = facts_of_ending(ending, _told(run, ending), outcome)
        if isinstance(outcome, Finished):
            self._put(run.job, outcome, facts)
        else:
            await self._put_again(holding, run.job, call, outcome, facts)

    async def _run(self, run: Run) -> Ending:
        """Pass the guards and the async hooks, then run the body: what they raise is an ending of the job too."""
        guards = guards_of(run.task.fn)
        if self._herald.is_needed:
            await self._herald.tell(run.job, (Fact("executing"),))
        body = self._run_hooked if run.hooks.on_loop else self._bodies.run
        return await (self._guarding.run(run, guards, body) if guards else body(run))

    async def _run_hooked(self, run: Run) -> Ending:
        ending = await self._bodies.run(run)
        if run.is_let_in:
            await run.hooks.after(run.job, run.value, run.error)
        return ending

    def _cancel(self, job: Job[Any], call: Call, after: float | None) -> None:
        report_cancelled(job, after)
        if self._mishaps is not None:
            self._mishaps.forget(job.id)
        self._put(job, cancel(call), (Fact("canceled"),))

    def _put(self, job: Job[Any], outcome: Outcome, facts: Facts) -> None:
        """Settle an outcome, and tell of it when it can be read."""
        self._settler.put(outcome, partial(self._herald.tell, job, facts) if self._herald.is_needed else None)

    async def _put_again(self, holding: Holding, job: Job[Any], call: Call, again: Again, facts: Facts) -> None:
        """Tell of another try before anybody can start it, and settle it; unless a cancellation comes meanwhile."""
        try:
            await self._herald.tell(job, facts)
        finally:
            if holding.is_cancelled():
                self._cancel(job, call, _age(holding))
            else:
                self._settler.put(again)

    async def _interrupt(self, job: Job[Any]) -> None:
        if self._herald.is_needed:
            await self._herald.tell(job, (Fact("interrupted"),))

    def _ended(self, kind: Kind, body: asyncio.Task[None]) -> None:
        self._running.discard(body)
        self._capacity.give_back(kind)


def _age(holding: Holding) -> float:
    return asyncio.get_running_loop().time() - holding.since


def _told(run: Run, ending: Ending) -> BaseException | None:
    """Return the error that signal handlers are given; a child process's is known as data only."""
    if run.error is not None:
        return run.error
    return TaskException(ending.error) if isinstance(ending, Raised | Unstorable) else None
