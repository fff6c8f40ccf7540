"""The last slot fired of each schedule. Used under the store's lock."""

from __future__ import annotations

from typing import Final

HASTE: Final = 1.0  # seconds by which the clock of who fires may be ahead of the store's


class Firings:
    """The slot, and the id of the job that was enqueued for it, by schedule."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[float, str]] = {}

    def is_last(self, schedule: str, slot: float, job_id: str) -> bool:
        """Tell whether this very slot was the last one, fired with this job."""
        return self._last.get(schedule) == (slot, job_id)

    def may_fire(self, schedule: str, slot: float, now: float) -> bool:
        """Tell whether a slot is later than the last one, and not too far ahead."""
        last = self.last_slot(schedule)
        return slot <= now + HASTE and (last is None or slot > last)

    def record(self, schedule: str, slot: float, job_id: str) -> None:
        """Make this slot the last one."""
        self._last[schedule] = (slot, job_id)

    def last_slot(self, schedule: str) -> float | None:
        """Return the last slot fired."""
        last = self._last.get(schedule)
        return last and last[0]
