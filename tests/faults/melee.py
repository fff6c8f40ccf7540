"""A melee: workers, cancellers, reapers and producers of the same ids, each on a driver of its own, all at once.

What happened is judged from the answers each of them was given; the store is asked only for what it says in the end.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from aioqueue.drivers.base import DONE_MARKER_TTL, Again, Claim, Driver, Ended, Finished, NewJob, Outcome, Settled
from aioqueue.ids import new_id
from aioqueue.states import TERMINAL, JobState

LEASE = 30.0
KEPT = 60.0
PAUSE = 0.003


@dataclass(frozen=True)
class Odds:
    """How often: the first three of all claims, which finish their job otherwise; the others of all jobs.

    Beside that, workers send settles for claims that have ended before, and the jobs bear the ids of others that were
    cancelled in the line and are forgotten.
    """

    retries: float = 0.0
    releases: float = 0.0
    deaths: float = 0.0
    cancels: float = 0.0
    repeats: float = 0.0


@dataclass
class Answers:
    """What the store said to each who took part, by job: claims and settles as their tokens."""

    accepted: Counter[str] = field(default_factory=Counter)
    cancels: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    claims: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    settled: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    finished: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    stale: Counter[str] = field(default_factory=Counter)


class Melee:
    """One melee over jobs of these ids. The last of the drivers belongs to no worker."""

    def __init__(self, drivers: Sequence[Driver], random: Random, odds: Odds, ids: Sequence[str]) -> None:
        self.answers = Answers()
        *self._workers, self._outsider = drivers
        self._random = random
        self._odds = odds
        self._ids = ids
        self._others_done = asyncio.Event()

    async def fight(self) -> None:
        """Let all run until every job has ended."""
        await self._cancel_former_bearers()
        await self._enqueue(self._ids)
        working = [asyncio.create_task(self._work(driver)) for driver in self._workers]
        await asyncio.gather(*self._cancellers(), *self._producers())
        self._others_done.set()
        await asyncio.gather(*working)

    async def complaints(self) -> list[str]:
        """Return what the answers and the store's last word do not agree on."""
        verdicts = [await verdict_on(job_id, self.answers, self._outsider) for job_id in self._ids]
        return [complaint for verdict in verdicts for complaint in verdict]

    async def _cancel_former_bearers(self) -> None:
        """Have jobs of the same ids cancelled so long ago that the ids are free, though they may stand in the line."""
        await self._outsider.enqueue([NewJob(job_id, "task", b"former") for job_id in self._ids])
        for job_id in self._ids:
            assert await self._outsider.cancel(Ended(job_id, JobState.CANCELLED)) == "cancelled"
        await self._outsider.shift(DONE_MARKER_TTL + 1)

    # ------------------------------------------------------------------ those who take part
    def _cancellers(self) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(self._cancel(job_id)) for job_id in self._often(self._odds.cancels)]

    def _producers(self) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(self._repeat(job_id)) for job_id in self._often(self._odds.repeats)]

    def _often(self, times: float) -> list[str]:
        return self._random.choices(self._ids, k=round(times * len(self._ids)))

    async def _cancel(self, job_id: str) -> None:
        await self._pause(3)
        answer = await self._outsider.cancel(Ended(job_id, JobState.CANCELLED, b"cancelled", KEPT))
        self.answers.cancels[job_id][answer] += 1

    async def _repeat(self, job_id: str) -> None:
        await self._pause(3)
        await self._enqueue([job_id])

    async def _enqueue(self, ids: Sequence[str]) -> None:
        for admitted in await self._outsider.enqueue([NewJob(job_id, "task", b"payload") for job_id in ids]):
            self.answers.accepted[admitted.id] += admitted.admission == "accepted"

    async def _work(self, driver: Driver) -> None:
        """Be one incarnation after another; whoever dies is reaped while it still settles."""
        while not await self._is_over(driver):
            incarnation = new_id()
            await driver.register(incarnation, LEASE, b"")
            batch, ended = 0, list[Claim]()
            while not await self._is_over(driver):
                await self._pause()
                batch += 1
                claimed = await driver.claim(incarnation, batch, self._random.randrange(1, 5), 4)
                await self._settle_again(driver, incarnation, claimed.jobs, ended)
                settling = self._settle(driver, incarnation, claimed.jobs)
                if claimed.jobs and self._random.random() < self._odds.deaths:
                    await asyncio.gather(settling, self._reap(incarnation))
                    break
                await settling
                ended += claimed.jobs
            await driver.retire(incarnation)

    async def _settle(self, driver: Driver, incarnation: str, claims: Sequence[Claim]) -> None:
        for claim in claims:
            self.answers.claims[claim.id].append(claim.token)
            await self._pause()
            if self._random.random() < self._odds.releases:
                await driver.release(incarnation, {claim.id: claim.token})
                continue
            outcome = self._outcome_of(claim)
            (verdict,) = await driver.settle(incarnation, [outcome])
            if verdict in ("settled", "already"):
                self.answers.settled[claim.id].add(claim.token)
                if isinstance(outcome, Finished):
                    self.answers.finished[claim.id].add(claim.token)

    async def _settle_again(
        self, driver: Driver, incarnation: str, held: Sequence[Claim], ended: Sequence[Claim]
    ) -> None:
        """Settle some of what this incarnation has settled or released before, and all of it that it holds again."""
        held_again = [claim for claim in ended if claim.id in {new.id for new in held}]
        for claim in [*held_again, *self._random.sample(ended, min(1, len(ended)))]:
            outcome = Finished(claim.id, claim.token, JobState.FAILED, b"stale", KEPT)
            self.answers.stale[claim.id] += await driver.settle(incarnation, [outcome]) == ["settled"]

    def _outcome_of(self, claim: Claim) -> Outcome:
        successors = (NewJob(successor(claim.id, claim.token), "task", b""),) if claim.id in self._ids else ()
        if claim.id in self._ids and self._random.random() < self._odds.retries:
            return Again(claim.id, claim.token, delay=self._random.choice([0.0, PAUSE]), successors=successors)
        value = str(claim.token).encode()
        return Finished(claim.id, claim.token, JobState.SUCCEEDED, value, KEPT, successors=successors)

    async def _reap(self, incarnation: str) -> None:
        await self._pause()
        for lease in await self._outsider.leases():
            if lease.incarnation == incarnation:
                await self._outsider.reap(incarnation, lease.counter)

    async def _is_over(self, driver: Driver) -> bool:
        await driver.promote(100)
        counts = await driver.counts()
        return self._others_done.is_set() and counts["queued"] == counts["scheduled"] == counts["running"] == 0

    async def _pause(self, times: float = 1.0) -> None:
        await asyncio.sleep(self._random.choice([0.0, self._random.uniform(0.0, times * PAUSE)]))


