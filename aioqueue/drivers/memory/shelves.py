"""The live jobs of one queue and the moves between their shelves. Used under the store's lock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final

from aioqueue.drivers.memory.line import Line
from aioqueue.drivers.memory.record import Record
from aioqueue.drivers.memory.schedule import Schedule
from aioqueue.states import JobState


class Shelves:
    """Each live job stands in exactly one place: the schedule, one of two lines, its incarnation's claims, or aside.

    Aside stands what waits for another job to end. `keys` names the live job of each `unique` key.
    """

    def __init__(self) -> None:
        self.jobs: dict[str, Record] = {}
        self.keys: dict[str, str] = {}
        self.waiting: dict[str, Record] = {}
        self.schedule: Final = Schedule()
        self.ready: Final = Line()
        self.suspects: Final = Line()
        self.claims: dict[str, dict[str, Record]] = {}

    def enter(self, record: Record) -> None:
        """Make a job a live one; it stands nowhere yet."""
        self.jobs[record.id] = record
        if record.unique:
            self.keys[record.unique] = record.id

    def leave(self, record: Record) -> None:
        """End the life of a job that stands nowhere; its key is free again."""
        del self.jobs[record.id]
        if record.unique:
            del self.keys[record.unique]

    def set_aside(self, record: Record) -> None:
        """Let a job wait."""
        record.state = JobState.SCHEDULED
        self.waiting[record.id] = record

    def withdraw(self, record: Record) -> None:
        """Take a job that does not run from where it stands; it then stands nowhere."""
        if self.waiting.pop(record.id, None) is not None:
            return
        if record.state is JobState.SCHEDULED:
            self.schedule.remove(record)
        else:
            self._line_of(record).remove(record)

    def shelve(self, record: Record, due_at: float, now: float) -> bool:
        """Queue or schedule a job that stands nowhere; answer whether a worker should know."""
        if due_at <= now:
            self.queue(record)
            return True
        record.state = JobState.SCHEDULED
        return self.schedule.add(record, due_at)

    def queue(self, record: Record) -> None:
        """Stand a job at the back of its line."""
        record.state = JobState.QUEUED
        record.due_at = 0.0
        self._line_of(record).append(record)

    def hand_back(self, records: Iterable[Record]) -> None:
        """Stand jobs that have lost their claims at the head of their lines, in the order of their claims."""
        for record in sorted(records, key=lambda each: each.token, reverse=True):
            record.state = JobState.QUEUED
            self._line_of(record).prepend(record)

    def take(self, limit: int, suspects: int) -> list[Record]:
        """Remove up to `limit` jobs from the lines, suspects first."""
        taken = self.suspects.take(min(limit, suspects))
        return taken + self.ready.take(limit - len(taken))

    def offers(self, taken: Sequence[Record], suspects: int) -> bool:
        """Tell whether a claim that took `taken` could have taken more with a larger limit."""
        return bool(self.ready or (self.suspects and sum(record.deliveries > 0 for record in taken) < suspects))

    def give(self, record: Record, incarnation: str, token: int, batch: int) -> None:
        """Let an incarnation run a job that was taken."""
        record.state = JobState.RUNNING
        record.incarnation, record.token, record.batch = incarnation, token, batch
        self.claims.setdefault(incarnation, {})[record.id] = record

    def held(self, incarnation: str, job_id: str, token: int) -> Record | None:
        """Return the job if this very claim holds it."""
        record = self.claims.get(incarnation, {}).get(job_id)
        return record if record is not None and record.token == token else None

    def unwanted(self, incarnation: str) -> list[str]:
        """Return the jobs of an incarnation that someone asked to cancel."""
        return [record.id for record in self.claims.get(incarnation, {}).values() if record.unwanted]

    def drop_claim(self, record: Record) -> None:
        """End a claim; the job then stands nowhere."""
        held = self.claims[record.incarnation]
        del held[record.id]
        if not held:
            del self.claims[record.incarnation]
        record.incarnation = ""

    def drop_claims(self, incarnation: str) -> list[Record]:
        """End all claims of an incarnation, and return their jobs in the order of the claims."""
        records = sorted(self.claims.pop(incarnation, {}).values(), key=lambda each: each.token)
        for record in records:
            record.incarnation = ""
        return records

    @property
    def queued(self) -> list[Record]:
        """All queued jobs in line order, suspects first."""
        return [*self.suspects, *self.ready]

    @property
    def scheduled(self) -> list[Record]:
        """All scheduled jobs, earliest first."""
        return sorted(self.schedule, key=lambda record: (record.due_at, record.place))

    @property
    def running(self) -> list[Record]:
        """All running jobs, in the order of their claims."""
        held = chain.from_iterable(claims.values() for claims in self.claims.values())
        return sorted(held, key=lambda record: record.token)

    def _line_of(self, record: Record) -> Line:
        return self.suspects if record.deliveries else self.ready
