"""What one settle does to one job. Used under the store's lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from aioqueue.drivers.base import Again, Finished, Membership, NewJob, Outcome, Verdict
from aioqueue.drivers.memory.admission import call_back, succeed
from aioqueue.drivers.memory.ending import Ending
from aioqueue.drivers.memory.record import Record, due_time
from aioqueue.drivers.memory.store import QueueState


@dataclass(slots=True)
class Settling:
    """One settle in progress: whom to tell of it when all outcomes are written."""

    state: QueueState
    now: float
    ending: Ending = field(init=False)
    stirs: bool = False

    def __post_init__(self) -> None:
        self.ending = Ending(self.state, self.now)

    def apply(self, incarnation: str, outcome: Outcome) -> Verdict:
        """End one claim with its outcome."""
        record = self.state.shelves.held(incarnation, outcome.id, outcome.token)
        if record is None:
            return "already" if self.state.remains.spent(outcome.token, self.now) else "lost"
        if isinstance(outcome, Finished):
            if outcome.consumes is not None and not self.state.revocations.consume(outcome.consumes, self.now):
                return "unmarked"
        elif record.unwanted is not None:
            outcome = record.unwanted.instead_of(outcome)
        self.state.shelves.drop_claim(record)
        self.state.remains.spend(outcome.token, self.now)
        if isinstance(outcome, Finished):
            self._finish(record, outcome)
        else:
            self._repeat(record, outcome)
        self._succeed(outcome.successors)
        self.ending.abandon_places()
        return "settled"

    def _finish(self, record: Record, outcome: Finished) -> None:
        self.ending.end(record, outcome)
        if outcome.dead_reason:
            self.state.remains.keep_dead(record, outcome.dead_reason, self.now)
        self.ending.end_waiting(outcome.ends)
        if outcome.member is not None:
            self._contribute(outcome.member, outcome.outcome)

    def _contribute(self, member: Membership, value: bytes) -> None:
        chord = self.state.chords.get(member.chord)
        callback = self.state.shelves.waiting.get(member.chord)
        if chord is None or callback is None or not chord.add(member.index, value):
            return
        self.stirs |= call_back(self.state, callback, self.now)

    def _repeat(self, record: Record, outcome: Again) -> None:
        if outcome.payload is not None:
            record.payload = outcome.payload
        record.deliveries += outcome.counts == "delivery"
        record.deferrals += outcome.counts == "deferral"
        due_at = due_time(outcome.eta, outcome.delay, self.now)
        self.stirs |= self.state.shelves.shelve(record, due_at, self.now)

    def _succeed(self, successors: Sequence[NewJob]) -> None:
        for job in successors:
            self.stirs |= succeed(self.state, job, self.now)
