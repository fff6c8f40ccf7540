"""A queue in its simplest form, to hold a driver against: slow, single-minded, and easy to see through.

Time is a number that only `shift` moves; `due` is a time of this kind. Where the contract leaves an order open (that of
suspects of one priority) the model leaves it open as well: `claimed` takes over what the driver chose.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aioqueue.drivers.base import (
    Admitted,
    Again,
    Cancelled,
    Claim,
    Ended,
    Finished,
    NewJob,
    Outcome,
    Revocation,
    Settled,
    Shelf,
    Unwanted,
    Verdict,
)
from aioqueue.states import JobState


@dataclass
class ModelJob:
    """A live job; `place` orders the jobs of one priority, `awaits` is the job that one which waits has to wait for."""

    id: str
    task: str
    payload: bytes
    priority: int
    state: JobState = JobState.UNKNOWN
    place: int = 0
    due: float = 0.0
    deliveries: int = 0
    deferrals: int = 0
    incarnation: str = ""
    token: int = 0
    batch: int = 0
    unique: str = ""
    awaits: str = ""


class Model:
    """What a driver must have stored after the same history."""

    def __init__(self) -> None:
        self.time: float = 0.0
        self.jobs: dict[str, ModelJob] = {}
        self.finished: dict[str, Settled] = {}
        self.dead: list[str] = []
        self.leases: dict[str, int] = {}
        self.batches: dict[str, int] = {}
        self.tokens: set[int] = set()
        self.spent: set[int] = set()
        self.asked: dict[int, Unwanted] = {}
        self.marks: dict[str, Revocation] = {}
        self.last_firing: tuple[float, str] | None = None
        self._back = 0
        self._head = 0

    # ------------------------------------------------------------------ jobs
    def enqueue(self, job: NewJob) -> Admitted:
        """Admit one job."""
        if job.id in self.jobs:
            return Admitted("present", job.id)
        if job.id in self.finished:
            return Admitted("finished", job.id)
        for holder in self.jobs.values():
            if job.unique and holder.unique == job.unique:
                return Admitted("present", holder.id)
        self._shelve(ModelJob(job.id, job.task, job.payload, job.priority, unique=job.unique), job.delay)
        for stage in job.waits:
            self._keep_place(stage, job.id)
        return Admitted("accepted", job.id)

    def cancel(self, ended: Ended, ends: Sequence[Ended]) -> Cancelled:
        """End a job that does not run, or ask one that does."""
        job = self.jobs.get(ended.id)
        if job is None:
            return "finished" if ended.id in self.finished else "unknown"
        if job.state is JobState.RUNNING:
            self.asked[job.token] = Unwanted(ended, tuple(ends))
            return "asked"
        self._end(job, ended)
        self._end_waiting(ends)
        self._give_up_places()
        return "cancelled"

    def reschedule(self, job_id: str, delay: float) -> bool:
        """Give a scheduled job another due time."""
        if job_id not in {job.id for job in self.scheduled()}:
            return False
        self._shelve(self.jobs[job_id], delay)
        return True

    def fire(self, slot: float, job: NewJob) -> bool:
        """Enqueue the job of a slot."""
        if self.last_firing is not None and slot <= self.last_firing[0]:
            return self.last_firing == (slot, job.id)
        self.last_firing = (slot, job.id)
        self.enqueue(job)
        return True

    def replay(self, job_id: str, job: NewJob) -> bool:
        """Enqueue a job that is new to the store in place of a dead letter."""
        if job_id not in self.dead:
            return False
        self.dead.remove(job_id)
        self.enqueue(job)
        return True

    def promote(self, limit: int) -> None:
        """Queue what is due."""
        for job in self.scheduled()[:limit]:
            if job.due <= self.time:
                self._queue(job)

    def due_now(self) -> bool | None:
        """Tell whether the next scheduled job is due, None if there is none."""
        scheduled = self.scheduled()
        return scheduled[0].due <= self.time if scheduled else None

    # ------------------------------------------------------------------ claims
    def offered(self, limit: int, suspects: int) -> tuple[list[int], list[str]]:
        """Return what a claim must give: the priorities of its suspects, then the ids of the others."""
        first = self.suspects()[: min(limit, suspects)]
        return [job.priority for job in first], [job.id for job in self.ready()[: limit - len(first)]]

    def claimed(self, incarnation: str, batch: int, claims: Sequence[Claim]) -> None:
        """Take over a claim that the driver has given."""
        self.batches[incarnation] = batch
        for claim in claims:
            assert claim.token not in self.tokens, f"token {claim.token} was used before"
            self.tokens.add(claim.token)
            job = self.jobs[claim.id]
            job.state, job.incarnation, job.token, job.batch = JobState.RUNNING, incarnation, claim.token, batch

    def held(self, incarnation: str) -> list[ModelJob]:
        """Return the jobs of an incarnation, in the order of their claims."""
        return [job for job in self.running() if job.incarnation == incarnation]

    def settle(self, incarnation: str, outcome: Outcome) -> Verdict:
        """End one claim."""
        job = self._holding(incarnation, outcome.id, outcome.token)
        if job is None:
            return "already" if outcome.token in self.spent else "lost"
        if isinstance(outcome, Finished):
            if outcome.consumes is not None and not self._consume(outcome.consumes):
                return "unmarked"
        elif job.token in self.asked:
            outcome = self.asked[job.token].instead_of(outcome)
        self.spent.add(outcome.token)
        if isinstance(outcome, Finished):
            self._finish(job, outcome)
        else:
            self._repeat(job, outcome)
        for successor in outcome.successors:
            if successor.id in self.waiting():
                del self.jobs[successor.id]
            self.enqueue(successor)
        self._give_up_places()
        return "settled"

    def release(self, incarnation: str, claims: Iterable[tuple[str, int]]) -> int:
        """Hand jobs back."""
        held = [self._holding(incarnation, job_id, token) for job_id, token in claims]
        return self._hand_back([job for job in held if job is not None])

    # ------------------------------------------------------------------ leases
    def register(self, incarnation: str) -> None:
        """Create a lease."""
        self.leases.setdefault(incarnation, 0)

    def renew(self, incarnation: str) -> bool:
        """Extend a lease."""
        if incarnation in self.leases:
            self.leases[incarnation] += 1
        return incarnation in self.leases

    def retire(self, incarnation: str) -> int:
        """End a lease in peace."""
        self.leases.pop(incarnation, None)
        return self._hand_back(self.held(incarnation))

    def reap(self, incarnation: str, counter: int) -> int | None:
        """End a lease whose holder is dead."""
        if self.leases.get(incarnation) != counter:
            return None
        del self.leases[incarnation]
        jobs = self.held(incarnation)
        for job in self._wanted(jobs):
            job.deliveries += 1
            self._queue(job)
        return len(jobs)

    # ------------------------------------------------------------------ looking
    def state(self, job_id: str) -> JobState:
        """Return the state of a job."""
        if job_id in self.jobs:
            return self.jobs[job_id].state
        return self.finished[job_id].state if job_id in self.finished else JobState.UNKNOWN

    def counts(self) -> dict[Shelf, int]:
        """Return how many jobs stand on each shelf."""
        return {
            "queued": len(self.ready()) + len(self.suspects()),
            "scheduled": len(self.scheduled()),
            "running": len(self.running()),
            "dead": len(self.dead),
        }

    def ready(self) -> list[ModelJob]:
        """Return the line of those without a delivery behind them."""
        return sorted((job for job in self._in(JobState.QUEUED) if not job.deliveries), key=in_line)

    def waiting(self) -> set[str]:
        """Return what waits for another job to end."""
        return {job.id for job in self.jobs.values() if job.awaits}

    def asked_of(self, incarnation: str) -> list[str]:
        """Return the jobs that an incarnation was asked to cancel."""
        return [job.id for job in self.held(incarnation) if job.token in self.asked]

    def mark_of(self, job_id: str) -> Revocation | None:
        """Return the mark that holds for a job."""
        return self.marks.get(f"job:{job_id}") or self.marks.get(f"task:{self.jobs[job_id].task}")

    def suspects(self) -> list[ModelJob]:
        """Return the line of suspects."""
        return sorted((job for job in self._in(JobState.QUEUED) if job.deliveries), key=in_line)

    def scheduled(self) -> list[ModelJob]:
        """Return what is not queued yet, earliest first."""
        return sorted((job for job in self._in(JobState.SCHEDULED) if not job.awaits), key=lambda job: job.due)

    def running(self) -> list[ModelJob]:
        """Return what is claimed, in the order of the claims."""
        return sorted(self._in(JobState.RUNNING), key=lambda job: job.token)

    # ------------------------------------------------------------------ moves
    def _in(self, state: JobState) -> list[ModelJob]:
        return [job for job in self.jobs.values() if job.state is state]

    def _holding(self, incarnation: str, job_id: str, token: int) -> ModelJob | None:
        job = self.jobs.get(job_id)
        held = (
            job is not None and job.state is JobState.RUNNING and (job.incarnation, job.token) == (incarnation, token)
        )
        return job if held else None

    def _shelve(self, job: ModelJob, delay: float) -> None:
        self.jobs[job.id] = job
        if delay > 0:
            job.state, job.due, job.incarnation = JobState.SCHEDULED, self.time + delay, ""
        else:
            self._queue(job)

    def _queue(self, job: ModelJob) -> None:
        self._back += 1
        job.state, job.place, job.incarnation = JobState.QUEUED, self._back, ""

    def _hand_back(self, jobs: Sequence[ModelJob]) -> int:
        for job in sorted(self._wanted(jobs), key=lambda job: -job.token):
            self._head -= 1
            job.state, job.place, job.incarnation = JobState.QUEUED, self._head, ""
        return len(jobs)

    def _finish(self, job: ModelJob, outcome: Finished) -> None:
        self._end(job, outcome)
        if outcome.dead_reason:
            self.dead.insert(0, job.id)
        self._end_waiting(outcome.ends)

    def _consume(self, mark: Revocation) -> bool:
        standing = self.marks.get(mark.target)
        if standing is None or (standing.once and standing != mark):
            return False
        if standing.once:
            del self.marks[mark.target]
        return True

    def _wanted(self, jobs: Sequence[ModelJob]) -> list[ModelJob]:
        """End those that someone asked to cancel, and return the others."""
        for job in jobs:
            if job.token in self.asked:
                self._end(job, self.asked[job.token].ended)
                self._end_waiting(self.asked[job.token].ends)
        self._give_up_places()
        return [job for job in jobs if job.token not in self.asked]

    def _end(self, job: ModelJob, ended: Finished | Ended) -> None:
        del self.jobs[job.id]
        self.marks.pop(f"job:{job.id}", None)
        self.finished[job.id] = Settled(job.id, ended.state, ended.outcome if ended.result_ttl else b"")

    def _end_waiting(self, ends: Sequence[Ended]) -> None:
        for ended in ends:
            if ended.id in self.waiting():
                self._end(self.jobs[ended.id], ended)

    def _keep_place(self, stage: str, awaits: str) -> None:
        if stage in self.waiting():
            self.jobs[stage].awaits = awaits
        elif stage not in self.jobs and stage not in self.finished:
            self.jobs[stage] = ModelJob(stage, "", b"", 0, JobState.SCHEDULED, awaits=awaits)

    def _give_up_places(self) -> None:
        for job in [job for job in self.jobs.values() if job.awaits and job.awaits not in self.jobs]:
            del self.jobs[job.id]
            self.marks.pop(f"job:{job.id}", None)

    def _repeat(self, job: ModelJob, outcome: Again) -> None:
        job.payload = job.payload if outcome.payload is None else outcome.payload
        job.deliveries += outcome.counts == "delivery"
        job.deferrals += outcome.counts == "deferral"
        self._shelve(job, outcome.delay)


def in_line(job: ModelJob) -> tuple[int, int]:
    """Return the key of the line's order."""
    return (-job.priority, job.place)
