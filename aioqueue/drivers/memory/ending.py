"""How live jobs end. Used under the store's lock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from aioqueue.drivers.base import Cancelled, Ended, Finished, Settled, Unwanted
from aioqueue.drivers.memory.record import Record
from aioqueue.drivers.memory.store import QueueState
from aioqueue.states import JobState


@dataclass(slots=True)
class Ending:
    """Ends in progress: whom to tell of them, and whose later stages may have nothing to wait for any more."""

    state: QueueState
    now: float
    news: list[Settled] = field(default_factory=list)
    _gone: list[Record] = field(default_factory=list)

    def end(self, record: Record, ended: Finished | Ended) -> None:
        """End a job that stands nowhere any more."""
        self.state.shelves.leave(record)
        self.state.chords.pop(record.id, None)
        self.state.revocations.forget_job(record.id)
        self.news.append(self.state.remains.bury(ended, self.now))
        self._gone.append(record)

    def end_waiting(self, ends: Sequence[Ended]) -> None:
        """End those of these jobs that wait."""
        for ended in ends:
            record = self.state.shelves.waiting.pop(ended.id, None)
            if record is not None:
                self.end(record, ended)

    def abandon_places(self) -> None:
        """Drop the places that still wait for what has ended: after the ends and successors of the same step."""
        for awaited in self._gone:
            for job_id in awaited.waits:
                record = self.state.shelves.waiting.get(job_id)
                if record is not None and record.awaits == awaited.id:
                    self.state.shelves.withdraw(record)
                    self.state.shelves.leave(record)
                    self.state.revocations.forget_job(record.id)
        self._gone.clear()


def cancel(state: QueueState, ended: Ended, ends: Sequence[Ended], now: float) -> Cancelled:
    """End a job that does not run, and `ends` with it; of one that runs, ask for it."""
    record = state.shelves.jobs.get(ended.id)
    if record is None:
        return "unknown" if state.remains.state(ended.id, now) is JobState.UNKNOWN else "finished"
    if record.state is JobState.RUNNING:
        record.unwanted = Unwanted(ended, tuple(ends))
        return "asked"
    state.shelves.withdraw(record)
    ending = Ending(state, now)
    ending.end(record, ended)
    ending.end_waiting(ends)
    ending.abandon_places()
    state.watchers.tell(ending.news, now)
    return "cancelled"


def end_unwanted(state: QueueState, records: Sequence[Record], now: float) -> list[Record]:
    """End those of these jobs, whose claims have ended, that someone asked to cancel; return the others."""
    ending = Ending(state, now)
    for record in sorted(records, key=lambda each: each.token):
        if record.unwanted is not None:
            ending.end(record, record.unwanted.ended)
            ending.end_waiting(record.unwanted.ends)
    ending.abandon_places()
    state.watchers.tell(ending.news, now)
    return [record for record in records if record.unwanted is None]
