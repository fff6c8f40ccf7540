"""What the store said it did, call by call, and whether it may have done that: kept outside of the store."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from aioqueue.drivers.base import (
    Admitted,
    Cancelled,
    Claimed,
    Ended,
    Finished,
    NewChord,
    NewJob,
    Outcome,
    Renewal,
    Verdict,
)

EARLY: Final = 1e-6


class Ledger:
    """Notes each effect at the moment it takes effect, whether its answer arrives or not; `wrongs` are impossible.

    `retried`, `reaped`, `returned` count by job: outcomes after which it ran again, claims that reaps ended, claims
    that ended by a release or with their lease. `stopped` are jobs that somebody cancelled, `slots` those fired.
    """

    def __init__(self) -> None:
        self.wrongs: list[str] = []
        self.retried: Counter[str] = Counter()
        self.reaped: Counter[str] = Counter()
        self.returned: Counter[str] = Counter()
        self.tokens: defaultdict[str, set[int]] = defaultdict(set)
        self.ended: dict[str, str] = {}
        self.stopped: set[str] = set()
        self.marked: set[str] = set()
        self.slots: defaultdict[str, list[float]] = defaultdict(list)
        self.expires_at: dict[str, float] = {}
        self.tasks: dict[str, str] = {}
        self._due_at: dict[str, float] = {}
        self._last_batch: dict[str, int] = {}
        self._batches: defaultdict[tuple[str, int], set[int]] = defaultdict(set)
        self._renewals: Counter[str] = Counter()
        self._settled: set[int] = set()
        self._holder: dict[str, tuple[str, int]] = {}
        self._keys: dict[str, str] = {}

    @property
    def entered(self) -> tuple[str, ...]:
        """Every job that was stored, but for those that were never more than a place in line for a later stage."""
        return tuple(self._due_at)

    # ------------------------------------------------------------------ jobs
    def enqueue(self, now: float, answers: list[Admitted], jobs: Sequence[NewJob], _: Sequence[NewChord] = ()) -> None:
        for job, answer in zip(jobs, answers, strict=True):
            if answer.admission == "accepted":
                self._enter(now, job)

    def fire(self, now: float, fired: bool, schedule: str, slot: float, job: NewJob) -> None:
        if fired and slot not in self.slots[schedule]:
            if self.slots[schedule] and slot < self.slots[schedule][-1]:
                self.wrongs.append(f"{schedule} fired its slot {slot} after {self.slots[schedule][-1]}")
            self.slots[schedule].append(slot)
            self._enter(now, job)

    def reschedule(self, now: float, done: bool, job_id: str, delay: float, eta: float) -> None:
        if done:
            self._due_at[job_id] = max(eta, now + delay)

    def cancel(self, now: float, answer: Cancelled, ended: Ended, ends: Sequence[Ended] = ()) -> None:
        if answer in ("cancelled", "asked"):
            self.stopped |= {ended.id, *(each.id for each in ends)}
        if answer == "cancelled":
            self._end(ended.id, "cancelled")

    def revoke(self, now: float, _: None, target: str, *rest: object, **options: object) -> None:
        self.marked.add(target)

    # ------------------------------------------------------------------ claims
    def claim(self, now: float, claimed: Claimed, incarnation: str, batch: int, *_: object) -> None:
        self._compare_with_the_last_batch(claimed, incarnation, batch)
        for claim in claimed.jobs:
            holder = (incarnation, claim.token)
            if self._holder.get(claim.id, holder) != holder:
                self.wrongs.append(f"{claim.id} is given to {holder} while {self._holder[claim.id]} has it")
            if claim.id in self.ended:
                self.wrongs.append(f"{claim.id} is given out although it has ended: {self.ended[claim.id]}")
            if now < self._due_at.get(claim.id, 0.0) - EARLY:
                self.wrongs.append(f"{claim.id} is given out {self._due_at[claim.id] - now:.3f} s before it is due")
            self.tokens[claim.id].add(claim.token)
            self._holder[claim.id] = holder
            self.expires_at[claim.id] = claim.expires_at
            self.tasks[claim.id] = claim.task

    def claim_when_woken(self, now: float, claimed: Claimed, incarnation: str, batch: int, *_: object) -> None:
        self.claim(now, claimed, incarnation, batch)

    def settle(self, now: float, verdicts: list[Verdict], incarnation: str, outcomes: Sequence[Outcome]) -> None:
        for outcome, verdict in zip(outcomes, verdicts, strict=True):
            if verdict == "settled":
                self._settle(now, incarnation, outcome)
            elif (verdict == "already") != (outcome.token in self._settled):
                self.wrongs.append(f"a settle of {outcome.id} with the token {outcome.token} is answered {verdict!r}")

    def renew(self, now: float, renewal: Renewal, incarnation: str, *_: object) -> None:
        self._renewals[incarnation] += renewal.alive

    def reap(self, now: float, jobs: int | None, held: Mapping[str, int], incarnation: str, counter: int) -> None:
        if jobs is None:
            return
        if counter != self._renewals[incarnation]:
            self.wrongs.append(
                f"{incarnation} is reaped, seen at {counter}, and has got to {self._renewals[incarnation]}"
            )
        self.reaped.update(held.keys())
        self._drop(held)

    def retire(self, now: float, jobs: int, held: Mapping[str, int], *_: object) -> None:
        self.returned.update(held.keys())
        self._drop(held)

    def release(self, now: float, jobs: int, held: Mapping[str, int], *_: object) -> None:
        self.returned.update(held.keys())
        self._drop(held)

    # ------------------------------------------------------------------ steps
    def _compare_with_the_last_batch(self, claimed: Claimed, incarnation: str, batch: int) -> None:
        tokens, given = {claim.token for claim in claimed.jobs}, self._batches[incarnation, batch]
        last = self._last_batch.get(incarnation, batch - 1)
        if last >= batch and not tokens <= given:
            self.wrongs.append(f"{incarnation} repeats its batch {batch} and is given others than before")
        self._last_batch[incarnation] = max(last, batch)
        given |= tokens

    def _settle(self, now: float, incarnation: str, outcome: Outcome) -> None:
        holder = self._holder.pop(outcome.id, None)
        if holder != (incarnation, outcome.token):
            self.wrongs.append(f"{outcome.id} is settled by {incarnation, outcome.token} while {holder} has it")
        self._settled.add(outcome.token)
        if isinstance(outcome, Finished):
            self._end(outcome.id, outcome.state)
        elif outcome.id not in self.stopped:
            self.retried[outcome.id] += 1
            self._due_at[outcome.id] = max(outcome.eta, now + outcome.delay)
        for job in outcome.successors:
            self._enter(now, job)

    def _enter(self, now: float, job: NewJob) -> None:
        self._due_at[job.id] = max(job.eta, now + job.delay)
        if not job.unique:
            return
        holder = self._keys.get(job.unique)
        if holder is not None and holder != job.id and holder not in self.ended:
            self.wrongs.append(f"{job.id} is stored although {holder} has its key {job.unique!r} and lives")
        self._keys[job.unique] = job.id

    def _end(self, job_id: str, how: str) -> None:
        if job_id in self.ended:
            self.wrongs.append(f"{job_id} ended twice: {self.ended[job_id]}, then {how}")
        self.ended[job_id] = str(how)

    def _drop(self, held: Mapping[str, int]) -> None:
        for job_id in held:
            self._holder.pop(job_id, None)
