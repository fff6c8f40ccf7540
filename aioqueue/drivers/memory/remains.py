"""What is remembered of finished jobs: results, done markers and dead letters."""

from __future__ import annotations

from aioqueue.drivers.base import (
    DEAD_LETTER_TTL,
    DEAD_LETTERS_KEPT,
    DONE_MARKER_TTL,
    Ended,
    Finished,
    Settled,
    StoredJob,
)
from aioqueue.drivers.memory.fading import Fading
from aioqueue.drivers.memory.record import Record, dead_letter
from aioqueue.states import JobState


class Remains:
    """The finished jobs of one queue, each for its time; and the tokens whose settles took effect."""

    def __init__(self) -> None:
        self._results: Fading[str, Settled] = Fading()
        self._markers: Fading[str, JobState] = Fading()
        self._tokens: Fading[int, bool] = Fading()
        self._dead: dict[str, tuple[int, StoredJob]] = {}
        self._deaths = 0

    def bury(self, end: Finished | Ended, now: float) -> Settled:
        """Remember a job that has ended, and return what its waiters are told."""
        settled = Settled(end.id, end.state, end.outcome if end.result_ttl > 0 else b"")
        self._markers.put(end.id, end.state, now + DONE_MARKER_TTL, now)
        if end.result_ttl > 0:
            self._results.put(end.id, settled, now + end.result_ttl, now)
        return settled

    def spend(self, token: int, now: float) -> None:
        """Remember that a settle with this token took effect."""
        self._tokens.put(token, True, now + DONE_MARKER_TTL, now)

    def spent(self, token: int, now: float) -> bool:
        """Tell whether a settle with this token took effect."""
        return self._tokens.get(token, now) is True

    def settled(self, job_id: str, now: float) -> Settled | None:
        """Return the result that is kept, else the bare state while the done marker is there."""
        result = self._results.get(job_id, now)
        if result is not None:
            return result
        state = self._markers.get(job_id, now)
        return None if state is None else Settled(job_id, state, b"")

    def last_words(self, job_id: str, now: float) -> Settled:
        """Return what is known of a job that is not live, if only that nothing is."""
        return self.settled(job_id, now) or Settled(job_id, self.state(job_id, now), b"")

    def state(self, job_id: str, now: float) -> JobState:
        """Return the terminal state of a job, UNKNOWN if nothing remains of it."""
        settled = self.settled(job_id, now)
        if settled is not None:
            return settled.state
        return JobState.FAILED if self.dead(job_id, now) else JobState.UNKNOWN

    def dead(self, job_id: str, now: float) -> StoredJob | None:
        """Return the dead letter of a job."""
        self._drop_old_dead(now)
        numbered = self._dead.get(job_id)
        return numbered and numbered[1]

    def dead_letters(self, now: float) -> list[tuple[int, StoredJob]]:
        """Return every dead letter, newest first, with the number of its death."""
        self._drop_old_dead(now)
        return list(reversed(self._dead.values()))

    def keep_dead(self, record: Record, reason: str, now: float) -> None:
        """Keep a job that failed for good as a dead letter."""
        self._dead.pop(record.id, None)
        self._deaths += 1
        self._dead[record.id] = (self._deaths, dead_letter(record, reason, now))
        if len(self._dead) > DEAD_LETTERS_KEPT:
            del self._dead[next(iter(self._dead))]

    def drop_dead(self, job_id: str) -> None:
        """Remove a dead letter."""
        del self._dead[job_id]

    def _drop_old_dead(self, now: float) -> None:
        while self._dead:
            _, oldest = next(iter(self._dead.values()))
            if now < oldest.died_at + DEAD_LETTER_TTL:
                return
            del self._dead[oldest.id]