def successor(job_id: str, token: int) -> str:
    """Return the id of the job that a claim enqueues when it settles: each claim another."""
    return f"{job_id}-next-{token}"


async def verdict_on(job_id: str, answers: Answers, driver: Driver) -> list[str]:
    """Return what is wrong with one job that has ended."""
    state, (settled,) = await driver.state(job_id), await driver.results([job_id])
    followed = {token for token in answers.claims[job_id] if await driver.state(successor(job_id, token)) in TERMINAL}
    checks = {
        "was not accepted once": answers.accepted[job_id] == 1,
        "was claimed twice with one token": len(answers.claims[job_id]) == len(set(answers.claims[job_id])),
        "has not ended": state in TERMINAL and settled is not None,
        "ended as nobody was told": settled is not None and is_told(job_id, answers, settled),
        "was settled by a claim that had ended": not answers.stale[job_id],
        "has other successors than settles": followed == answers.settled[job_id],
    }
    story = (
        f"{state}, {settled}, successors of {followed}; told: accepted {answers.accepted[job_id]} times, "
        f"claims {answers.claims[job_id]}, settled {answers.settled[job_id]}, finished {answers.finished[job_id]}, "
        f"cancels {dict(answers.cancels[job_id])}"
    )
    return [f"{job_id} {complaint}: {story}" for complaint, is_right in checks.items() if not is_right]


def is_told(job_id: str, answers: Answers, settled: Settled) -> bool:
    """Whether exactly one of those who took part was told that this is the end, and nobody of another."""
    cancels, finished = answers.cancels[job_id], answers.finished[job_id]
    if settled.state is JobState.SUCCEEDED:
        return finished == {int(settled.outcome)} and cancels["cancelled"] == 0
    return not finished and (cancels["cancelled"] == 1 or (cancels["cancelled"] == 0 and cancels["asked"] > 0))
