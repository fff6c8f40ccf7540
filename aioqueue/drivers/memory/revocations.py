"""The marks that keep jobs from running. Used under the store's lock."""

from __future__ import annotations

from math import inf

from aioqueue.drivers.base import Revocation
from aioqueue.drivers.memory.fading import Fading
from aioqueue.drivers.memory.record import Record


class Revocations:
    """One mark a target; its serial is never used again, not even after a flush."""

    def __init__(self) -> None:
        self._marks: Fading[str, Revocation] = Fading()
        self._serials = 0

    def put(self, target: str, until: float, once: bool, ttl: float, now: float) -> None:
        """Mark a target, in place of an earlier mark."""
        self._serials += 1
        mark = Revocation(target, until, once, self._serials)
        self._marks.put(target, mark, min(until or inf, now + ttl if ttl else inf), now)

    def get(self, target: str, now: float) -> Revocation | None:
        """Return the mark that holds for a target."""
        return self._marks.get(target, now)

    def of(self, record: Record, now: float) -> Revocation | None:
        """Return the mark that holds for a job, its own before its task's."""
        return self.get(f"job:{record.id}", now) or self.get(f"task:{record.task}", now)

    def remove(self, target: str, now: float) -> bool:
        """Remove a mark; answer whether it held."""
        held = self.get(target, now) is not None
        self._marks.remove(target)
        return held

    def consume(self, mark: Revocation, now: float) -> bool:
        """Answer whether `mark` holds, or in its place one for good; use it up if it holds once."""
        standing = self.get(mark.target, now)
        if standing is None or (standing.once and standing.serial != mark.serial):
            return False
        if standing.once:
            self._marks.remove(mark.target)
        return True

    def forget_job(self, job_id: str) -> None:
        """Remove the mark of a job that lives no more."""
        if self._marks:
            self._marks.remove(f"job:{job_id}")

    def clear(self) -> None:
        """Remove every mark."""
        self._marks.clear()
