"""What one settle does to one job. Used under the store's lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from aioqueue.drivers.base import Admission, Again, Finished, NewJob, Outcome, Settled, Verdict
from aioqueue.drivers.memory.record import Record, admitted, due_time
from aioqueue.drivers.memory.store import QueueState


def admit(state: QueueState, job: NewJob, now: float) -> tuple[Admission, bool]:
    """Store a job unless its id is taken; answer also whether a worker should know."""
    if job.id in state.shelves.jobs:
        return "present", False
    if state.remains.settled(job.id, now) is not None:
        return "finished", False
    return "accepted", state.shelves.shelve(admitted(job, now), due_time(job.eta, job.delay, now), now)


@dataclass(slots=True)
class Settling:
    """One settle in progress: whom to tell of it when all outcomes are written."""

    state: QueueState
    now: float
    news: list[Settled] = field(default_factory=list)
    stirs: bool = False

    def apply(self, incarnation: str, outcome: Outcome) -> Verdict:
        """End one claim with its outcome."""
        record = self.state.shelves.held(incarnation, outcome.id, outcome.token)
        if record is None:
            return "already" if self.state.remains.spent(outcome.token, self.now) else "lost"
        self.state.shelves.drop_claim(record)
        if isinstance(outcome, Finished):
            self._finish(record, outcome)
        else:
            self._repeat(record, outcome)
        self._succeed(outcome.successors)
        return "settled"

    def _finish(self, record: Record, outcome: Finished) -> None:
        del self.state.shelves.jobs[record.id]
        self.news.append(self.state.remains.bury(record, outcome, self.now))

    def _repeat(self, record: Record, outcome: Again) -> None:
        self.state.remains.spend(outcome.token, self.now)
        if outcome.payload is not None:
            record.payload = outcome.payload
        record.deliveries += outcome.counts == "delivery"
        record.deferrals += outcome.counts == "deferral"
        due_at = due_time(outcome.eta, outcome.delay, self.now)
        self.stirs |= self.state.shelves.shelve(record, due_at, self.now)

    def _succeed(self, successors: Sequence[NewJob]) -> None:
        for job in successors:
            _, stirs = admit(self.state, job, self.now)
            self.stirs |= stirs
