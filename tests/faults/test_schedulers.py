"""Five workers fire one periodic task, while chance kills and freezes them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from aioqueue import JobState
from tests.faults.application import add_beat
from tests.faults.beats import Beats
from tests.faults.processes import Process
from tests.faults.scale import scaled
from tests.faults.trial import LEASE, Row, Trial, trial

pytestmark = pytest.mark.asyncio

WORKERS = 5
SLOTS = scaled(60, 1_000)
STEP_MS = 50  # a hundred slots are kept for whoever comes late: five seconds
LEAD = 2
PAUSE = scaled(0.3, 1.0)


async def test_each_slot_is_fired_once(store_url: str, tmp_path: Path, seed: int) -> None:
    async with trial(store_url, tmp_path, Row(17, "five schedulers, killed and frozen by chance", seed)) as run:
        beats = Beats(int(time.time()) + LEAD, STEP_MS, SLOTS)
        ids = await announce(run, beats)
        chaos = Chaos(run, beats)
        await chaos.begin()
        while time.time() < beats.slot(SLOTS).timestamp():
            await chaos.strike()
        await chaos.end()
        await until_known(run, ids)
        await run.learn([run.adopt(run.app.queue.result(job_id)) for job_id in ids])
        report = await run.conclude()
    assert report.executions.keys() == set(ids), "each slot has run, and nothing else"
    assert report.repeats <= report.reaped, "none has run twice but what a worker had in hand when it was lost"
    assert report.deaths == []
    assert chaos.kills
    assert chaos.freezes


async def announce(run: Trial, beats: Beats) -> list[str]:
    """Have the schedule begin now, before any worker is there: no slot that comes is one from before its time.

    Returns the ids of all jobs there will be: of the slot that is fired here, and of all others.
    """
    periodic = add_beat(run.app.queue, run.receipts, beats)
    driver = (await run.app.queue.session()).driver
    mark = time.time() - 1
    job = periodic.job_for(mark)
    assert await driver.fire(periodic.name, mark, job.new_job())
    return [job.new_job().id, *(periodic.job_for(beats.slot(n).timestamp()).new_job().id for n in range(beats.count))]


class Chaos:
    """Kills workers, each with another in its place, and freezes some, but never all."""

    def __init__(self, run: Trial, beats: Beats) -> None:
        self.kills = self.freezes = 0
        self._run = run
        self._beats = beats
        self._ready: list[Process] = []
        self._frozen: dict[Process, asyncio.Task[None]] = {}
        self._starting: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        self._ready += await self._run.start_workers(WORKERS, beats=self._beats)

    async def strike(self) -> None:
        """Wait for a while, then do something to somebody."""
        random = self._run.random
        await asyncio.sleep(random.uniform(0.2, 1.0) * PAUSE)
        victim = random.choice(self._ready)
        if len(set(self._ready) - self._frozen.keys() - {victim}) == 0:
            return
        if self.freezes > self.kills or (self.freezes and random.random() < 0.5):
            self._kill(victim)
        elif victim not in self._frozen:
            self._freeze(victim, random.uniform(0.1, 1.5) * LEASE)

    async def end(self) -> None:
        """Let everybody go on."""
        await asyncio.gather(*self._frozen.values(), *self._starting)

    def _kill(self, victim: Process) -> None:
        self.kills += 1
        victim.kill()
        self._ready.remove(victim)
        self._starting.append(asyncio.create_task(self._start_another()))

    async def _start_another(self) -> None:
        self._ready.append(await self._run.start_worker(beats=self._beats))

    def _freeze(self, victim: Process, seconds: float) -> None:
        self.freezes += 1
        victim.freeze()
        self._frozen[victim] = asyncio.create_task(self._thaw(victim, seconds))

    async def _thaw(self, victim: Process, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if victim.is_alive:
            victim.thaw()
        self._frozen.pop(victim)


async def until_known(run: Trial, ids: list[str]) -> None:
    """Wait until the store has heard of every job; a slot that was passed over is never heard of."""
    driver = (await run.app.queue.session()).driver
    last = ids[-1]
    async with asyncio.timeout(20):
        while await driver.state(last) is JobState.UNKNOWN:  # noqa: ASYNC110 -- a firing in another process
            await asyncio.sleep(0.05)
    states = await asyncio.gather(*(driver.state(job_id) for job_id in ids))
    assert [job_id for job_id, state in zip(ids, states, strict=True) if state is JobState.UNKNOWN] == []
