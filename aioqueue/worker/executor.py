"""Executing a claim: read it, run its body, conclude, hand the outcome to the settler."""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial
from typing import Any

from aioqueue.drivers.base import Finished, Outcome
from aioqueue.job import Job
from aioqueue.registry import Registry
from aioqueue.worker.appetite import Appetite
from aioqueue.worker.bodies import Bodies
from aioqueue.worker.capacity import Capacity, Kind
from aioqueue.worker.conclusion import conclude, fail_unread
from aioqueue.worker.ending import Died, Ending, Raised, TimedOut, Unstorable, ending_of
from aioqueue.worker.holdings import Holding
from aioqueue.worker.reading import Readable, read_claim
from aioqueue.worker.settler import Settler
from aioqueue.worker.storeclock import StoreClock

logger = logging.getLogger("aioqueue")


class Executor:
    """Runs the bodies of one incarnation, each in an asyncio.Task of its own that `finish` awaits."""

    def __init__(  # noqa: PLR0917 -- the parts of one incarnation, wired once
        self,
        registry: Registry,
        bodies: Bodies,
        settler: Settler,
        capacity: Capacity,
        clock: StoreClock,
        appetite: Appetite,
    ) -> None:
        self._registry = registry
        self._bodies = bodies
        self._settler = settler
        self._capacity = capacity
        self._clock = clock
        self._appetite = appetite
        self._running: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> int:
        """How many bodies run."""
        return len(self._running)

    def start(self, holding: Holding) -> None:
        """Start a claim's body in a slot, which it gives back at the end."""
        self._capacity.take(holding.kind)
        body = asyncio.get_running_loop().create_task(self._execute(holding))
        holding.body = body
        self._running.add(body)
        body.add_done_callback(partial(self._ended, holding.kind))

    async def finish(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for the running bodies; answer whether all have ended."""
        if self._running:
            await asyncio.wait(self._running, timeout=timeout)
        return not self._running

    async def _execute(self, holding: Holding) -> None:
        started = time.monotonic()
        try:
            outcome = await self._outcome_of(holding)
        except Exception:
            logger.exception("aioqueue itself failed while executing job %s", holding.claim.id)
            outcome = fail_unread(holding.claim, "aioqueue itself failed while executing this job; its log says more")
        if outcome is not None:
            self._settler.put(outcome)
        self._appetite.body_ended(time.monotonic() - started)

    async def _outcome_of(self, holding: Holding) -> Outcome | None:
        reading = read_claim(holding.claim, self._registry, self._clock.now())
        if not isinstance(reading, Readable):
            _report_refusal(reading)
            return reading
        call, task = reading.call, reading.task
        job: Job[Any] = Job(call.claim.id, call.record, task.source, call.claim.priority)
        try:
            ending = await self._bodies.run(task, job, call.record.arguments, call.timeout)
        except asyncio.CancelledError as error:
            if holding.dropped:
                return None
            ending = ending_of(error, call.declared)
        _report(job, ending)
        return conclude(call, ending)

    def _ended(self, kind: Kind, body: asyncio.Task[None]) -> None:
        self._running.discard(body)
        self._capacity.give_back(kind)


def _report(job: Job[Any], ending: Ending) -> None:
    match ending:
        case Raised(error, trace):
            logger.error("job %s of %s raised %s\n%s", job.id, job.task_name, error, trace)
        case TimedOut(after):
            logger.error("job %s of %s was stopped: it ran longer than %g s", job.id, job.task_name, after)
        case Unstorable(error):
            logger.error("job %s of %s failed: %s", job.id, job.task_name, error)
        case Died():
            logger.error("job %s of %s: the process that ran it died", job.id, job.task_name)
        case _:
            logger.debug("job %s of %s ended", job.id, job.task_name)


def _report_refusal(outcome: Outcome) -> None:
    if isinstance(outcome, Finished):
        logger.error("job %s is not run: %s", outcome.id, outcome.dead_reason or outcome.state)
    else:
        logger.warning("job %s is put back: no task or format here that can read it", outcome.id)
